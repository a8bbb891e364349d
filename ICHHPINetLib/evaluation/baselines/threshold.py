"""Threshold at the intensities that the user painted over, kept where connected to a scribble."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ...imaging.ct import CT
from ..scribbled_session import ScribbledSession

_DEVIATIONS = 2.0
# A scribble over a very even spot must not shrink the range to nothing.
_SMALLEST_SD_HU = 4.0
_SMOOTHING_MM = 0.8
_OPENING_MM = 2.0


class ThresholdSession(ScribbledSession):
    """Smoothed HU within mean +- 2 SD of the foreground scribbles.

    Where there are background scribbles, the range ends halfway to their median HU, and
    they are cut out. An opening of 2 mm in plane breaks thin leaks; what then hangs
    together with a foreground scribble (face neighbors) stays. Without the halfway rule
    and the opening, the range leaks into the brain from the second round on.
    """

    name = "threshold"
    needs_background = False

    def __init__(self, ct: CT) -> None:
        super().__init__(ct)
        pixel = self._spacing[1:]
        self._smooth = ndimage.gaussian_filter(self._hu, [0.0, *(_SMOOTHING_MM / step for step in pixel)])
        self._disk = _disk(_OPENING_MM, pixel)

    def _segment(self, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
        low, high = self._hu_range(foreground, background)
        inside = (self._smooth >= low) & (self._smooth <= high) & ~background
        inside = ndimage.binary_opening(inside, self._disk) | foreground
        labels, count = ndimage.label(inside)
        kept = np.zeros(count + 1, bool)
        kept[labels[foreground]] = True
        return kept[labels]

    def _hu_range(self, foreground: np.ndarray, background: np.ndarray) -> tuple[float, float]:
        painted = self._smooth[foreground]
        mean = float(painted.mean())
        reach = _DEVIATIONS * max(float(painted.std()), _SMALLEST_SD_HU)
        low, high = mean - reach, mean + reach
        if background.any():
            other = float(np.median(self._smooth[background]))
            halfway = (mean + other) / 2
            low, high = (max(low, halfway), high) if other < mean else (low, min(high, halfway))
        return low, high


def _disk(radius_mm: float, pixel: Sequence[float]) -> np.ndarray:
    """Flat structuring element (1, Y, X) of a radius in mm."""
    half = [int(radius_mm / step) for step in pixel]
    rows, columns = np.ogrid[-half[0] : half[0] + 1, -half[1] : half[1] + 1]
    return ((rows * pixel[0]) ** 2 + (columns * pixel[1]) ** 2 <= radius_mm**2)[None]
