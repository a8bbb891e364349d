"""Configurations of Segment Anything 2 (Ravi et al. 2024) for transformers' models."""

from __future__ import annotations

from transformers import Sam2HieraDetConfig, Sam2VideoConfig

from .method import Config


def hiera_config(config: Config) -> Sam2HieraDetConfig:
    """The image encoder; stages double the width and the heads and halve the resolution."""
    widths, heads = ([config[name] << stage for stage in range(4)] for name in ("width", "heads"))
    return Sam2HieraDetConfig(
        image_size=[config["image_size"]] * 2,
        hidden_size=widths[0],
        num_attention_heads=heads[0],
        blocks_per_stage=config["blocks"],
        embed_dim_per_stage=widths,
        num_attention_heads_per_stage=heads,
        window_size_per_stage=config["windows"],
        global_attention_blocks=config["global_blocks"],
    )


def video_config(config: Config) -> Sam2VideoConfig:
    """The whole model; ``later`` tells SAM 2.1 from SAM 2.0, ``prompt_width`` is 128 or 256."""
    size, width = config["image_size"], config["prompt_width"]
    hiera = hiera_config(config)
    maps = [[size // step] * 2 for step in (4, 8, 16)]
    decoder = {
        "hidden_size": width,
        "mlp_dim": config["decoder_width"],
        "num_attention_heads": config["decoder_heads"],
        "iou_head_hidden_dim": width,
        # An unstable mask would be swapped for one that fine-tuning does not train.
        "dynamic_multimask_via_stability": False,
    }
    return Sam2VideoConfig(
        image_size=size,
        vision_config={
            "model_type": "sam2_vision_model",
            "backbone_config": hiera.to_dict(),
            "backbone_channel_list": hiera.embed_dim_per_stage[::-1],
            "backbone_feature_sizes": maps,
            "fpn_hidden_size": width,
        },
        prompt_encoder_config={"image_size": size, "hidden_size": width},
        mask_decoder_config=decoder,
        enable_temporal_pos_encoding_for_object_pointers=config["later"],
        enable_occlusion_spatial_embedding=config["later"],
        memory_attention_hidden_size=width,
        memory_attention_feed_forward_hidden_size=config["decoder_width"],
        memory_attention_rope_feat_sizes=maps[-1],
        memory_encoder_hidden_size=width,
        mask_downsampler_embed_dim=width,
        memory_fuser_embed_dim=width,
        memory_fuser_intermediate_dim=4 * width,
    )
