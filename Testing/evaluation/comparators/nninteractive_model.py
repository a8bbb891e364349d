"""A folder as nnInteractive's authors publish one, with a network of next to no size and random weights."""

from __future__ import annotations

import json

import torch

_CONFIGURATION = "3d_fullres"
_STAGES = 3
_PLANS = {
    "dataset_name": "Dataset001_Tiny",
    "plans_name": "tiny",
    "image_reader_writer": "SimpleITKIO",
    "transpose_forward": [0, 1, 2],
    "transpose_backward": [0, 1, 2],
    "configurations": {
        _CONFIGURATION: {
            # It leaves a margin of 24 voxels all around.
            "patch_size": [64, 64, 64],
            "spacing": [1.0, 1.0, 1.0],
            "normalization_schemes": ["ZScoreNormalization"],
            "use_mask_for_norm": [False],
            "batch_dice": False,
            "architecture": {
                "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                "arch_kwargs": {
                    "n_stages": _STAGES,
                    "features_per_stage": [4, 8, 8],
                    "conv_op": "torch.nn.modules.conv.Conv3d",
                    "kernel_sizes": [[3, 3, 3]] * _STAGES,
                    "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
                    "n_conv_per_stage": [1] * _STAGES,
                    "n_conv_per_stage_decoder": [1] * (_STAGES - 1),
                    "conv_bias": True,
                    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
                    "dropout_op": None,
                    "dropout_op_kwargs": None,
                    "nonlin": "torch.nn.LeakyReLU",
                    "nonlin_kwargs": {"inplace": True},
                },
                "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
            },
        }
    },
}
_DATASET = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "object": 1}, "file_ending": ".nii.gz"}
# The mask of the round before, and pairs of boxes, points and scribbles.
_INTERACTION_CHANNELS = 7


def write_model(folder):
    """Write the folder; needs nnInteractive's packages."""
    from nnInteractive.trainer.nnInteractiveTrainer import nnInteractiveTrainer_stub
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    torch.manual_seed(0)
    plans = PlansManager(_PLANS)
    network = nnInteractiveTrainer_stub.build_network_architecture(
        plans, plans.get_configuration(_CONFIGURATION), 1 + _INTERACTION_CHANNELS, 2, False
    )
    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(_PLANS))
    (folder / "dataset.json").write_text(json.dumps(_DATASET))
    (folder / "inference_session_class.json").write_text(json.dumps({"point_radius": 4}))
    checkpoint = {
        "network_weights": network.state_dict(),
        "trainer_name": "nnInteractiveTrainer_stub",
        "init_args": {"configuration": _CONFIGURATION},
    }
    torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")
