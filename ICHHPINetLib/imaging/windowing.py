"""Hounsfield units to network input."""

from __future__ import annotations

import numpy as np

# Brain window wide enough for acute blood (up to about 90 HU), and a wide one that
# tells air, fat, tissue and bone apart.
WINDOWS = ((0.0, 100.0), (-160.0, 240.0))


def windowed(hu: np.ndarray) -> np.ndarray:
    """Two channels in [-1, 1].

    Parameters
    ----------
    hu: array (Z, Y, X) in Hounsfield units.

    Returns
    -------
    float32 (2, Z, Y, X): brain window 0..100 HU, wide window -160..240 HU.
    """
    channels = [np.clip((hu - low) * (2.0 / (high - low)) - 1.0, -1.0, 1.0) for low, high in WINDOWS]
    return np.stack(channels).astype(np.float32, copy=False)
