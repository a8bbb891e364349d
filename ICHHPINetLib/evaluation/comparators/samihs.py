"""SAMIHS (Wang et al., ISBI 2024): adapters that share their projections, and a boundary-aware loss."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import nn

from . import losses
from .method import Config, State
from .sam import SAM_BASE, SAM_TINY, SamNetwork


class Projection(nn.Module):
    """One projection down (C, rank) for all layers; its transpose leads up again."""

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(width, rank)))


class Adapter(nn.Module):
    """Rescales the shared projection for its layer, goes down and up again, and adds that to the tokens."""

    def __init__(self, shared: Projection) -> None:
        super().__init__()
        width, rank = shared.weight.shape
        self.shared = shared
        self.scale = nn.Parameter(torch.zeros(1, rank))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        down = self.shared.weight
        return tokens + (tokens @ (down * self.scale)) @ down.T + self.bias


class Network(SamNetwork):
    """Adapters before attention and before the perceptron, prompt encoder and mask decoder learn."""

    FULL: ClassVar = {**SAM_BASE, "rank": 100}
    TINY: ClassVar = {**SAM_TINY, "rank": 8}
    RATE = 5e-4
    takes = frozenset({"points"})

    def adapt(self, config: Config, base: State | None) -> None:
        attention, perceptron = (Projection(config["width"], config["rank"]) for _ in range(2))
        for layer in self.sam.vision_encoder.layers:
            layer.layer_norm1 = nn.Sequential(layer.layer_norm1, Adapter(attention))
            layer.layer_norm2 = nn.Sequential(layer.layer_norm2, Adapter(perceptron))

    def learning(self) -> Iterable[nn.Module]:
        layers = self.sam.vision_encoder.layers
        adapters = [norm[1] for layer in layers for norm in (layer.layer_norm1, layer.layer_norm2)]
        return (*adapters, *super().learning())

    def criterion(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 0.5 * losses.boundary(logits, target) + 0.5 * losses.cross_entropy(logits, target, 2.0)
