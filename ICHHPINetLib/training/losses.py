"""The paper's loss (equation 6): volume, slice and feature convert terms of Dice and cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from monai.losses import DiceLoss

# How much more a voxel of blood counts in the cross-entropy. With the Dice term it makes probabilities of
# blood too high, which is why the masks of a finished network end at ``HPINetConfig.cut`` and not at 0.5.
_BLOOD_COUNTS = 1.2

# Logits and targets, (N, 1, ...).
Pair = tuple[torch.Tensor, torch.Tensor]


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
        volume: Pair | None,
        slices: tuple[Pair, Pair] | None,
        converted: list[Pair],
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The weighted sum and its parts by name.

        A pair is logits and targets: VIM's, those of the scribbled and of the propagated slices, and
        one a scale of FCM. An ablation leaves out what it does not compute.
        """
        w = self.weights
        parts = {}
        if volume is not None:
            parts["VSL"] = w.volume, self.term(*volume)
        if slices is not None:
            parts["SSL"] = w.slice, self.term(*slices[0]) + self.term(*slices[1])
        if converted:
            parts["FCL"] = w.convert, sum(self.term(*pair) for pair in converted) / len(converted)
        total = sum(weight * value for weight, value in parts.values())
        return total, {name: value.item() for name, (_, value) in parts.items()} | {"total": total.item()}


def _cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy: half the mean of all voxels, half the mean of the hardest 2 %.

    A plain mean over a head that is more than 99 % background leaves the bleed next to no gradient.
    """
    counts = logits.new_tensor(_BLOOD_COUNTS)
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none", pos_weight=counts)
    hardest = loss.flatten().topk(max(1, loss.numel() // 50)).values
    return 0.5 * (loss.mean() + hardest.mean())
