"""Mass effect: a bleed takes room, and the brain around it gives way."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..imaging.working_grid import PIXEL_MM

# A ball of the same volume moves its surroundings by up to this part of its radius.
_PART_OF_RADIUS = 0.35
_MOST_MM = 7.0
_REACH_MM = (6.0, 16.0)
# What lies next to the inner table, bone partial volume with it, stays; deeper down all gives way.
_FIXED_MM = 3.0
_FREE_MM = 11.0


def pushed(
    images: list[np.ndarray],
    added: np.ndarray,
    depth: np.ndarray,
    slice_mm: float,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Images of a head as the pressure of a new bleed leaves them.

    Parameters
    ----------
    images: float32 (Z, Y, X) each, on one grid.
    added: share of the new bleed in each voxel, 0..1 (Z, Y, X).
    depth: below the inner table in mm (Z, Y, X).

    Returns
    -------
    The images, moved away from the bleed within each slice, most at its surface and not at all at the
    bone. Cubic interpolation keeps nearly all of the scan's noise, by whose lack a network would
    know the place.
    """
    radius = (added.sum() * slice_mm * PIXEL_MM**2 * 3 / (4 * np.pi)) ** (1 / 3)
    most = min(_MOST_MM, radius * rng.uniform(0, _PART_OF_RADIUS))
    reach = rng.uniform(*_REACH_MM)
    sigma = (reach / slice_mm / 2, reach / PIXEL_MM, reach / PIXEL_MM)
    pressure = ndimage.gaussian_filter(added.astype(np.float32), sigma)
    slopes = np.stack(np.gradient(pressure, axis=(1, 2)))
    steepest = np.hypot(*slopes).max()
    if not steepest:
        return images
    # Where a voxel's content comes from: up the slope, towards the bleed.
    freedom = np.clip((depth - _FIXED_MM) / (_FREE_MM - _FIXED_MM), 0, 1)
    moves = slopes * (most / PIXEL_MM / steepest * freedom)
    out = [image.copy() for image in images]
    rows, columns = np.indices(added.shape[1:])
    for index in np.flatnonzero(np.hypot(*moves).max((1, 2)) > 0.1):
        places = [rows + moves[0, index], columns + moves[1, index]]
        for image in out:
            image[index] = ndimage.map_coordinates(image[index], places, order=3, mode="nearest")
    return out
