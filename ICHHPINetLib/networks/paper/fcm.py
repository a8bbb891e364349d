"""Feature Convert Module at the paper's scale (paper, equation 1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .blocks import ResidualBlock, resized

# One slice of D1, D2 and D3 stands for so many slices of the volume.
STEPS = (1, 2, 4)


class FCM(nn.Module):
    """F_k = {Conv_1(D1[k]), Conv_2(D2[k]), Conv_3(D3[k])} for every slice k.

    Input: D1 (1, w, Z, Y, X), D2 (1, 2w, Z/2, Y/2, X/2), D3 (1, 4w, Z/4, Y/4, X/4). Output: maps
    (Z, C_i, Y_i, X_i) of the same widths and in-plane sizes. Slices that share one of D2 or D3
    are told apart by their position in it, a one-hot vector beside the features.
    """

    finest = 1

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width)
        self.convs = nn.ModuleList(
            nn.Conv2d(channels + (step if step > 1 else 0), channels, 1)
            for channels, step in zip(widths, STEPS, strict=True)
        )
        # Training heads: D3's way to a mask goes on through D2's.
        self.head = nn.Conv2d(width, 1, 3, padding=1)
        self.coarse_blocks = nn.ModuleList(
            [ResidualBlock(4 * width, 2 * width), ResidualBlock(2 * width, 2 * width)]
        )
        self.coarse_head = nn.Conv2d(2 * width, 1, 3, padding=1)

    def forward(self, maps: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        index = torch.arange(maps[0].shape[2], device=maps[0].device)
        converted = []
        for layer, x, step in zip(self.convs, maps, STEPS, strict=True):
            x = x[0].transpose(0, 1)[index // step]
            if step > 1:
                position = F.one_hot(index % step, step).to(x.dtype)
                x = torch.cat([x, position[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
            converted.append(F.relu(layer(x)))
        return tuple(converted)

    def logits(self, converted: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Mask logits (Z, 1, y, x) of each converted scale; D2's and D3's both at D2's size."""
        fine, middle, coarse = converted
        through = resized(self.coarse_blocks[0](coarse), 2)
        return (
            self.head(fine),
            self.coarse_head(self.coarse_blocks[1](middle)),
            self.coarse_head(self.coarse_blocks[1](through)),
        )
