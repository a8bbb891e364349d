"""Real bleeds carved out of their own heads and put into bleed-free ones.

A network that sees few bleeds learns their heads by heart. The idea is CarveMix's (Zhang et al., MICCAI
2021), with the place chosen so that a bleed lies as deep below the skull as it did.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..imaging.working_grid import PIXEL_MM
from .bleed_shapes import depth_below_skull, moved
from .packed import PackedCase

# What is carved is the bleed and this margin, in which it fades into the new head.
_MARGIN_MM = 4.0
_BONE_HU = 100.0
_BONE_RIM = 2
# Deeper than this, the skull has no say in where a bleed may lie.
_DEEP_MM = 15.0
_SEARCH = range(-14, 15, 2)
_SAMPLED = 300
# As much of a bleed, and of each of its larger slices, must find room in the new head.
_ROOM = 0.8
_LARGER = 15
# As much of a bleed must lie where the skull is closed around it: elsewhere nothing tells its depth.
_ENCLOSED = 0.6
# A slice that shows less of the inside than this part of the largest one is taken for open.
_CLOSED = 0.3
_ALIKE = 1.2

Image = np.ndarray


def transplanted(
    donor: PackedCase, donor_hu: Image, host: PackedCase, rng: np.random.Generator
) -> tuple[Image, Image] | None:
    """A bleed-free CT with the bleeds of another one.

    Parameters
    ----------
    donor, host: with and without a bleed.
    donor_hu: HU (Z, Y, X) of the donor, which may differ from its scan by augmentation.

    Returns
    -------
    HU and blood fraction, float32 (Z, Y, X), of the host, unchanged outside of its skull; None where the
    bleed finds no room, nobody knows how deep it lay, or the slices of the two are not about as far apart.
    """
    if not 1 / _ALIKE < donor.slice_mm / host.slice_mm < _ALIKE or not host.inside.any():
        return None
    fraction, scan = donor.fraction.astype(np.float32) / 255, donor.hu()
    inside, room = _bridged(donor.inside, scan), _bridged(host.inside, host.hu())
    if rng.random() < 0.5:
        fraction, donor_hu, inside, scan = (x[:, :, ::-1] for x in (fraction, donor_hu, inside, scan))
    near, touching = (
        ndimage.binary_dilation(scan > _BONE_HU, np.ones((1, n, n), bool)) for n in (2 * _BONE_RIM + 1, 3)
    )
    enclosed = np.where(near & (fraction < 0.5), 0, fraction * inside)
    pure = [donor_hu[(enclosed > 0.5) & ~rim] for rim in (near, touching)]
    core = pure[0] if pure[0].size >= _LARGER else pure[1]
    if not core.size or enclosed.sum() < _ENCLOSED * fraction.sum():
        return None
    move = _place(enclosed, inside, room, rng)
    whole = moved(enclosed, move, room.shape)
    blood = whole * room
    wanted, kept = ((x > 0.5).sum((1, 2)) for x in (whole, blood))
    if blood.sum() < _ROOM * enclosed.sum() or (kept < _ROOM * wanted)[wanted > _LARGER].any():
        return None
    # Masks reach into bone; left to itself it would be a white shell that marks the place.
    usual = core[core <= np.quantile(core, 0.9)]
    shell = touching | (near & (donor_hu > usual.max()))
    clean = np.where(shell, rng.choice(usual, fraction.shape), donor_hu)
    share = moved(np.where(near & (enclosed == 0), 0, _fading(enclosed)), move, room.shape) * room
    mixed = host.hu() * (1 - share) + moved(clean, move, room.shape) * share
    return mixed.astype(np.float32), blood


def _bridged(inside: Image, scan: Image) -> Image:
    """Where the skull of a slice is open, what its next closed slices on both sides enclose, without bone."""
    area = inside.sum((1, 2))
    closed = np.flatnonzero(area > _CLOSED * area.max())
    out = inside.copy()
    for index in range(*closed[[0, -1]]) if len(closed) else ():
        if index not in closed:
            below, above = closed[closed < index][-1], closed[closed > index][0]
            out[index] |= inside[below] & inside[above] & (scan[index] < _BONE_HU)
    return out


def _fading(fraction: Image) -> Image:
    """Share of the donor in the mixture: all of it in the bleed, less and less in the margin."""
    blood = fraction > 0.05
    away = [ndimage.distance_transform_edt(~plane) if plane.any() else np.inf * ~plane for plane in blood]
    return np.clip(1 - np.stack(away) * PIXEL_MM / _MARGIN_MM, 0, 1)


def _place(
    fraction: Image, inside: Image, host_inside: Image, rng: np.random.Generator
) -> tuple[int, int, int]:
    """Voxels (z, y, x) to move a bleed by: to the same part of the head, then to the same depth."""
    blood = np.argwhere(fraction > 0.5)
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
