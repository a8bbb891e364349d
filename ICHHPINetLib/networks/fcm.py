"""Feature Convert Module (paper, equation 1): VIM's 3D features as features of a slice."""

from __future__ import annotations

import torch
from torch import nn

from .blocks import NO_BLOOD, conv, head


class FCM(nn.Module):
    """One convolution a scale on slice k of D1, D2 and D3; D1 is at half the plane.

    Input: D1, D2 and D3, (1, C_i, Z, Y_i, X_i). Output: maps (Z, C_i, Y_i, X_i), slices first.
    ``logits`` are the training heads of the Feature Convert Loss.
    """

    finest = 2

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv(2, width, width, 3) for width in widths)
        self.heads = nn.ModuleList(head(2, width, 1, NO_BLOOD) for width in widths)

    def forward(self, maps: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        slices = (x[0].transpose(0, 1).contiguous(memory_format=torch.channels_last) for x in maps)
        return tuple(layer(x) for layer, x in zip(self.convs, slices, strict=True))

    def logits(self, converted: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Mask logits (S, 1, Y_i, X_i) from each converted scale."""
        return tuple(layer(x) for layer, x in zip(self.heads, converted, strict=True))
