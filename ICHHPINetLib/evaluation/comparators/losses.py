"""Losses of the methods, on logits and targets (n, 1, h, w); each from the paper named beside it."""

from __future__ import annotations

import torch
from torch.nn import functional

_SMOOTH = 1e-5


def dice(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - soft Dice with squared denominators (Milletari et al. 2016)."""
    probability = logits.sigmoid()
    overlap = (probability * target).sum()
    return 1 - (2 * overlap + _SMOOTH) / (probability.square().sum() + target.sum() + _SMOOTH)


def cross_entropy(
    logits: torch.Tensor, target: torch.Tensor, weight_of_blood: float | None = None
) -> torch.Tensor:
    """Binary cross-entropy; blood counts ``weight_of_blood`` times."""
    weight = None if weight_of_blood is None else target.new_tensor(weight_of_blood)
    return functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weight)


def focal(logits: torch.Tensor, target: torch.Tensor, alpha: float = 0.25) -> torch.Tensor:
    """Focal loss with gamma 2 (Lin et al. 2017), mean over pixels."""
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    miss = (logits.sigmoid() - target).abs()
    weight = alpha * target + (1 - alpha) * (1 - target)
    return (weight * miss.square() * entropy).mean()


def boundary(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The boundary-aware loss of SAMIHS (Wang et al. 2024): differences count more, the more border there is.

    Difference over union, where a share alpha of the overlap is left out of the union; alpha is large for
    compact targets, whose pixels are mostly inner ones.
    """
    probability = logits.sigmoid()
    area = target.sum()
    alpha = (1 - 2 * _border(target).sum() / area.clamp_min(1)).clamp(-1, 0.8)
    overlap = (probability * target).sum()
    both = probability.square().sum() + area
    return (both - 2 * overlap + _SMOOTH) / (both - (1 + alpha) * overlap + _SMOOTH)


def _border(target: torch.Tensor) -> torch.Tensor:
    """Pixels of the target with a neighbor by an edge that is not of it."""
    padded = functional.pad(target, (1, 1, 1, 1))
    sides = (padded[..., :-2, 1:-1], padded[..., 2:, 1:-1], padded[..., 1:-1, :-2], padded[..., 1:-1, 2:])
    return target - target * torch.stack(sides).amin(dim=0)


def structure(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy and intersection over union, both heavier near the border (Wei et al. 2020, F3Net)."""
    # Written for images of 352 pixels; smaller ones need a window that still fits.
    window = min(31, (min(target.shape[-2:]) // 2) * 2 - 1)
    near = functional.avg_pool2d(target, window, stride=1, padding=window // 2)
    weight = 1 + 5 * (near - target).abs()
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    entropy = (weight * entropy).sum((2, 3)) / weight.sum((2, 3))
    probability = logits.sigmoid()
    overlap = (weight * probability * target).sum((2, 3))
    union = (weight * (probability + target)).sum((2, 3)) - overlap
    return (entropy + 1 - (overlap + 1) / (union + 1)).mean()
