"""The bedside estimate of a hematoma's volume, ABC/2.

Kothari et al., "The ABCs of measuring intracerebral hemorrhage volumes", Stroke 1996;
27:1304-1305: A is the longest diameter on the slice with the largest hematoma, B the
longest one at right angles to A on that slice, and C the slice thickness times the
number of slices, where a slice counts 1 if its hematoma area is more than 75 % of the
largest, 1/2 from 25 % to 75 %, and 0 below.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist, squareform


def abc_diameters(mask: np.ndarray, spacing: tuple[float, float, float]) -> tuple[float, float, float]:
    """A, B and C in mm of one hematoma.

    ``mask`` is bool (Z, Y, X) with at least one voxel, axis 0 across the axial slices;
    ``spacing`` is mm (z, y, x). Diameters run between voxel corners.
    """
    areas = mask.sum(axis=(1, 2))
    largest = int(areas.argmax())
    a_mm, b_mm = _diameters(mask[largest], spacing[1:])
    share = areas / areas[largest]
    weight = np.where(share > 0.75, 1.0, np.where(share >= 0.25, 0.5, 0.0)).sum()
    return a_mm, b_mm, float(weight * spacing[0])


def _diameters(plane: np.ndarray, spacing: tuple[float, float]) -> tuple[float, float]:
    """Longest diameter of the hull of a bool (Y, X) plane, and the longest chord across it, mm."""
    rows, columns = np.nonzero(plane)
    corners = np.concatenate(
        [np.stack([rows + dy, columns + dx], axis=1) for dy in (-0.5, 0.5) for dx in (-0.5, 0.5)]
    )
    points = np.unique(corners, axis=0) * spacing
    hull = points[ConvexHull(points).vertices]
    distances = squareform(pdist(hull))
    first, second = np.unravel_index(distances.argmax(), distances.shape)
    along = (hull[second] - hull[first]) / distances[first, second]
    return float(distances[first, second]), _longest_chord(hull, first, along)


def _longest_chord(hull: np.ndarray, start: int, along: np.ndarray) -> float:
    """Longest chord at right angles to ``along`` of a convex polygon that begins at ``start``.

    A chord's length changes linearly between vertices, so that the longest ends in one.
    """
    ring = np.roll(hull, -start, axis=0)
    position = (ring - ring[0]) @ along
    offset = (ring - ring[0]) @ np.array([-along[1], along[0]])
    far = int(position.argmax())
    one = np.interp(position, position[: far + 1], offset[: far + 1])
    closing = np.append(position[far:], position[0])[::-1]
    other = np.interp(position, closing, np.append(offset[far:], offset[0])[::-1])
    return float(np.abs(one - other).max())
