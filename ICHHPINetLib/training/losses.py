"""The paper's loss (equation 6): volume, slice and feature convert terms of Dice and cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from monai.losses import DiceLoss


@dataclass(frozen=True)
class LossWeights:
    """lambda_1 to lambda_3 and the shares alpha (Dice) and beta (cross-entropy) of each term."""

    volume: float = 5.0
    slice: float = 1.0
    convert: float = 4.0
    dice: float = 0.5
    cross_entropy: float = 0.5


class HPINetLoss:
    """Computes the total loss; targets are blood fractions in 0..1, logits any float type."""

    def __init__(self, weights: LossWeights = LossWeights()) -> None:
        self.weights = weights
        # Pooled over the batch: most slices of a head have no blood, and a Dice of their own would be noise.
        self._dice = DiceLoss(sigmoid=True, batch=True, smooth_nr=1.0, smooth_dr=1.0)

    def term(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """alpha Dice + beta cross-entropy of logits and target (N, 1, ...)."""
        logits = logits.float()
        return self.weights.dice * self._dice(logits, target) + self.weights.cross_entropy * _cross_entropy(
            logits, target
        )

    def total(
        self,
        volume: tuple[torch.Tensor, torch.Tensor],
        scribbled: tuple[torch.Tensor, torch.Tensor],
        propagated: tuple[torch.Tensor, torch.Tensor],
        converted: list[tuple[torch.Tensor, torch.Tensor]],
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Each argument pairs logits with targets; ``converted`` has one pair a scale.

        Returns the weighted sum and its parts by name.
        """
        w = self.weights
        vsl = self.term(*volume)
        ssl = self.term(*scribbled) + self.term(*propagated)
        fcl = sum(self.term(*pair) for pair in converted) / len(converted)
        total = w.volume * vsl + w.slice * ssl + w.convert * fcl
        return total, {"VSL": vsl.item(), "SSL": ssl.item(), "FCL": fcl.item(), "total": total.item()}


def _cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy: half the mean of all voxels, half the mean of the hardest 2 %.

    A plain mean over a head that is more than 99 % background leaves the bleed next to no gradient.
    """
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    hardest = loss.flatten().topk(max(1, loss.numel() // 50)).values
    return 0.5 * (loss.mean() + hardest.mean())
