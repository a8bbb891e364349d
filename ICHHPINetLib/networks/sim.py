"""Slice Interaction Module, compact form (paper, "Slice interaction module").

DeepLabv3's idea, parallel dilated convolutions and an image-level branch, on the
scribbled slice: {VD_r, H_r, PM_r}, and VIM's probability for that slice, by which the
3D context guides the 2D refinement.
"""

from __future__ import annotations

import torch
from torch import nn

from .blocks import ACTIVATED, activate, conv, head, stage, subpixel_logits, up

INPUTS = 6  # two CT windows, foreground and background scribbles, previous mask, VIM probability
RATES = (1, 2, 4)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling with an image-level branch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            conv(2, channels, channels // 2, 3, dilation=rate, gain=ACTIVATED) for rate in RATES
        )
        self.image = conv(2, channels, channels // 2, 1, gain=ACTIVATED)
        self.project = conv(2, channels // 2 * (len(RATES) + 1), channels, 1, gain=ACTIVATED)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = activate(x)
        image = self.image(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        return self.project(activate(torch.cat([branch(x) for branch in self.branches] + [image], 1)))


class SIM(nn.Module):
    """Mask logits of scribbled slices.

    Input (R, 6, Y, X) and VIM's logits (R, 1, Y/2, X/2); output logits (R, 1, Y, X).
    """

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        w1, w2, w3 = widths
        self.stem = nn.Sequential(conv(2, INPUTS, w1, 4, stride=2), stage(2, w1))
        self.down2 = nn.Sequential(conv(2, w1, w2, 2, stride=2), stage(2, w2))
        self.down3 = nn.Sequential(conv(2, w2, w3, 2, stride=2), stage(2, w3), ASPP(w3))
        self.up2, self.up1 = up(2, w3, w2), up(2, w2, w1)
        self.merge2 = nn.Sequential(conv(2, 2 * w2, w2, 1), stage(2, w2))
        self.merge1 = nn.Sequential(conv(2, 2 * w1, w1, 1), stage(2, w1))
        self.head = head(2, w1, 4)

    def forward(self, x: torch.Tensor, volume_logits: torch.Tensor) -> torch.Tensor:
        f1 = self.stem(x)
        f2 = self.down2(f1)
        f3 = self.down3(f2)
        x = self.merge2(torch.cat([self.up2(f3), f2], 1))
        x = self.merge1(torch.cat([self.up1(x), f1], 1))
        return subpixel_logits(self.head(activate(x)), volume_logits)
