"""SAM2-UNet (Xiong et al. 2024): SAM 2's image encoder with adapters, and a U-shaped decoder; no prompt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import functional
from transformers import Sam2HieraDetModel

from . import losses
from .method import Config, State
from .names import sam2_name
from .network import SliceNetwork
from .prompts import Prompts
from .sam2 import hiera_config
from .slices import Square
from .tensors import fitting

_ENCODER = "vision_encoder.backbone."
_MEAN, _SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BOTTLENECK = 32


class AdaptedBlock(nn.Module):
    """A block of the encoder behind an adapter."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block
        self.adapter = nn.Sequential(
            nn.Linear(block.dim, _BOTTLENECK), nn.GELU(), nn.Linear(_BOTTLENECK, block.dim), nn.GELU()
        )

    def forward(self, tokens: torch.Tensor, **options: Any) -> torch.Tensor:
        return self.block(tokens + self.adapter(tokens), **options)


def _unit(
    inside: int, outside: int, kernel: tuple[int, int] = (1, 1), dilation: int = 1, active: bool = False
) -> nn.Sequential:
    """Convolution and batch normalization at the same resolution."""
    padding = tuple(dilation * (side // 2) for side in kernel)
    convolution = nn.Conv2d(inside, outside, kernel, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outside), *([nn.ReLU()] if active else []))


class ReceptiveField(nn.Module):
    """Looks 1, 3, 5 and 7 pixels wide, ever farther apart (Liu et al. 2018, as in PraNet)."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([_unit(inside, outside)])
        for reach in (3, 5, 7):
            self.branches.append(
                nn.Sequential(
                    _unit(inside, outside),
                    _unit(outside, outside, (1, reach)),
                    _unit(outside, outside, (reach, 1)),
                    _unit(outside, outside, (3, 3), dilation=reach),
                )
            )
        self.merge = _unit(4 * outside, outside, (3, 3))
        self.direct = _unit(inside, outside)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        views = torch.cat([branch(features) for branch in self.branches], dim=1)
        return functional.relu(self.merge(views) + self.direct(features))


class Up(nn.Module):
    """Twice the resolution, joined with the features that the encoder has there."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.join = nn.Sequential(
            _unit(2 * width, width, (3, 3), active=True), _unit(width, width, (3, 3), active=True)
        )

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        larger = functional.interpolate(coarse, fine.shape[-2:], mode="bilinear", align_corners=True)
        return self.join(torch.cat([fine, larger], dim=1))


class Network(SliceNetwork):
    """Adapters, receptive fields and decoder learn; three depths of the decoder are supervised."""

    FULL: ClassVar = {
        "image_size": 352,
        "width": 144,
        "heads": 2,
        "blocks": [2, 6, 36, 4],
        "windows": [8, 4, 16, 8],
        "global_blocks": [23, 33, 43],
        "decoder_width": 64,
    }
    TINY: ClassVar = {
        "image_size": 128,
        "width": 16,
        "heads": 1,
        "blocks": [1, 1, 2, 1],
        "windows": [8, 4, 4, 4],
        "global_blocks": [3],
        "decoder_width": 16,
    }
    RATE = 1e-3
    needs_bleed = prompted = False

    def build(self, config: Config, base: State | None) -> None:
        self.encoder = Sam2HieraDetModel(hiera_config(config))
        if base is not None:
            expected = {f"{_ENCODER}{key}": tensor for key, tensor in self.encoder.state_dict().items()}
            beside = ("image_encoder.neck.", "memory_", "sam_", "mask", "no_", "obj_")
            found = fitting(expected, base, sam2_name, beside)
            self.encoder.load_state_dict({key.removeprefix(_ENCODER): one for key, one in found.items()})
        self.encoder.blocks = nn.ModuleList(map(AdaptedBlock, self.encoder.blocks))
        width = config["decoder_width"]
        self.fields = nn.ModuleList(ReceptiveField(config["width"] << stage, width) for stage in range(4))
        self.ups = nn.ModuleList(Up(width) for _ in range(3))
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in range(3))

    def learning(self) -> Iterable[nn.Module]:
        return (*(block.adapter for block in self.encoder.blocks), self.fields, self.ups, self.heads)

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, 3, size, size), those of the last depth first."""
        mean, sd = (images.new_tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _SD))
        maps = self.encoder((images.expand(-1, 3, -1, -1) - mean) / sd).intermediate_hidden_states
        fine_to_coarse = [
            field(one.permute(0, 3, 1, 2)) for field, one in zip(self.fields, maps, strict=True)
        ]
        features, outputs = fine_to_coarse.pop(), []
        for up, head in zip(self.ups, self.heads, strict=True):
            features = up(features, fine_to_coarse.pop())
            outputs.insert(0, functional.interpolate(head(features), images.shape[-2:], mode="bilinear"))
        return torch.cat(outputs, dim=1)

    def decode(self, features: torch.Tensor, prompts: Prompts | None, square: Square) -> torch.Tensor:
        return features[:, :1]

    def loss(
        self, features: torch.Tensor, prompts: Prompts | None, square: Square, target: torch.Tensor
    ) -> torch.Tensor:
        return sum(self.criterion(logits, target) for logits in features.split(1, dim=1))

    def criterion(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return losses.structure(logits, target)
