"""Volume Interaction Module at the paper's scale: ResidualUNet3D (Lee et al., arXiv 1706.00120)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .inputs import InteractionChannels

LEVELS = 5
_GROUPS = 8
_DROPOUT = 0.3


class NormConv(nn.Module):
    """Normalization, then a 3x3x3 convolution."""

    def __init__(self, inputs: int, outputs: int, norm: str) -> None:
        super().__init__()
        self.norm = _normalization(norm, inputs)
        self.conv = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.norm(x))


def _normalization(kind: str, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm3d(channels)
    if kind == "group":
        return nn.GroupNorm(_GROUPS if channels % _GROUPS == 0 else 1, channels)
    raise ValueError(f"'{kind}' is no normalization of VIM. Choose 'batch' or 'group'.")


class ResidualBlock3D(nn.Module):
    """A convolution to ``outputs`` channels, and two more beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, norm: str) -> None:
        super().__init__()
        self.conv1 = NormConv(inputs, outputs, norm)
        self.conv2 = NormConv(outputs, outputs, norm)
        self.conv3 = NormConv(outputs, outputs, norm)
        self.dropout = nn.Dropout(_DROPOUT)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.dropout(F.relu(self.conv1(x)))
        x = self.dropout(F.relu(self.conv2(shortcut)))
        return F.relu(self.conv3(x) + shortcut)


class VIM(nn.Module):
    """Volume segmentation and its three finest decoder maps.

    Input (1, 5, Z, Y, X) as ``InteractionChannels`` takes it; any Z, Y and X. Output: logits
    (1, 1, Z, Y, X) and features D1 (1, w, Z, Y, X), D2 (1, 2w, Z/2, Y/2, X/2) and
    D3 (1, 4w, Z/4, Y/4, X/4), sizes rounded up.
    """

    def __init__(self, width: int, norm: str, gray_range: tuple[float, float]) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(LEVELS)]
        self.inputs = InteractionChannels(gray_range)
        self.encoders = nn.ModuleList(
            ResidualBlock3D(below, here, norm) for below, here in zip([4, *widths], widths, strict=False)
        )
        self.ups, self.decoders = nn.ModuleList(), nn.ModuleList()
        for here, above in zip(widths[:0:-1], widths[-2::-1], strict=True):
            self.ups.append(nn.ConvTranspose3d(here, above, 3, stride=2, padding=1))
            self.decoders.append(ResidualBlock3D(above, above, norm))
        self.head = nn.Conv3d(width, 1, 1)
        self.dropout = nn.Dropout(_DROPOUT)

    def forward(
        self, x: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        x = self.inputs(x)
        skips = []
        for level, encoder in enumerate(self.encoders):
            if level:
                # Rounding sizes up keeps volumes of any number of slices, down to one.
                x = self.dropout(F.max_pool3d(x, 2, ceil_mode=True))
            x = encoder(x)
            skips.append(x)
        skips.pop()
        decoded = []
        for upsample, decoder in zip(self.ups, self.decoders, strict=True):
            skip = skips.pop()
            x = decoder(self.dropout(upsample(x, output_size=skip.shape[2:]) + skip))
            decoded.append(x)
        return self.head(x), (decoded[3], decoded[2], decoded[1])
