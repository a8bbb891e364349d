"""What the scribbles say of every voxel: how alike it looks, and how easily they reach it.

A scribble on one slice tells a convolution little about another slice. These two maps carry it through
the volume before the network starts: the density that the user pointed at, and a geodesic distance as in
Wang et al., "DeepIGeoS: a deep interactive geodesic framework for medical image segmentation",
IEEE TPAMI 2019.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

CUES = 2

_BRAIN_WINDOW_HU = 100.0
_LIKENESS_HU = 20.0
# One step costs this much anywhere, and one more for every 10 HU outside the densities of the scribbles.
_STEP = 0.02
_STEP_HU = 10.0
_MOST_HU = 30.0
# Rounds of sweeps along the three axes; each goes round one more bend.
_SWEEPS = 3
_UNREACHED = 1e4
_HALF_WAY = 2.0


@torch.no_grad()
def scribble_cues(image: torch.Tensor, foreground: torch.Tensor) -> torch.Tensor:
    """Likeness and nearness to the foreground scribbles, float32 (Z, 2, Y/2, X/2).

    Parameters
    ----------
    image: brain window (Z, Y, X) in -1..1 (0 to 100 HU), Y and X even.
    foreground: scribbles (Z, Y, X), 0 or 1.

    Returns
    -------
    Channel 0: density minus the scribbles' median, in units of 20 HU, -1..1. Channel 1: 1 on the scribbles,
    1/2 at a geodesic distance of 2, towards 0 where they do not reach. Zeros where nothing is scribbled.
    """
    if image.device.type == "mps":
        # Not every version of PyTorch has a running minimum there.
        return scribble_cues(image.cpu(), foreground.cpu()).to(image.device)
    density = _density(image.float().unsqueeze(1)).squeeze(1)
    marked = F.max_pool2d(foreground.float().unsqueeze(1), 2).squeeze(1) > 0
    if not marked.any():
        return density.new_zeros(len(image), CUES, *density.shape[1:])
    low, middle, high = density[marked].quantile(density.new_tensor([0.1, 0.5, 0.9]))
    likeness = ((density - middle) / _LIKENESS_HU).clamp(-1, 1)
    outside = (low - density).relu() + (density - high).relu()
    cost = _STEP + outside.clamp(max=_MOST_HU) / _STEP_HU
    distance = torch.where(marked, 0.0, _UNREACHED)
    for _ in range(_SWEEPS):
        for axis in (2, 1, 0):
            distance = _swept(distance, cost, axis)
            distance = _swept(distance.flip(axis), cost.flip(axis), axis).flip(axis)
    return torch.stack([likeness, _HALF_WAY / (_HALF_WAY + distance)], 1)


def _density(image: torch.Tensor) -> torch.Tensor:
    """HU (Z, 1, Y/2, X/2), smoothed without what bone beside it would add to a thin collection."""
    soft = (image < 1).float()
    share = F.avg_pool2d(soft, 2)
    sums = F.avg_pool2d((image + 1) * soft, 2)
    around, parts = (F.avg_pool2d(x, 3, 1, 1) for x in (share, sums))
    relative = torch.where(share >= 0.5, parts / around.clamp(min=1e-3), 2.0)
    return relative * _BRAIN_WINDOW_HU / 2


def _swept(distance: torch.Tensor, cost: torch.Tensor, axis: int) -> torch.Tensor:
    """Distances after every voxel was offered all paths along the axis from the voxels before it."""
    total = cost.cumsum(axis)
    return torch.minimum(distance, total + (distance - total).cummin(axis).values)
