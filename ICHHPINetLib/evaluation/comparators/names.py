"""Names of tensors in the files of SAM's and SAM 2's authors, from those of transformers' models."""

from __future__ import annotations

import re
from collections.abc import Sequence

_Pattern = tuple[str, str]

# Layers of small perceptrons, by both of their names.
_PERCEPTRON = r"\.(proj_in|layers\.0|proj_out)\."
_LAYERS = {"proj_in": "0", "layers.0": "1", "proj_out": "2"}
_HEADS = r"(output_hypernetworks_mlps\.\d+|iou_prediction_head|pred_obj_score_head|^object_pointer_proj)"

# Applied one after the other.
_PROMPTS_AND_DECODER: Sequence[_Pattern] = (
    (r"^shared_image_embedding\.", "prompt_encoder.shared_embedding."),
    (r"shared_embedding\.positional_embedding", "pe_layer.positional_encoding_gaussian_matrix"),
    (r"\.point_embed\.", ".point_embeddings."),
    (r"\.mask_embed\.conv1", ".mask_downscaling.0"),
    (r"\.mask_embed\.layer_norm1", ".mask_downscaling.1"),
    (r"\.mask_embed\.conv2", ".mask_downscaling.3"),
    (r"\.mask_embed\.layer_norm2", ".mask_downscaling.4"),
    (r"\.mask_embed\.conv3", ".mask_downscaling.6"),
    (r"\.upscale_conv1", ".output_upscaling.0"),
    (r"\.upscale_layer_norm", ".output_upscaling.1"),
    (r"\.upscale_conv2", ".output_upscaling.3"),
)
_SAM: Sequence[_Pattern] = (
    (r"^vision_encoder\.neck\.conv1", "image_encoder.neck.0"),
    (r"^vision_encoder\.neck\.layer_norm1", "image_encoder.neck.1"),
    (r"^vision_encoder\.neck\.conv2", "image_encoder.neck.2"),
    (r"^vision_encoder\.neck\.layer_norm2", "image_encoder.neck.3"),
    (r"^vision_encoder\.layers", "image_encoder.blocks"),
    (r"^vision_encoder", "image_encoder"),
)
_SAM2: Sequence[_Pattern] = (
    (r"^no_memory_embedding", "no_mem_embed"),
    (r"^no_memory_positional_encoding", "no_mem_pos_enc"),
    (r"^memory_temporal_positional_encoding", "maskmem_tpos_enc"),
    (r"^no_object_pointer", "no_obj_ptr"),
    (r"^occlusion_spatial_embedding_parameter", "no_obj_embed_spatial"),
    (r"^temporal_positional_encoding_projection_layer", "obj_ptr_tpos_proj"),
    (r"^object_pointer_proj", "obj_ptr_proj"),
    (r"^vision_encoder\.backbone", "image_encoder.trunk"),
    (r"^vision_encoder\.neck\.convs\.(\d+)", r"image_encoder.neck.convs.\1.conv"),
    (r"\.mlp\.proj_in", ".mlp.layers.0"),
    (r"\.mlp\.proj_out", ".mlp.layers.1"),
    (r"^memory_encoder\.projection", "memory_encoder.out_proj"),
    (r"\.o_proj\.", ".out_proj."),
    (r"^memory_encoder\.feature_projection", "memory_encoder.pix_feat_proj"),
    (r"\.memory_fuser\.", ".fuser."),
    (r"\.fuser\.layers\.(\d+)\.scale", r".fuser.layers.\1.gamma"),
    (r"\.depthwise_conv", ".dwconv"),
    (r"\.pointwise_conv", ".pwconv"),
    (r"\.mask_downsampler\.final_conv", ".mask_downsampler.encoder.12"),
    (r"^(prompt_encoder|mask_decoder)", r"sam_\1"),
)
_LAST: Sequence[_Pattern] = (
    (r"patch_embed\.projection", "patch_embed.proj"),
    (r"\.layer_norm", ".norm"),
)


def sam_name(key: str) -> str:
    """The name of tensor ``key`` of ``SamModel`` in the authors' files, as in ``sam_vit_b_01ec64.pth``."""
    return _applied(_numbered(key), (*_PROMPTS_AND_DECODER, *_SAM, *_LAST))


def sam2_name(key: str) -> str:
    """The name of tensor ``key`` of ``Sam2VideoModel`` in the authors' files, as in ``sam2_hiera_small.pt``.

    There, the rows of ``prompt_encoder.point_embed.weight`` are tensors of their own.
    """
    return _applied(_down_sampler(_numbered(key)), (*_PROMPTS_AND_DECODER, *_SAM2, *_LAST))


def _applied(key: str, patterns: Sequence[_Pattern]) -> str:
    for ours, theirs in patterns:
        key = re.sub(ours, theirs, key)
    return key


def _numbered(key: str) -> str:
    return re.sub(_HEADS + _PERCEPTRON, lambda found: f"{found[1]}.layers.{_LAYERS[found[2]]}.", key)


def _down_sampler(key: str) -> str:
    """The authors count convolutions, norms and activations through."""

    def number(found: re.Match[str]) -> str:
        return f".mask_downsampler.encoder.{3 * int(found[1]) + (found[2] == 'layer_norm')}."

    return re.sub(r"\.mask_downsampler\.layers\.(\d+)\.(conv|layer_norm)\.", number, key)
