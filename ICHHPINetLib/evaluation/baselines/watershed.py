"""Marker-controlled watershed from the scribbles."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...errors import MissingPackageError
from ...imaging.ct import CT
from .coarse import CoarseSession

try:
    from skimage.segmentation import watershed
except ImportError as error:
    raise MissingPackageError(
        "The watershed baseline needs scikit-image. Install it with `pip install scikit-image`."
    ) from error

_SMOOTHING_MM = 2.0


class WatershedSession(CoarseSession):
    """Watershed of the gradient magnitude (scikit-image), on blocks of about 0.9 mm.

    The gradient is in HU per block and slice: a step to the next slice counts like one in plane.
    """

    name = "watershed"
    # With the skull as the only background, the bleed would flood the brain.
    needs_background = True
    pixel_mm = 0.9

    def __init__(self, ct: CT) -> None:
        super().__init__(ct)
        steps = zip(self._spacing[1:], self._steps, strict=True)
        sigma = [0.0, *(_SMOOTHING_MM / (size * step) for size, step in steps)]
        smooth = ndimage.gaussian_filter(self._image, sigma)
        self._gradient = np.sqrt(sum(change**2 for change in np.gradient(smooth)))

    def _grow(self, markers: np.ndarray) -> np.ndarray:
        return watershed(self._gradient, markers)
