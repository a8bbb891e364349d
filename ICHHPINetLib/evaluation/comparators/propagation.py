"""Slice by slice from the scribbled slices outwards, for methods that know nothing of a volume."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...interaction.scribbles import clamp

# Number of the slice, its foreground and background scribbles and its known mask, to its mask; all (Y, X).
Segment = Callable[[int, np.ndarray, np.ndarray, np.ndarray | None], np.ndarray]


def propagate(
    foreground: np.ndarray, background: np.ndarray, previous: np.ndarray, segment: Segment
) -> np.ndarray:
    """Mask of a volume from a method of slices.

    Slices with a foreground scribble come first, with the mask of the round before as the known mask.
    From them it goes outwards, and each slice knows the mask of its neighbor towards the nearest of
    these; it ends where that is empty.

    Parameters
    ----------
    foreground, background, previous: bool (Z, Y, X).

    Returns
    -------
    bool (Z, Y, X); scribbles are obeyed.
    """
    mask = np.zeros_like(foreground)

    def put(index: int, known: np.ndarray | None) -> None:
        mask[index] = segment(index, foreground[index], background[index], known)
        clamp(mask[index], foreground[index], background[index])

    starts = np.flatnonzero(foreground.any(axis=(1, 2)))
    for start in starts:
        put(start, previous[start] if previous[start].any() else None)
    away = np.arange(len(mask))[:, None] - starts
    nearest = np.abs(away).argmin(axis=1)
    steps = away[np.arange(len(mask)), nearest]
    for index in np.argsort(np.abs(steps), kind="stable"):
        neighbor = mask[index - np.sign(steps[index])]
        if steps[index] and neighbor.any():
            put(index, neighbor)
    return mask
