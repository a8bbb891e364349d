"""Scribbles from one voxel grid to another, without losing a thin one."""

from __future__ import annotations

import itertools

import numpy as np
import SimpleITK as sitk

Grid = sitk.Image | sitk.ImageFileReader

# Two grids count as one where no voxel is off by more than this share of a voxel.
_SAME_LATTICE = 1e-2

# A grid shifted by exactly half a voxel must fall to one side, not to either by rounding noise.
# There and back again, the sides are opposite.
_TIE = 1e-6


def transfer(marked: np.ndarray, to_target: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Marks of a source grid on a target grid.

    A target voxel is marked if the center of a marked source voxel lies in it, so that
    no scribble is lost on a coarser grid, or if its own center lies in a marked source
    voxel, so that no scribble is perforated on a finer one. On two grids that are
    shifted or flipped against each other by whole voxels this is an exact copy.

    Parameters
    ----------
    marked: bool (Z, Y, X) on the source grid.
    to_target: 4 x 4, source indices (i, j, k) to target indices (i, j, k).
    shape: (Z, Y, X) of the target grid.

    Returns
    -------
    bool array of ``shape``. Marks outside the target grid are dropped.
    """
    result = np.zeros(shape, bool)
    source = np.argwhere(marked)
    if not len(source):
        return result
    centers = _apply(to_target, source)
    _mark(result, centers)
    if not _is_lattice(to_target, marked.shape):
        _fill(result, marked, source, to_target)
    return result


def places(marked: np.ndarray, to_target: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """(N, 3), the target voxels (z, y, x) that :func:`transfer` marks; costs what is marked, no more."""
    if not _is_lattice(to_target, marked.shape):
        return np.argwhere(transfer(marked, to_target, shape))
    index = _nearest(_apply(to_target, np.argwhere(marked)), -_TIE)
    return index[np.all((index >= 0) & (index < shape), axis=1)]


def on_grid(marked: np.ndarray, own: Grid, target: Grid) -> np.ndarray | None:
    """Marks bool (Z, Y, X) of one grid on another, voxel by voxel; None where one is lost or falls between.

    The grids may differ in extent and in the order of their axes.
    """
    matrix = np.linalg.solve(index_to_world(target), index_to_world(own))
    if not _is_lattice(matrix, marked.shape):
        return None
    result = transfer(marked, matrix, tuple(target.GetSize()[:3][::-1]))
    return result if np.count_nonzero(result) == np.count_nonzero(marked) else None


def index_to_world(grid: Grid) -> np.ndarray:
    """4 x 4, voxel index (i, j, k) to LPS mm."""
    size = len(grid.GetSize())
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(grid.GetDirection()).reshape(size, size)[:3, :3] * grid.GetSpacing()[:3]
    matrix[:3, 3] = grid.GetOrigin()[:3]
    return matrix


def _apply(matrix: np.ndarray, zyx: np.ndarray) -> np.ndarray:
    """Rows of (z, y, x) through a matrix of (i, j, k), as rows of (z, y, x)."""
    return (zyx[:, ::-1] @ matrix[:3, :3].T + matrix[:3, 3])[:, ::-1]


def _mark(result: np.ndarray, centers: np.ndarray) -> None:
    index = _nearest(centers, -_TIE)
    inside = np.all((index >= 0) & (index < result.shape), axis=1)
    result[tuple(index[inside].T)] = True


def _nearest(positions: np.ndarray, tie: float) -> np.ndarray:
    return np.floor(positions + 0.5 + tie).astype(np.int64)


def _is_lattice(matrix: np.ndarray, shape: tuple[int, int, int]) -> bool:
    """Whether source voxels fall on target voxels one to one, over the whole source grid."""
    whole = np.rint(matrix[:3])
    if abs(abs(np.linalg.det(whole[:, :3])) - 1) > 1e-9:
        return False
    corners = np.array([[*ijk, 1] for ijk in itertools.product(*((0, size) for size in shape[::-1]))])
    return bool(np.abs((matrix[:3] - whole) @ corners.T).max() < _SAME_LATTICE)


def _fill(result: np.ndarray, marked: np.ndarray, source: np.ndarray, to_target: np.ndarray) -> None:
    box = np.stack([source.min(axis=0) - 0.5, source.max(axis=0) + 0.5])
    corners = _apply(to_target, np.array(list(itertools.product(*box.T))))
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, result.shape)
    if np.any(low >= high):
        return
    to_source = np.linalg.inv(to_target)
    rows, columns = np.mgrid[low[1] : high[1], low[2] : high[2]]
    # Slice by slice: a scribble across the whole head would otherwise need gigabytes.
    for z in range(low[0], high[0]):
        target = np.stack([np.full(rows.size, z), rows.ravel(), columns.ravel()], axis=1)
        index = _nearest(_apply(to_source, target), _TIE)
        inside = np.all((index >= 0) & (index < marked.shape), axis=1)
        hit = np.zeros(len(index), bool)
        hit[inside] = marked[tuple(index[inside].T)]
        result[z, low[1] : high[1], low[2] : high[2]] |= hit.reshape(rows.shape)
