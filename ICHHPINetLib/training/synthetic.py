"""Synthetic bleeds in real, bleed-free heads.

A bleed is a fraction of blood in each voxel, averaged over the thickness of the slice,
so that top and bottom show true partial volume. Blood replaces the tissue's mean but keeps
the scan's own noise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from ..imaging.working_grid import PIXEL_MM
from .bleed_shapes import (
    ball,
    depth_below_skull,
    distances,
    field,
    log_uniform,
    moved,
    through_slices,
    wobble,
)
from .hu_codes import encode
from .mass_effect import pushed
from .packed import PackedCase, Shape

_FINE_MM = 1.0
_BONE_HU = 60.0
_TISSUE_HU = (5.0, 60.0)
_AIR_HU = -700.0
# Shares of bleeds with air and with parts that have not clotted or are older.
_AIR = 0.08
_MIXED = 0.3
# Share of bleeds that move the brain around them.
_PUSHING = 0.5


def insert_bleeds(
    case: PackedCase, shapes: list[Shape], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A copy of a bleed-free CT with one to three bleeds.

    Returns
    -------
    HU float32 (Z, Y, X) and blood fraction float32 (Z, Y, X) in 0..1; the fraction is zero
    everywhere if no place was found.
    """
    hu = case.hu()
    depth = depth_below_skull(case.inside)
    fraction = np.zeros(hu.shape, np.float32)
    for _ in range(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1])):
        kinds = KINDS if shapes else {make: share for make, share in KINDS.items() if make is not real_shape}
        weights = np.array([*kinds.values()])
        make = rng.choice([*kinds], p=weights / weights.sum())
        added = make(case, depth, shapes, rng)
        if added.any():
            # Blood between the gyri takes no room of theirs.
            if make is not sulcal and rng.random() < _PUSHING:
                hu, fraction = pushed([hu, fraction], added, depth, case.slice_mm, rng)
                fraction = np.clip(fraction, 0, 1) * (depth > 0)
                # Blood that comes later flows between the gyri where they are now.
                case = replace(case, codes=encode(hu))
            tissue = hu[case.inside & (added > 0.3)]
            around = float(np.median(tissue)) if tissue.size else 32.0
            hu = blend(hu, added, around, density(around, rng), rng)
            fraction = np.maximum(fraction, added)
    if fraction.any() and rng.random() < _AIR:
        hu, fraction = bubbles(hu, fraction, case, rng)
    return hu, fraction


def blend(
    hu: np.ndarray, fraction: np.ndarray, around: float, blood: float, rng: np.random.Generator
) -> np.ndarray:
    """The CT with one bleed of ``blood`` HU in tissue of ``around`` HU."""
    smooth = ndimage.gaussian_filter(hu, (0, 1.5, 1.5))
    texture = field(hu.shape, (0.7, 4, 4), rng) * rng.uniform(0, 7)
    if rng.random() < _MIXED:
        parts = np.clip(field(hu.shape, (0.7, *[rng.uniform(2, 6)] * 2), rng) + rng.uniform(-1, 0.5), 0, 1)
        texture = texture - parts * (blood - around) * rng.uniform(0.4, 1.1)
    noise = np.clip(hu - _soft_tissue(hu), -12, 12)
    if rng.random() < 0.5:
        hu = _edema(hu, smooth, fraction, rng)
    soft = ndimage.gaussian_filter(fraction, (0, *[rng.uniform(0.3, 1.0)] * 2))
    return (hu * (1 - soft) + (blood + texture + noise) * soft).astype(np.float32)


def _soft_tissue(hu: np.ndarray) -> np.ndarray:
    """Local mean without bone, which would leave a dark rim in the blood beside it."""
    soft = (hu < _BONE_HU).astype(np.float32)
    total, share = (ndimage.gaussian_filter(one, (0, 1.5, 1.5)) for one in (hu * soft, soft))
    return total / np.maximum(share, 1e-3)


def bubbles(
    hu: np.ndarray, fraction: np.ndarray, case: PackedCase, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Air in and beside a bleed, as after a fracture or an operation; it is no blood."""
    air = np.zeros(hu.shape, np.float32)
    places = np.argwhere((fraction > 0.2) & (fraction < 0.9) & case.inside)
    for _ in range(rng.integers(1, 7) if len(places) else 0):
        center = places[rng.integers(len(places))]
        distance = np.sqrt(sum(d**2 for d in distances(hu.shape, center, case.slice_mm)))
        air = np.maximum(air, np.clip((log_uniform(rng, 1, 5) - distance) / PIXEL_MM + 0.5, 0, 1))
    air *= case.inside
    return hu * (1 - air) + _AIR_HU * air, fraction * (1 - air)


def density(around: float, rng: np.random.Generator) -> float:
    """HU of a bleed in tissue of ``around``: most are acute, some as dark as brain, or darker and old."""
    kind = rng.random()
    if kind < 0.84:
        return max(rng.normal(61, 9), around + rng.uniform(7, 14))
    return around + rng.uniform(2, 8) if kind < 0.93 else rng.uniform(8, 24)


def _edema(hu: np.ndarray, smooth: np.ndarray, fraction: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Darker tissue next to the clot, fading outwards."""
    reach = ndimage.gaussian_filter(fraction, (0.5, *[rng.uniform(3, 8)] * 2))
    brain = (smooth > _TISSUE_HU[0]) & (smooth < _TISSUE_HU[1])
    return hu - brain * np.clip(3 * reach, 0, 1) * rng.uniform(2, 9)


def _surface_point(depth: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """A voxel (z, y, x) just inside the skull."""
    near = np.argwhere((depth > 0) & (depth <= 1.5 * PIXEL_MM))
    return near[rng.integers(len(near))] if len(near) else None


def lens(case: PackedCase, depth: np.ndarray, shapes: list[Shape], rng: np.random.Generator) -> np.ndarray:
    """Epidural: biconvex against the inner table."""
    return _against_skull(case, depth, rng, radius=(8, 45), thickness=(2.5, 25), power=2.0)


def crescent(
    case: PackedCase, depth: np.ndarray, shapes: list[Shape], rng: np.random.Generator
) -> np.ndarray:
    """Subdural: long and thin along the inner table."""
    return _against_skull(case, depth, rng, radius=(25, 85), thickness=(2, 14), power=4.0)


def contusion(
    case: PackedCase, depth: np.ndarray, shapes: list[Shape], rng: np.random.Generator
) -> np.ndarray:
    """A small bleed in the brain, most often near its surface: uneven, from some microlitres upwards."""
    brain = np.argwhere((depth > 3) & (depth < log_uniform(rng, 8, 60)))
    if not len(brain):
        return np.zeros(depth.shape, np.float32)
    center = brain[rng.integers(len(brain))] + rng.uniform(-0.5, 0.5, 3)
    radius = log_uniform(rng, 2.5, 14) * np.exp(rng.normal(0, 0.25, 3))
    return ball(depth.shape, center, radius, case.slice_mm, rng) * (depth > 0)


def sulcal(case: PackedCase, depth: np.ndarray, shapes: list[Shape], rng: np.random.Generator) -> np.ndarray:
    """Subarachnoid: blood in place of the cerebrospinal fluid of a region."""
    fluid = ndimage.gaussian_filter(case.hu(), (0, 0.7, 0.7))
    dark = (depth > 0) & (fluid < 18)
    places = np.argwhere(dark & (depth < 25))
    if not len(places):
        return np.zeros(depth.shape, np.float32)
    center = places[rng.integers(len(places))]
    dz, dy, dx = distances(depth.shape, center, case.slice_mm)
    near = np.sqrt(dz**2 + dy**2 + dx**2) * wobble(depth.shape, rng, 0.3) < rng.uniform(12, 35)
    return (np.clip((rng.uniform(18, 26) - fluid) / 8, 0, 1) * near * (depth > 0)).astype(np.float32)


def _against_skull(case, depth, rng, radius, thickness, power) -> np.ndarray:
    center = _surface_point(depth, rng)
    if center is None:
        return np.zeros(depth.shape, np.float32)
    dz, dy, dx = distances(depth.shape, center, case.slice_mm)
    reach, thick = log_uniform(rng, *radius), log_uniform(rng, *thickness)
    height = thick * wobble(depth.shape, rng, 0.25)

    def at(dz: np.ndarray) -> np.ndarray:
        profile = 1 - ((dz**2 + dy**2 + dx**2) / reach**2) ** (power / 2)
        local = height * np.clip(profile, 0, None)
        return np.clip((local - depth) / PIXEL_MM + 0.5, 0, 1) * (local > 0.5)

    return through_slices(at, dz, case.slice_mm) * (depth > 0)


def real_shape(
    case: PackedCase, depth: np.ndarray, shapes: list[Shape], rng: np.random.Generator
) -> np.ndarray:
    """The shape of a real bleed, turned, scaled and put near where it lay in its own head."""
    shape = shapes[rng.integers(len(shapes))]
    size = case.codes.shape
    fine = _transformed(shape, rng)
    slices = max(1, round(case.slice_mm / _FINE_MM))
    offset = int(rng.integers(slices))
    fine = np.pad(fine, ((offset, -(len(fine) + offset) % slices), (0, 0), (0, 0)))
    coarse = fine.reshape(-1, slices, *fine.shape[1:]).mean(1)
    jitter = rng.normal(0, 0.06, 3)
    target = np.array([(c + j) * n for c, j, n in zip(shape.center, jitter, size, strict=True)])
    if rng.random() < 0.3:
        brain = np.argwhere(depth > 8)
        if len(brain):
            target = brain[rng.integers(len(brain))]
    start = np.rint(target - np.array(coarse.shape) / 2).astype(int)
    return moved(coarse, start, size) * (depth > 0)


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


KINDS = {lens: 0.3, crescent: 0.25, contusion: 0.12, sulcal: 0.05, real_shape: 0.28}
