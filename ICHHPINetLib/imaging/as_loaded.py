"""A DICOM series as other programs load it: one plane a slice, whatever their distances and the tilt."""

from __future__ import annotations

import numpy as np

from .ct import CT

# Programs round what rescaling gives, or keep fractions.
_SAME_HU = 1.0


def on_series(mask: np.ndarray, hu: np.ndarray, series: CT) -> np.ndarray | None:
    """A mask that was drawn on a series as another program had loaded it, on the voxels of ``series``.

    Parameters
    ----------
    mask, hu: the mask and the HU that it lies on, (Z, Y, X) in canonical order.
    series: the same series, read from its files.

    Returns
    -------
    uint8 (Z, Y, X); None where the HU are not those of the series, voxel by voxel.
    """
    geometry = series.file_geometry
    order, repeats = geometry.reorientation, np.array(geometry.repeats)
    acquired = as_loaded(series.hu, series)
    if acquired.shape != hu.shape or np.abs(acquired - hu).max() > _SAME_HU:
        return None
    stored = order.undo((np.asarray(mask) != 0).astype(np.uint8))
    return np.ascontiguousarray(order.apply(np.repeat(stored, repeats, axis=0)))


def as_loaded(array: np.ndarray, series: CT) -> np.ndarray:
    """An array (Z, Y, X) on the voxels of ``series`` with one plane a slice, the first of those it fills."""
    order, repeats = series.file_geometry.reorientation, np.array(series.file_geometry.repeats)
    return order.apply(order.undo(array)[np.cumsum(repeats) - repeats])
