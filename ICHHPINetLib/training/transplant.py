"""Real bleeds carved out of their own heads and put into bleed-free ones.

A network that sees few bleeds learns their heads by heart. The idea is CarveMix's (Zhang et al., MICCAI
2021), with the place chosen so that a bleed lies as deep below the skull as it did.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..imaging.working_grid import PIXEL_MM
from .forms import depth_below_skull
from .pack import Case

# What is carved is the bleed and this margin, in which it fades into the new head.
_MARGIN_MM = 4.0
_BONE_HU = 100.0
_BONE_RIM = 2
# No blood is denser than its median by more than that; what is, shares its voxel with bone.
_DENSER_HU = 20.0
# Deeper than this, the skull has no say in where a bleed may lie.
_DEEP_MM = 15.0
_SEARCH = range(-14, 15, 2)
_SAMPLED = 300
# As much of a bleed must find room in the new head.
_ROOM = 0.8
_ALIKE = 1.2

Image = np.ndarray


def transplanted(
    donor: Case, donor_hu: Image, host: Case, rng: np.random.Generator
) -> tuple[Image, Image] | None:
    """A bleed-free CT with the bleeds of another one.

    Parameters
    ----------
    donor, host: with and without a bleed.
    donor_hu: HU (Z, Y, X) of the donor, which may differ from its scan by augmentation.

    Returns
    -------
    HU and blood fraction, float32 (Z, Y, X) of the host, its bone unchanged; None where the bleed finds
    no room or the slices of the two are not about as far apart.
    """
    if not 1 / _ALIKE < donor.slice_mm / host.slice_mm < _ALIKE:
        return None
    fraction, inside = donor.fraction.astype(np.float32) / 255, donor.inside
    if rng.random() < 0.5:
        fraction, donor_hu, inside = (x[:, :, ::-1] for x in (fraction, donor_hu, inside))
    move = _place(fraction, inside, host.inside, rng)
    if move is None:
        return None
    blood = _moved(fraction, move, host.inside.shape) * host.inside
    if blood.sum() < _ROOM * fraction.sum() or not (blood > 0.5).any():
        return None
    brightest = np.median(donor_hu[fraction > 0.5]) + _DENSER_HU
    share = _moved(_share(fraction, donor_hu), move, blood.shape) * host.inside
    carved = _moved(np.minimum(donor_hu, brightest), move, blood.shape)
    return (host.hu() * (1 - share) + carved * share).astype(np.float32), blood


def _share(fraction: Image, hu: Image) -> Image:
    """Of the donor in the mixture: all of it in the bleed, none of its bone, less and less in the margin."""
    blood = fraction > 0.05
    away = [ndimage.distance_transform_edt(~plane) if plane.any() else np.inf * ~plane for plane in blood]
    fading = np.clip(1 - np.stack(away) * PIXEL_MM / _MARGIN_MM, 0, 1)
    rim = np.ones((1, 2 * _BONE_RIM + 1, 2 * _BONE_RIM + 1), bool)
    bone = ndimage.binary_dilation((hu > _BONE_HU) & ~blood, rim)
    return np.where(bone & (fraction < 0.5), 0, fading).astype(np.float32)


def _place(
    fraction: Image, inside: Image, host_inside: Image, rng: np.random.Generator
) -> tuple[int, int, int] | None:
    """Voxels (z, y, x) to move a bleed by: to the same part of the head, then to the same depth."""
    blood = np.argwhere(fraction > 0.5)
    if not (len(blood) and inside.any() and host_inside.any()):
        return None
    (low, high), (host_low, host_high) = _extent(inside), _extent(host_inside)
    center = blood.mean(0)
    part = (center - low) / (high - low + 1) + rng.normal(0, (0.06, 0, 0))
    up, down, right = np.rint(host_low + part * (host_high - host_low + 1) - center).astype(int)
    z, y, x = blood[rng.integers(len(blood), size=_SAMPLED)].T
    own = np.minimum(depth_below_skull(inside), _DEEP_MM)[z, y, x]
    # What falls out of the volume falls on its padding, where nothing has any depth.
    depth = np.pad(np.minimum(depth_below_skull(host_inside), _DEEP_MM), ((0, 1),) * 3)
    z = _within(z + up, len(host_inside))
    best = None
    height, width = host_inside.shape[1:]
    for dy in _SEARCH:
        rows = _within(y + down + dy, height)
        for dx in _SEARCH:
            columns = _within(x + right + dx, width)
            found = depth[z, rows, columns]
            cost = np.abs(found - own).mean() + _DEEP_MM * (found == 0).mean() + rng.uniform(0, 0.5)
            if best is None or cost < best[0]:
                best = cost, (up, down + dy, right + dx)
    return tuple(int(step) for step in best[1])


def _within(index: np.ndarray, size: int) -> np.ndarray:
    return np.where((index >= 0) & (index < size), index, size)


def _extent(inside: Image) -> tuple[np.ndarray, np.ndarray]:
    """First and last voxel (z, y, x) of what the skull encloses."""
    voxels = np.argwhere(inside)
    return voxels.min(0), voxels.max(0)


def _moved(image: Image, move: tuple[int, int, int], shape: tuple[int, int, int]) -> Image:
    """``image`` (Z, Y, X) on a grid of ``shape``, shifted by whole voxels; zero where it does not reach."""
    out = np.zeros(shape, np.float32)
    to, of = [], []
    for step, length, limit in zip(move, image.shape, shape, strict=True):
        low, high = max(0, step), min(limit, length + step)
        if low >= high:
            return out
        to.append(slice(low, high))
        of.append(slice(low - step, high - step))
    out[tuple(to)] = image[tuple(of)]
    return out
