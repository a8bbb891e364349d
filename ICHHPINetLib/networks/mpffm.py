"""Multi-Propagation Feature Fusion Module, compact form (paper, equations 2 to 5)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from .affinity import read_slices
from .blocks import ACTIVATED, activate, conv, head, stage, subpixel_logits, up


class SliceFeatures(NamedTuple):
    """What the query encoder makes of slices: it depends on the image alone.

    Sizes of the compact network; ``paper.mpffm`` has coarser and wider ones.
    f1 (S, w1, Y/2, X/2), f2 (S, w2, Y/4, X/4), f3 (S, w3, Y/8, X/8), key (S, d, Y/8, X/8),
    value (S, w3, Y/8, X/8).
    """

    f1: torch.Tensor
    f2: torch.Tensor
    f3: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor

    def at(self, index) -> SliceFeatures:
        """Features of some of the slices."""
        return SliceFeatures(*(x[index] for x in self))


class QueryEncoder(nn.Module):
    """Shared by S_k and S_r: multi-scale features, key and value of slices (S, 2, Y, X)."""

    def __init__(self, widths: tuple[int, int, int], key: int) -> None:
        super().__init__()
        w1, w2, w3 = widths
        self.stem = nn.Sequential(conv(2, 2, w1, 4, stride=2), stage(2, w1))
        self.down2 = nn.Sequential(conv(2, w1, w2, 2, stride=2), stage(2, w2, 2))
        self.down3 = nn.Sequential(conv(2, w2, w3, 2, stride=2), stage(2, w3, 2))
        self.key = conv(2, w3, key, 3, gain=ACTIVATED)
        self.value = conv(2, w3, w3, 3, gain=ACTIVATED)

    def forward(self, image: torch.Tensor) -> SliceFeatures:
        f1 = self.stem(image)
        f2 = self.down2(f1)
        f3 = self.down3(f2)
        x = activate(f3)
        return SliceFeatures(f1, f2, f3, self.key(x), self.value(x))


class MemoryEncoder(nn.Module):
    """Equation 2: V_r from the slice, its mask and its high-level feature."""

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        w1, w2, w3 = widths
        self.stem = conv(2, 3, w1, 4, stride=2)
        self.down2 = nn.Sequential(stage(2, w1), conv(2, w1, w2, 2, stride=2))
        self.down3 = nn.Sequential(stage(2, w2), conv(2, w2, w3, 2, stride=2))
        self.fuse = nn.Sequential(conv(2, 2 * w3, w3, 1), stage(2, w3))

    def forward(self, image: torch.Tensor, mask: torch.Tensor, f3: torch.Tensor) -> torch.Tensor:
        x = self.down3(self.down2(self.stem(torch.cat([image, mask], 1))))
        return self.fuse(torch.cat([x, f3], 1))


class MaskDecoder(nn.Module):
    """Equation 5: M_k from F_k, the memory's answer beside V_k, f1 and f2."""

    def __init__(self, widths: tuple[int, int, int], volume_widths: tuple[int, int, int]) -> None:
        super().__init__()
        w1, w2, w3 = widths
        v1, v2, v3 = volume_widths
        self.merge3 = nn.Sequential(conv(2, 2 * w3 + v3, w3, 1), stage(2, w3))
        self.up2, self.up1 = up(2, w3, w2), up(2, w2, w1)
        self.merge2 = nn.Sequential(conv(2, 2 * w2 + v2, w2, 1), stage(2, w2))
        self.merge1 = nn.Sequential(conv(2, 2 * w1 + v1, w1, 1), stage(2, w1))
        self.head = head(2, w1, 4)

    def forward(
        self,
        features: tuple[torch.Tensor, ...],
        readout: torch.Tensor,
        slices: SliceFeatures,
        volume_logits: torch.Tensor,
    ) -> torch.Tensor:
        x = self.merge3(torch.cat([readout, slices.value, features[2]], 1))
        x = self.merge2(torch.cat([self.up2(x), slices.f2, features[1]], 1))
        x = self.merge1(torch.cat([self.up1(x), slices.f1, features[0]], 1))
        return subpixel_logits(self.head(activate(x)), volume_logits)


class MPFFM(nn.Module):
    """Propagates masks between slices by attention over a memory of slices.

    ``read`` is how the memory answers: ``affinity.read_slices`` or, in an ablation, another one.
    """

    def __init__(
        self, widths: tuple[int, int, int], key: int, volume_widths: tuple[int, int, int], read=read_slices
    ) -> None:
        super().__init__()
        self.read = read
        self.query_encoder = QueryEncoder(widths, key)
        self.memory_encoder = MemoryEncoder(widths)
        self.decoder = MaskDecoder(widths, volume_widths)

    def forward(
        self,
        slices: SliceFeatures,
        keys: torch.Tensor,
        values: torch.Tensor,
        features: tuple[torch.Tensor, ...],
        volume_logits: torch.Tensor,
    ) -> torch.Tensor:
        """Mask logits (N, 1, Y, X) of N slices; see ``read_slices`` and ``MaskDecoder``."""
        return self.decoder(features, self.read(slices.key, keys, values), slices, volume_logits)
