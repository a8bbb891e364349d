"""Random walker from the scribbles."""

from __future__ import annotations

import warnings

import numpy as np

from ...errors import MissingPackageError
from .coarse import CoarseSession

try:
    from skimage.segmentation import random_walker
except ImportError as error:
    raise MissingPackageError(
        "The random_walker baseline needs scikit-image. Install it with `pip install scikit-image`."
    ) from error

# An intensity step of this size between neighbors makes a passage e times less likely.
_EDGE_HU = 5.0


class RandomWalkerSession(CoarseSession):
    """Grady's random walker (scikit-image), on blocks of about 1.4 mm."""

    name = "random_walker"
    needs_background = False
    pixel_mm = 1.4

    def _grow(self, markers: np.ndarray) -> np.ndarray:
        # In double precision: the solver does not converge in single.
        image = self._image.astype(float) / _EDGE_HU
        # scikit-image divides beta by ten times the deviation; this leaves exp(-step squared).
        beta = 10.0 * float(image.std())
        with warnings.catch_warnings():
            # The loose tolerance lets probabilities stray a little out of 0..1, which a majority forgives.
            warnings.filterwarnings("ignore", "The probability range is outside", UserWarning)
            return random_walker(image, markers, beta=beta, mode="cg_j", tol=1e-2)
