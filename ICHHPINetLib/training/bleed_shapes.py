"""What synthetic bleeds and their imitations are made of: distances, uneven surfaces, slices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from ..imaging.working_grid import PIXEL_MM

# Where in a slice, in parts of its thickness, a shape that is given by a formula is looked at.
_WITHIN_SLICE = (-0.4, -0.2, 0.0, 0.2, 0.4)


def depth_below_skull(inside: np.ndarray) -> np.ndarray:
    """Distance in mm, float (Z, Y, X), to the next voxel of the slice that is not ``inside``."""
    return np.stack([ndimage.distance_transform_edt(plane) for plane in inside]) * PIXEL_MM


def distances(shape: tuple[int, int, int], center: np.ndarray, slice_mm: float) -> tuple[np.ndarray, ...]:
    """Distances in mm along z, y and x to a voxel, ready to be broadcast to ``shape``."""
    grid = np.ogrid[tuple(slice(0, n) for n in shape)]
    return tuple(
        (g - c) * step for g, c, step in zip(grid, center, (slice_mm, PIXEL_MM, PIXEL_MM), strict=True)
    )


def wobble(shape: tuple[int, int, int], rng: np.random.Generator, amount: float) -> np.ndarray:
    """Smooth random factor around 1."""
    coarse = rng.standard_normal([max(2, n // 12 if i else n // 3) for i, n in enumerate(shape)])
    zoom = [n / c for n, c in zip(shape, coarse.shape, strict=True)]
    return np.exp(amount * ndimage.zoom(coarse, zoom, order=1)).astype(np.float32)


def through_slices(at: Callable[[np.ndarray], np.ndarray], dz: np.ndarray, slice_mm: float) -> np.ndarray:
    """Mean over the thickness of the slices of a shape that ``at`` gives for distances along z in mm."""
    return np.mean([at(dz + part * slice_mm) for part in _WITHIN_SLICE], axis=0, dtype=np.float32)


def ball(
    shape: tuple[int, int, int],
    center: np.ndarray,
    radius: np.ndarray,
    slice_mm: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Share of an uneven ellipsoid in each voxel, float32 (Z, Y, X); ``radius`` (z, y, x) in mm."""
    dz, dy, dx = distances(shape, center, slice_mm)
    uneven = wobble(shape, rng, 0.3)

    def at(dz: np.ndarray) -> np.ndarray:
        ratio = [d / r for d, r in zip((dz, dy, dx), radius, strict=True)]
        distance = np.sqrt(sum(d**2 for d in ratio)) * uneven
        return np.clip((1 - distance) * radius[1:].mean() / PIXEL_MM + 0.5, 0, 1)

    return through_slices(at, dz, slice_mm)


def moved(image: np.ndarray, move: tuple[int, int, int], shape: tuple[int, int, int]) -> np.ndarray:
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


def field(shape: tuple[int, int, int], sigma: tuple, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit standard deviation."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape).astype(np.float32), sigma)
    return noise / (noise.std() + 1e-6)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Small values as often as large ones, measured in ratios."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
