"""Multi-Propagation Feature Fusion Module at the paper's scale (equations 2 to 5).

The structure is STCN's (Cheng et al., NeurIPS 2021): a ResNet-50 for keys and queries, a
ResNet-18 for values with the key encoder's features fused in, and a decoder with skips.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..affinity import read_slices
from ..mpffm import SliceFeatures
from .blocks import ResidualBlock, resized
from .inputs import ImageChannel
from .resnet import BasicBlock, Bottleneck, ResNet


class QueryEncoder(nn.Module):
    """Shared by S_k and S_r: features, key and value of slices.

    Input (S, C, Y, X), of which the first channel is read. Output f1 (S, 4w, Y/4, X/4),
    f2 (S, 8w, Y/8, X/8), f3 (S, 16w, Y/16, X/16), key (S, w, Y/16, X/16) and value
    (S, 8w, Y/16, X/16).
    """

    def __init__(self, width: int, gray_range: tuple[float, float]) -> None:
        super().__init__()
        self.image = ImageChannel(gray_range)
        self.resnet = ResNet(Bottleneck, (3, 4, 6), 1, width)
        self.key = nn.Conv2d(16 * width, width, 3, padding=1)
        self.value = nn.Conv2d(16 * width, 8 * width, 3, padding=1)
        nn.init.orthogonal_(self.key.weight)
        nn.init.zeros_(self.key.bias)

    def forward(self, image: torch.Tensor) -> SliceFeatures:
        f1, f2, f3 = self.resnet(self.image(image))
        return SliceFeatures(f1, f2, f3, self.key(f3), self.value(f3))


class Attention(nn.Module):
    """Channel, then spatial attention (CBAM, Woo et al., ECCV 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // 16)
        self.excite = nn.Linear(channels // 16, channels)
        self.spatial = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = (x.mean((2, 3)), x.amax((2, 3)))
        weight = sum(self.excite(F.relu(self.squeeze(vector))) for vector in pooled)
        x = x * weight.sigmoid()[:, :, None, None]
        summary = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return x * self.spatial(summary).sigmoid()


class MemoryEncoder(nn.Module):
    """Equation 2: V_r (R, 8w, Y/16, X/16) from slice (R, C, Y, X), mask (R, 1, Y, X) and f_r^3."""

    def __init__(self, width: int, gray_range: tuple[float, float]) -> None:
        super().__init__()
        self.image = ImageChannel(gray_range)
        self.resnet = ResNet(BasicBlock, (2, 2, 2), 2, width, bias=True)
        self.merge = ResidualBlock(20 * width, 8 * width)
        self.attention = Attention(8 * width)
        self.refine = ResidualBlock(8 * width, 8 * width)

    def forward(self, image: torch.Tensor, mask: torch.Tensor, f3: torch.Tensor) -> torch.Tensor:
        x = self.resnet(torch.cat([self.image(image), mask], 1))[-1]
        x = self.merge(torch.cat([x, f3], 1))
        return self.refine(x + self.attention(x))


class UpsampleBlock(nn.Module):
    """Doubles a map and adds a projection of ``skip`` features of that size."""

    def __init__(self, skip: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip, inputs, 3, padding=1)
        self.block = ResidualBlock(inputs, outputs)

    def forward(self, skip: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return self.block(self.skip(skip) + resized(x, 2))


class MaskDecoder(nn.Module):
    """Equation 5: M_k from F_k, the memory's answer beside V_k, f1 and f2; F_k joins at 1/4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.compress = ResidualBlock(16 * width, 8 * width)
        self.up2 = UpsampleBlock(8 * width, 8 * width, 4 * width)
        self.up1 = UpsampleBlock((4 + 4 + 2 + 1) * width, 4 * width, 4 * width)
        self.head = nn.Conv2d(4 * width, 1, 3, padding=1)

    def forward(
        self, features: tuple[torch.Tensor, ...], readout: torch.Tensor, slices: SliceFeatures
    ) -> torch.Tensor:
        fine, middle, coarse = features
        x = self.compress(torch.cat([readout, slices.value], 1))
        x = self.up2(slices.f2, x)
        x = self.up1(torch.cat([slices.f1, coarse, resized(middle, 0.5), resized(fine, 0.25)], 1), x)
        return resized(self.head(F.relu(x)), 4)


class MPFFM(nn.Module):
    """Propagates masks between slices by attention over a memory of slices.

    ``memory_top`` limits what a pixel reads to that many most similar entries; None reads all.
    """

    read = staticmethod(read_slices)

    def __init__(self, width: int, memory_top: int | None, gray_range: tuple[float, float]) -> None:
        super().__init__()
        self.memory_top = memory_top
        self.query_encoder = QueryEncoder(width, gray_range)
        self.memory_encoder = MemoryEncoder(width, gray_range)
        self.decoder = MaskDecoder(width)

    def forward(
        self,
        slices: SliceFeatures,
        keys: torch.Tensor,
        values: torch.Tensor,
        features: tuple[torch.Tensor, ...],
        volume_logits: torch.Tensor,
    ) -> torch.Tensor:
        """Mask logits (N, 1, Y, X) of N slices with memory (N, T, C, Y/16, X/16) each.

        ``features`` are F_k. VIM's logits, on which the compact decoder builds, are not read:
        equation 5 does not have them.
        """
        readout = self.read(slices.key, keys, values, self.memory_top)
        return self.decoder(features, readout, slices)
