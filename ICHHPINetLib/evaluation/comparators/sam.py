"""Segment Anything (Kirillov et al. 2023) for one slice, on transformers' ``SamModel``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import nn
from transformers import SamConfig, SamModel

from .method import Config, State
from .names import sam_name
from .network import SliceNetwork
from .prompts import Prompts
from .slices import Square
from .tensors import fitting

SAM_BASE: Config = {
    "image_size": 1024,
    "patch_size": 16,
    "width": 768,
    "depth": 12,
    "heads": 12,
    "window": 14,
    "global_layers": [2, 5, 8, 11],
    "prompt_width": 256,
    "decoder_width": 2048,
    "decoder_heads": 8,
}
SAM_TINY: Config = {
    "image_size": 96,
    "patch_size": 8,
    "width": 32,
    "depth": 2,
    "heads": 2,
    "window": 6,
    "global_layers": [1],
    "prompt_width": 32,
    "decoder_width": 64,
    "decoder_heads": 2,
}
# Gray values 0 to 1 as SAM was trained: mean and SD of the three colors of ImageNet.
_MEAN, _SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Logits of a mask prompt, inside and outside.
_SURE = 10.0


class SamNetwork(SliceNetwork):
    """SAM with the parts that a method adds; ``takes`` are the kinds of prompts that it was made for."""

    FULL = SAM_BASE
    TINY = SAM_TINY
    takes: ClassVar[frozenset[str]]
    normalized: ClassVar[bool] = True

    def build(self, config: Config, base: State | None) -> None:
        self.sam = SamModel(_sam_config(config))
        if base is not None:
            self.load_base(base)
        self.adapt(config, base)

    def load_base(self, base: State) -> None:
        """Load tensors under the names of the authors' files."""
        self.sam.load_state_dict(fitting(self.sam.state_dict(), base, sam_name))

    def adapt(self, config: Config, base: State | None) -> None:
        """Put in what the method adds to SAM, with its tensors where ``base`` has them."""

    def learning(self) -> Iterable[nn.Module]:
        return (self.sam.prompt_encoder, self.sam.mask_decoder)

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        colors = images.expand(-1, 3, -1, -1)
        if self.normalized:
            mean, sd = (images.new_tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _SD))
            colors = (colors - mean) / sd
        return self.sam.vision_encoder(colors).last_hidden_state

    def decode(self, features: torch.Tensor, prompts: Prompts | None, square: Square) -> torch.Tensor:
        given = {} if prompts is None else self._given(prompts, square)
        tensors = {name: tensor.to(features.device) for name, tensor in given.items()}
        return self.sam(image_embeddings=features, multimask_output=False, **tensors).pred_masks[:, 0]

    def _given(self, prompts: Prompts, square: Square) -> dict[str, torch.Tensor]:
        given = {}
        if "points" in self.takes:
            given["input_points"] = square.points(prompts.points)[None, None]
            given["input_labels"] = torch.from_numpy(prompts.labels)[None, None]
        if "box" in self.takes:
            given["input_boxes"] = square.points(prompts.box.reshape(2, 2)).reshape(1, 1, 4)
        if "mask" in self.takes and prompts.mask is not None:
            side = 4 * self.size // self.config["patch_size"]
            given["input_masks"] = _SURE * (2 * square.mask(prompts.mask, side) - 1)
        return given


def _sam_config(config: Config) -> SamConfig:
    image = {"image_size": config["image_size"], "patch_size": config["patch_size"]}
    prompt_width = config["prompt_width"]
    return SamConfig(
        vision_config={
            **image,
            "hidden_size": config["width"],
            "num_hidden_layers": config["depth"],
            "num_attention_heads": config["heads"],
            "window_size": config["window"],
            "global_attn_indexes": config["global_layers"],
            "output_channels": prompt_width,
            "num_pos_feats": prompt_width // 2,
            # With the library's 1e-10, the frozen encoder of random weights would see nothing.
            "initializer_range": 0.05,
        },
        prompt_encoder_config={**image, "hidden_size": prompt_width},
        mask_decoder_config={
            "hidden_size": prompt_width,
            "mlp_dim": config["decoder_width"],
            "num_attention_heads": config["decoder_heads"],
            "iou_head_hidden_dim": prompt_width,
        },
    )
