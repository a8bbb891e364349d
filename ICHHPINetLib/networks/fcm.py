"""Feature Convert Module (paper, equation 1): VIM's 3D features as features of a slice."""

from __future__ import annotations

import torch
from torch import nn

from .blocks import conv, head


class FCM(nn.Module):
    """One convolution a scale on slice k of D1, D2 and D3.

    Input: features (S, C_i, Y_i, X_i) of S slices at three scales. Output: as many maps of
    the same sizes. ``logits`` are the training heads of the Feature Convert Loss.
    """

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv(2, width, width, 3) for width in widths)
        self.heads = nn.ModuleList(head(2, width, 1) for width in widths)

    def forward(self, features: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return tuple(layer(x) for layer, x in zip(self.convs, features, strict=True))

    def logits(self, converted: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Mask logits (S, 1, Y_i, X_i) from each converted scale."""
        return tuple(layer(x) for layer, x in zip(self.heads, converted, strict=True))
