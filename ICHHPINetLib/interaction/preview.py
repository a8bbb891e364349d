"""The running round as the scene shows it: slice by slice, not more often than a view can follow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .result import Progress

# Writing a mask into a scene redraws its views; more often than this would slow the round down.
_INTERVAL_SECONDS = 0.3


class Preview:
    """The mask before a round, uint8 (Z, Y, X), into which the slices of the round come as they finish."""

    def __init__(self, before: np.ndarray, clock: Callable[[], float]) -> None:
        self.mask = before.copy()
        self._clock = clock
        self._due = clock()
        self._changed = False

    def add(self, progress: Progress) -> int | None:
        """Take in what ``progress`` brings; the index of its slice, None where it brings none."""
        if progress.slice_index is None or progress.mask_slice is None:
            return None
        self.mask[progress.slice_index] = progress.mask_slice
        self._changed = True
        return progress.slice_index

    def take_due(self) -> bool:
        """Whether there is something new to show now; asking counts as showing."""
        now = self._clock()
        if not self._changed or now < self._due:
            return False
        self._due, self._changed = now + _INTERVAL_SECONDS, False
        return True
