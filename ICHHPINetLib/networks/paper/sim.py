"""Slice Interaction Module at the paper's scale: DeepLabv3 (Chen et al., arXiv 1706.05587) on ResNet-50."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .blocks import ConvNorm
from .inputs import InteractionChannels
from .resnet import Bottleneck, ResNet

RATES = (6, 12, 18)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: 1x1, three dilated 3x3 and a second 1x1 branch.

    The last is DeepLabv3's image-level branch without its pooling, as the authors have it: batch
    normalization of a single slice's mean is zero whatever the slice shows.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                ConvNorm(inputs, outputs, 1),
                *(ConvNorm(inputs, outputs, 3, rate) for rate in RATES),
                ConvNorm(inputs, outputs, 1),
            ]
        )
        self.project = ConvNorm(len(self.branches) * outputs, outputs, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.project(torch.cat([branch(x) for branch in self.branches], 1)))


class SIM(nn.Module):
    """Mask logits of scribbled slices from {VD_r, H_r, PM_r}.

    Input (R, 5 or more, Y, X) as ``InteractionChannels`` takes it; output logits (R, 1, Y, X).
    VIM's logits, which guide the compact module, are not read: the paper's SIM has four inputs.
    """

    def __init__(self, width: int, gray_range: tuple[float, float]) -> None:
        super().__init__()
        self.inputs = InteractionChannels(gray_range)
        self.backbone = ResNet(Bottleneck, (3, 4, 6, 3), 4, width)
        self.aspp = ASPP(32 * width, 4 * width)
        self.hidden = ConvNorm(4 * width, 4 * width, 3)
        self.head = nn.Conv2d(4 * width, 1, 1)

    def forward(self, x: torch.Tensor, volume_logits: torch.Tensor) -> torch.Tensor:
        logits = self.head(self.hidden(self.aspp(self.backbone(self.inputs(x))[-1])))
        return F.interpolate(logits, size=x.shape[2:], mode="bilinear", align_corners=False)
