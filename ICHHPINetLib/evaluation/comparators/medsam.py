"""MedSAM (Ma et al., Nature Communications 2024): SAM, fine-tuned, from a box a slice."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from . import losses
from .sam import SamNetwork


class Network(SamNetwork):
    """Image encoder and mask decoder learn, the prompt encoder does not. Gray values stay in 0 to 1."""

    RATE = 1e-4
    takes = frozenset({"box"})
    normalized = False

    def learning(self) -> Iterable[nn.Module]:
        return (self.sam.vision_encoder, self.sam.mask_decoder)

    def criterion(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return losses.dice(logits, target) + losses.cross_entropy(logits, target)
