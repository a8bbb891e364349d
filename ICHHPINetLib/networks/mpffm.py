"""Multi-Propagation Feature Fusion Module, compact form (paper, equations 2 to 5)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from .affinity import read_slices
from .blocks import ACTIVATED, NO_BLOOD, activate, conv, head, stage, subpixel_logits, up

# Affinity of two pixels of equal look that lie 1.5 key pixels (11 mm) apart: about 1/e of one place's.
_NEARNESS = 1.9

# A key pixel covers 8 x 8 pixels of the slice, 4 x 4 at half the plane.
_MASK_SIDE = 4
MASK_CHANNELS = _MASK_SIDE**2


class SliceFeatures(NamedTuple):
    """What the query encoder makes of slices: it depends on the image alone.

    Sizes of the compact network; ``paper.mpffm`` has coarser and wider ones.
    f1 (S, w1, Y/2, X/2), f2 (S, w2, Y/4, X/4), f3 (S, w3, Y/8, X/8), key (S, d + 2, Y/8, X/8),
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
    """Shared by S_k and S_r: multi-scale features, key and value of slices (S, 2, Y, X).

    Neighboring slices show the same place, which the paper's keys cannot tell. From appearance
    alone attention starts as a mean over the slice and hardly learns to be more; ``nearness`` says how
    much the place counts.
    """

    def __init__(self, widths: tuple[int, int, int], key: int) -> None:
        super().__init__()
        w1, w2, w3 = widths
        self.stem = nn.Sequential(conv(2, 2, w1, 4, stride=2), stage(2, w1))
        self.down2 = nn.Sequential(conv(2, w1, w2, 2, stride=2), stage(2, w2, 2))
        self.down3 = nn.Sequential(conv(2, w2, w3, 2, stride=2), stage(2, w3, 2))
        self.key = conv(2, w3, key, 3, gain=ACTIVATED)
        self.nearness = nn.Parameter(torch.tensor(_NEARNESS))
        self.value = conv(2, w3, w3, 3, gain=ACTIVATED)

    def forward(self, image: torch.Tensor) -> SliceFeatures:
        f1 = self.stem(image)
        f2 = self.down2(f1)
        f3 = self.down3(f2)
        x = activate(f3)
        return SliceFeatures(f1, f2, f3, self._placed(self.key(x)), self.value(x))

    def _placed(self, key: torch.Tensor) -> torch.Tensor:
        """Keys with their place as two more channels, so that distance in the image counts as unlikeness."""
        rows, columns = (torch.arange(n, device=key.device) - (n - 1) / 2 for n in key.shape[2:])
        place = torch.stack(torch.meshgrid(rows, columns, indexing="ij")) * self.nearness
        return torch.cat([key, place.to(key.dtype).expand(len(key), -1, -1, -1)], 1)


class MemoryEncoder(nn.Module):
    """Equation 2: V_r from the slice, its mask and its high-level feature.

    The last ``MASK_CHANNELS`` of the value are the mask itself at half the plane, so that what attention
    reads begins with a copied mask instead of features that nobody uses yet.
    """

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        w1, w2, w3 = widths
        self.stem = conv(2, 3, w1, 4, stride=2)
        self.down2 = nn.Sequential(stage(2, w1), conv(2, w1, w2, 2, stride=2))
        self.down3 = nn.Sequential(stage(2, w2), conv(2, w2, w3, 2, stride=2))
        self.fuse = nn.Sequential(conv(2, 2 * w3, w3, 1), stage(2, w3))

    def forward(self, image: torch.Tensor, mask: torch.Tensor, f3: torch.Tensor) -> torch.Tensor:
        x = self.down3(self.down2(self.stem(torch.cat([image, mask], 1))))
        copy = F.pixel_unshuffle(F.avg_pool2d(mask, 2), _MASK_SIDE)
        return torch.cat([self.fuse(torch.cat([x, f3], 1)), copy.to(x.dtype)], 1)


class MaskDecoder(nn.Module):
    """Equation 5: M_k from F_k, the memory's answer beside V_k, f1 and f2.

    The logits start from VIM's and from the mask that the memory's answer holds.
    """

    def __init__(self, widths: tuple[int, int, int], volume_widths: tuple[int, int, int]) -> None:
        super().__init__()
        w1, w2, w3 = widths
        v1, v2, v3 = volume_widths
        self.merge3 = nn.Sequential(conv(2, 2 * w3 + MASK_CHANNELS + v3, w3, 1), stage(2, w3))
        self.up2, self.up1 = up(2, w3, w2), up(2, w2, w1)
        self.merge2 = nn.Sequential(conv(2, 2 * w2 + v2, w2, 1), stage(2, w2))
        self.merge1 = nn.Sequential(conv(2, 2 * w1 + 1 + v1, w1, 1), stage(2, w1))
        self.head = head(2, w1, 4)
        self.trust = nn.Parameter(torch.tensor(-NO_BLOOD))

    def forward(
        self,
        features: tuple[torch.Tensor, ...],
        readout: torch.Tensor,
        slices: SliceFeatures,
        volume_logits: torch.Tensor,
    ) -> torch.Tensor:
        x = self.merge3(torch.cat([readout, slices.value, features[2]], 1))
        x = self.merge2(torch.cat([self.up2(x), slices.f2, features[1]], 1))
        copied = F.pixel_shuffle(readout[:, -MASK_CHANNELS:], _MASK_SIDE)
        x = self.merge1(torch.cat([self.up1(x), slices.f1, features[0], copied], 1))
        return subpixel_logits(self.head(activate(x)), volume_logits + self.trust * copied)


class MPFFM(nn.Module):
    """Propagates masks between slices by attention over a memory of slices."""

    read = staticmethod(read_slices)

    def __init__(self, widths: tuple[int, int, int], key: int, volume_widths: tuple[int, int, int]) -> None:
        super().__init__()
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
