"""The running round as the scene shows it: slice by slice, not more often than a view can follow."""

from __future__ import annotations

import time

import numpy as np

from .result import Progress

# Writing a mask into a scene redraws its views; more often than this would slow the round down.
_INTERVAL_SECONDS = 0.3


class Preview:
    """The mask before a round, uint8 (Z, Y, X), into which the slices of the round come as they finish.

    ``slice_index`` is the last of them, None before the first.
    """

    def __init__(self, before: np.ndarray) -> None:
        self.mask = before.copy()
        self.slice_index: int | None = None
        self._due = time.monotonic()
        self._changed = False

    def add(self, progress: Progress) -> None:
        """Take in the slice that ``progress`` may bring."""
        if progress.slice_index is not None and progress.mask_slice is not None:
            self.mask[progress.slice_index] = progress.mask_slice
            self.slice_index, self._changed = progress.slice_index, True

    def take_due(self) -> bool:
        """Whether there is something new to show now; asking counts as showing."""
        now = time.monotonic()
        if not self._changed or now < self._due:
            return False
        self._due, self._changed = now + _INTERVAL_SECONDS, False
        return True
