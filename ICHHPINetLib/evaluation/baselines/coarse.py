"""Seeded methods that would take minutes at full resolution: averaged in plane first."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from ...imaging.ct import CT
from ..scribbled_session import ScribbledSession

_WINDOW_HU = (0.0, 100.0)
_TISSUE_HU = (-20.0, 120.0)
_FOREGROUND, _BACKGROUND = 1, 2


class CoarseSession(ScribbledSession):
    """Two-label segmentation of blocks of about ``pixel_mm`` in plane, slices kept.

    Bone and air count as background everywhere. A block is foreground if a foreground
    scribble touches it.
    """

    pixel_mm: ClassVar[float]

    def __init__(self, ct: CT) -> None:
        super().__init__(ct)
        self._steps = tuple(max(1, round(self.pixel_mm / step)) for step in self._spacing[1:])
        raw = self._blocks(self._hu).mean(axis=(2, 4))
        self._image = self._blocks(np.clip(self._hu, *_WINDOW_HU)).mean(axis=(2, 4))
        self._outside = (raw < _TISSUE_HU[0]) | (raw > _TISSUE_HU[1])

    def _segment(self, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
        markers = np.where(self._outside, _BACKGROUND, 0).astype(np.int32)
        markers[self._blocks(background).any(axis=(2, 4))] = _BACKGROUND
        markers[self._blocks(foreground).any(axis=(2, 4))] = _FOREGROUND
        bleed = self._grow(markers) == _FOREGROUND
        fine = bleed.repeat(self._steps[0], axis=1).repeat(self._steps[1], axis=2)
        return fine[:, : foreground.shape[1], : foreground.shape[2]]

    @abstractmethod
    def _grow(self, markers: np.ndarray) -> np.ndarray:
        """Labels (Z, Y, X) everywhere from markers 1 (bleed), 2 (not) and 0 (open)."""

    def _blocks(self, array: np.ndarray) -> np.ndarray:
        """View (Z, rows, step, columns, step) of an array (Z, Y, X), its last rows and columns repeated."""
        depth, *sides = array.shape
        pads = [(0, -side % step) for side, step in zip(sides, self._steps, strict=True)]
        padded = np.pad(array, [(0, 0), *pads], mode="edge")
        rows, columns = padded.shape[1] // self._steps[0], padded.shape[2] // self._steps[1]
        return padded.reshape(depth, rows, self._steps[0], columns, self._steps[1])
