"""The doubt of all slices in one line."""

from __future__ import annotations

import numpy as np

LEVELS = 8
_MOST = 28
# From here on the bar is full: a slice of which so much is wrong is nowhere near finished.
_FULL_MM2 = 400.0


def bars(areas: np.ndarray, most: int = _MOST) -> list[tuple[int, int]]:
    """At most ``most`` bars from the lowest slice to the highest: the slice that each stands for, its height.

    Neighboring slices share a bar where there are more of them; it stands for the most doubtful one.

    Parameters
    ----------
    areas: (Z,), mm2 of each slice that are in doubt, see :class:`~ICHHPINetLib.interaction.doubt.Doubt`.

    Returns
    -------
    Heights are 1 to ``LEVELS`` and grow with the square root of the area, so that little doubt is seen, too.
    They are the same for all CTs and rounds: what gets lower has become surer.
    """
    found = []
    for group in np.array_split(np.arange(len(areas)), min(most, len(areas))):
        index = int(group[np.argmax(areas[group])])
        share = min(float(areas[index]) / _FULL_MM2, 1.0) ** 0.5
        found.append((index, max(1, round(share * LEVELS))))
    return found
