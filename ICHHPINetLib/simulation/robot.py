"""A robot that scribbles like a user: scribbles along the middle of what is wrong.

It follows the idea of the DAVIS interactive robot (skeleton of the error, longest path,
thin line) with our own steps, and draws background scribbles from the first round on.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from ..interaction.scribbles import Scribbles

# Errors smaller than this in plane are not worth a scribble, unless nothing larger is left.
_MIN_REGION_MM2 = 8.0
_MAX_SCRIBBLES = 3
_RING_MM = (4.0, 8.0)


def first_slice(truth: np.ndarray, rng: np.random.Generator) -> int:
    """A random slice among the middle 80 % of the bleeding slices of ``truth`` (Z, Y, X).

    A volume without a bleed gives any slice.
    """
    bleeding = np.flatnonzero(truth.any(axis=(1, 2)))
    if bleeding.size == 0:
        return int(rng.integers(truth.shape[0]))
    cut = int(0.1 * bleeding.size)
    return int(rng.choice(bleeding[cut : bleeding.size - cut]))


def worst_slice(truth: np.ndarray, prediction: np.ndarray) -> int:
    """The slice with the largest error area."""
    return int((truth.astype(bool) != prediction.astype(bool)).sum(axis=(1, 2)).argmax())


def next_scribbles(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    slice_index: int | None = None,
) -> Scribbles:
    """Scribbles of one round, on one slice.

    Parameters
    ----------
    truth, prediction: masks (Z, Y, X).
    spacing: mm (z, y, x).
    slice_index: slice to scribble on; the worst one where None.

    Returns
    -------
    Foreground scribbles along the middle of missed bleed and background scribbles along the
    middle of false bleed, both one voxel wide; where there is no false bleed, a background
    scribble around part of the bleed.
    """
    index = worst_slice(truth, prediction) if slice_index is None else slice_index
    wanted, got = truth[index].astype(bool), prediction[index].astype(bool)
    pixel = spacing[1:]
    foreground = scribbles_along(wanted & ~got, pixel, rng)
    background = scribbles_along(got & ~wanted, pixel, rng)
    if not background.any():
        background = _scribble_around(wanted, pixel, rng)
    result = Scribbles.empty(truth.shape)
    result.foreground[index] = foreground & wanted
    result.background[index] = background & ~wanted
    return result


def scribbles_along(error: np.ndarray, pixel: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Lines along the middle of the largest regions of ``error`` (Y, X), bool."""
    out = np.zeros_like(error)
    labels, count = ndimage.label(error)
    if count == 0:
        return out
    boxes = ndimage.find_objects(labels)
    sizes = np.bincount(labels.ravel())[1:]
    order = np.argsort(sizes)[::-1][:_MAX_SCRIBBLES]
    enough = _MIN_REGION_MM2 / (pixel[0] * pixel[1])
    for rank, number in enumerate(order):
        if rank and sizes[number] < enough:
            break
        box = boxes[number]
        out[box] |= middle_line(labels[box] == number + 1, rng)
    return out


def middle_line(region: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The longest path along the skeleton of a connected region (Y, X), shortened a little."""
    from skimage.morphology import skeletonize

    padded = np.pad(region, 1)
    depth = ndimage.distance_transform_edt(padded)
    # Opening first keeps ragged borders from growing side branches.
    core = padded & (depth > 0.3 * depth.max())
    labels, count = ndimage.label(core)
    if count > 1:
        core = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    path = _longest_path(skeletonize(core))
    trim = int(len(path) * 0.1 * rng.random())
    path = path[trim : len(path) - trim]
    line = np.zeros_like(padded)
    line[tuple(path.T)] = True
    if len(path) < 0.5 * np.sqrt(padded.sum()):
        line |= _chord(padded, depth, rng)
    return (line & padded)[1:-1, 1:-1]


def _chord(region: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A short straight scribble through the deepest point: the skeleton of a round region is a mere dot."""
    center = np.array(np.unravel_index(depth.argmax(), depth.shape))
    angle = rng.uniform(0, np.pi)
    reach = 0.6 * depth.max()
    steps = np.linspace(-reach, reach, 1 + int(4 * reach))[:, None]
    points = np.rint(center + steps * [np.sin(angle), np.cos(angle)]).astype(int)
    line = np.zeros_like(region)
    line[tuple(points.T)] = True
    return line


def _longest_path(skeleton: np.ndarray) -> np.ndarray:
    """Pixels (n, 2) of the path between the two ends of a skeleton that are farthest apart."""
    points = np.argwhere(skeleton)
    if len(points) < 3:
        return points
    number = np.full(skeleton.shape, -1)
    number[tuple(points.T)] = np.arange(len(points))
    rows, columns, lengths = [], [], []
    for step in ((0, 1), (1, 0), (1, 1), (1, -1)):
        moved = points + step
        inside = (moved >= 0).all(1) & (moved < skeleton.shape).all(1)
        target = np.full(len(points), -1)
        target[inside] = number[tuple(moved[inside].T)]
        linked = target >= 0
        rows.append(np.flatnonzero(linked))
        columns.append(target[linked])
        lengths.append(np.full(linked.sum(), np.hypot(*step)))
    graph = coo_matrix(
        (np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))), (len(points),) * 2
    )
    start = _farthest(graph, 0)[0]
    end, parents = _farthest(graph, start)
    path = [end]
    while path[-1] != start:
        path.append(parents[path[-1]])
    return points[path]


def _farthest(graph, source: int) -> tuple[int, np.ndarray]:
    distance, parents = dijkstra(graph, directed=False, indices=source, return_predecessors=True)
    return int(np.argmax(np.where(np.isfinite(distance), distance, -1))), parents


def _scribble_around(wanted: np.ndarray, pixel: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Part of a contour a few millimetres outside the bleed; anywhere central where there is none."""
    out = np.zeros_like(wanted)
    if not wanted.any():
        row, column = (int(n * rng.uniform(0.35, 0.65)) for n in wanted.shape)
        half = max(1, int(10 / pixel[1]))
        out[row, max(0, column - half) : column + half] = True
        return out
    margin = int(_RING_MM[1] / min(pixel)) + 2
    rows, columns = np.nonzero(wanted)
    top, left = max(0, rows.min() - margin), max(0, columns.min() - margin)
    box = (slice(top, rows.max() + margin + 1), slice(left, columns.max() + margin + 1))
    distance = ndimage.distance_transform_edt(~wanted[box], sampling=pixel)
    radius = rng.uniform(*_RING_MM)
    ring = np.argwhere(np.abs(distance - radius) <= 0.5 * max(pixel))
    center = np.array([rows.mean() - top, columns.mean() - left])
    angle = np.arctan2(*(ring - center).T)
    width = np.pi * rng.uniform(0.4, 1.0)
    start = rng.uniform(-np.pi, np.pi)
    arc = ring[(angle - start) % (2 * np.pi) < width]
    out[box][tuple(arc.T)] = True
    return out
