"""Volume Interaction Module, compact form (paper, "Volume interaction module").

A residual 3D U-Net on {VD, H, PM}. Its stem halves the plane; z is never pooled, since
slices lie 3 to 6 mm apart while the deepest level's pixels are 14 mm wide.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from .blocks import NO_BLOOD, conv, head, stage, up
from .cues import CUES

# Called with the share of the work that is done; an exception from it ends the work.
OnStage = Callable[[float], None]

# What is done before each stage, measured on two CPU cores.
_ENCODED, _DECODED = (0.04, 0.21, 0.43, 0.53), (0.57, 0.65, 0.77)

INPUTS = 5  # two CT windows, foreground and background scribbles, previous mask


class VIM(nn.Module):
    """Volume segmentation and its three decoder feature maps.

    Input (N, 5, Z, Y, X), Y and X multiples of 16, and cues (N, 2, Z, Y/2, X/2). Output:
    logits (N, 1, Z, Y/2, X/2) and features (D1, D2, D3) at 1/2, 1/4 and 1/8 of the plane, with
    ``widths[:3]`` channels.
    """

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.stem = conv(3, INPUTS, widths[0], (1, 4, 4), stride=(1, 2, 2))
        self.guide = conv(3, CUES, widths[0], (1, 3, 3))
        self.stages = nn.ModuleList()
        self.downs = nn.ModuleList()
        for level, width in enumerate(widths):
            self.stages.append(stage(3, width, 1 if level == 0 else 2))
            if level + 1 < len(widths):
                self.downs.append(conv(3, width, widths[level + 1], (1, 2, 2), stride=(1, 2, 2)))
        self.ups = nn.ModuleList()
        self.merges = nn.ModuleList()
        for level in reversed(range(len(widths) - 1)):
            self.ups.append(up(3, widths[level + 1], widths[level]))
            self.merges.append(
                nn.Sequential(conv(3, 2 * widths[level], widths[level], 1), stage(3, widths[level]))
            )
        self.head = head(3, widths[0], 1, NO_BLOOD)

    def forward(
        self, x: torch.Tensor, cues: torch.Tensor, on_stage: OnStage = lambda share: None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        x = self.stem(x) + self.guide(cues)
        skips = []
        for level, encode in enumerate(self.stages):
            x = _through(encode, x, on_stage, _ENCODED[level])
            if level < len(self.downs):
                skips.append(x)
                x = self.downs[level](x)
        decoded = []
        for upsample, merge, share in zip(self.ups, self.merges, _DECODED, strict=True):
            x = _through(merge, torch.cat([upsample(x), skips.pop()], 1), on_stage, share)
            decoded.append(x)
        d3, d2, d1 = decoded
        return self.head(d1), (d1, d2, d3)


def _through(layers: nn.Sequential, x: torch.Tensor, on_stage: OnStage, share: float) -> torch.Tensor:
    """``layers`` one by one, with a word before each: one of them takes a tenth of the time of a round."""
    for layer in layers:
        for part in layer if isinstance(layer, nn.Sequential) else (layer,):
            on_stage(share)
            x = part(x)
    return x
