"""Synthetic bleeds in real, bleed-free heads.

A bleed is a fraction of blood in each voxel, built on fine slices and averaged to the
slices of the CT, so that top and bottom show true partial volume. Blood replaces the
tissue's mean but keeps the scan's own noise.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..imaging.working_grid import PIXEL_MM
from .pack import Case, Shape

_FINE_MM = 1.0
_TISSUE_HU = (5.0, 60.0)


def insert_bleeds(case: Case, shapes: list[Shape], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A copy of a bleed-free CT with one to three bleeds.

    Returns
    -------
    HU float32 (Z, Y, X) and blood fraction float32 (Z, Y, X) in 0..1; the fraction is zero
    everywhere if no place was found.
    """
    hu = case.hu()
    depth = np.stack([ndimage.distance_transform_edt(plane) for plane in case.inside]) * PIXEL_MM
    fraction = np.zeros(hu.shape, np.float32)
    for _ in range(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1])):
        make = rng.choice([_lens, _crescent, _real_shape], p=[0.3, 0.3, 0.4]) if shapes else _lens
        added = make(case, depth, shapes, rng)
        fraction = np.maximum(fraction, added)
    return _blend(hu, case.inside, fraction, rng), fraction


def _blend(hu: np.ndarray, inside: np.ndarray, fraction: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if not fraction.any():
        return hu
    tissue = hu[inside & (fraction > 0.3)]
    around = float(np.median(tissue)) if tissue.size else 32.0
    blood = max(rng.normal(61, 9), around + rng.uniform(7, 14))
    smooth = ndimage.gaussian_filter(hu, (0, 1.5, 1.5))
    texture = ndimage.gaussian_filter(rng.standard_normal(hu.shape).astype(np.float32), (0.7, 4, 4))
    texture *= rng.uniform(0, 7) / (texture.std() + 1e-6)
    if rng.random() < 0.5:
        hu = _edema(hu, smooth, fraction, rng)
    soft = ndimage.gaussian_filter(fraction, (0, *[rng.uniform(0.3, 1.0)] * 2))
    noise = np.clip(hu - smooth, -12, 12)
    return (hu * (1 - soft) + (blood + texture + noise) * soft).astype(np.float32)


def _edema(hu: np.ndarray, smooth: np.ndarray, fraction: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Darker tissue next to the clot, fading outwards."""
    reach = ndimage.gaussian_filter(fraction, (0.5, *[rng.uniform(3, 8)] * 2))
    brain = (smooth > _TISSUE_HU[0]) & (smooth < _TISSUE_HU[1])
    return hu - brain * np.clip(3 * reach, 0, 1) * rng.uniform(2, 9)


def _surface_point(depth: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """A voxel (z, y, x) just inside the skull."""
    near = np.argwhere((depth > 0) & (depth <= 1.5 * PIXEL_MM))
    return near[rng.integers(len(near))] if len(near) else None


def _distances(shape: tuple[int, int, int], centre: np.ndarray, slice_mm: float) -> tuple[np.ndarray, ...]:
    grid = np.ogrid[tuple(slice(0, n) for n in shape)]
    return tuple(
        (g - c) * step for g, c, step in zip(grid, centre, (slice_mm, PIXEL_MM, PIXEL_MM), strict=True)
    )


def _wobble(shape: tuple[int, int, int], rng: np.random.Generator, amount: float) -> np.ndarray:
    """Smooth random factor around 1."""
    coarse = rng.standard_normal([max(2, n // 12 if i else n // 3) for i, n in enumerate(shape)])
    zoom = [n / c for n, c in zip(shape, coarse.shape, strict=True)]
    return np.exp(amount * ndimage.zoom(coarse, zoom, order=1)).astype(np.float32)


def _lens(case: Case, depth: np.ndarray, shapes: list[Shape], rng: np.random.Generator) -> np.ndarray:
    """Epidural: biconvex against the inner table."""
    return _against_skull(case, depth, rng, radius=(12, 45), thickness=(4, 25), power=2.0)


def _crescent(case: Case, depth: np.ndarray, shapes: list[Shape], rng: np.random.Generator) -> np.ndarray:
    """Subdural: long and thin along the inner table."""
    return _against_skull(case, depth, rng, radius=(25, 85), thickness=(2.5, 12), power=4.0)


def _against_skull(case, depth, rng, radius, thickness, power) -> np.ndarray:
    centre = _surface_point(depth, rng)
    if centre is None:
        return np.zeros(depth.shape, np.float32)
    dz, dy, dx = _distances(depth.shape, centre, case.slice_mm)
    reach = rng.uniform(*radius)
    thick = rng.uniform(*thickness)
    profile = 1 - ((dz**2 + dy**2 + dx**2) / reach**2) ** (power / 2)
    local = thick * _wobble(depth.shape, rng, 0.25) * np.clip(profile, 0, None)
    return np.where(depth > 0, np.clip((local - depth) / PIXEL_MM + 0.5, 0, 1) * (local > 0.5), 0).astype(
        np.float32
    )


def _real_shape(case: Case, depth: np.ndarray, shapes: list[Shape], rng: np.random.Generator) -> np.ndarray:
    """The shape of a real bleed, turned, scaled and put near where it lay in its own head."""
    shape = shapes[rng.integers(len(shapes))]
    size = case.codes.shape
    fraction = np.zeros(size, np.float32)
    fine = _transformed(shape, rng)
    slices = max(1, round(case.slice_mm / _FINE_MM))
    offset = int(rng.integers(slices))
    fine = np.pad(fine, ((offset, -(len(fine) + offset) % slices), (0, 0), (0, 0)))
    coarse = fine.reshape(-1, slices, *fine.shape[1:]).mean(1)
    jitter = rng.normal(0, 0.06, 3)
    target = np.array([(c + j) * n for c, j, n in zip(shape.centre, jitter, size, strict=True)])
    if rng.random() < 0.3:
        brain = np.argwhere(depth > 8)
        if len(brain):
            target = brain[rng.integers(len(brain))]
    start = np.rint(target - np.array(coarse.shape) / 2).astype(int)
    to, of = [], []
    for begin, length, limit in zip(start, coarse.shape, size, strict=True):
        low, high = max(0, begin), min(limit, begin + length)
        if low >= high:
            return fraction
        to.append(slice(low, high))
        of.append(slice(low - begin, high - begin))
    fraction[tuple(to)] = coarse[tuple(of)]
    return fraction * (depth > 0)


def _transformed(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Soft shape (Z, Y, X) on slices of ``_FINE_MM``: interpolated between its slices by signed distance."""
    padded = np.pad(shape.mask, ((1, 1), (2, 2), (2, 2)))
    inner = [ndimage.distance_transform_edt(plane) for plane in padded]
    outer = [
        ndimage.distance_transform_edt(~plane) if plane.any() else np.full(plane.shape, 4.0)
        for plane in padded
    ]
    signed = np.stack(inner) - np.stack(outer)
    scale = rng.uniform(0.7, 1.4)
    angle = rng.uniform(-180, 180) if rng.random() < 0.3 else rng.uniform(-25, 25)
    signed = ndimage.rotate(signed, angle, axes=(1, 2), order=1, mode="nearest")
    if rng.random() < 0.5:
        signed = signed[:, :, ::-1]
    return np.clip(
        ndimage.zoom(signed, (scale * shape.slice_mm / _FINE_MM, scale, scale), order=1) + 0.5, 0, 1
    )
