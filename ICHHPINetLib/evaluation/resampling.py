"""How far a mean over cases would move with other cases."""

from __future__ import annotations

import numpy as np

_RESAMPLES = 10_000
_CONFIDENCE = 0.95


def bootstrap_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the mean of ``values``, one a case; the same for the same values."""
    picks = np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))
    tail = 50 * (1 - _CONFIDENCE)
    low, high = np.percentile(np.asarray(values)[picks].mean(axis=1), [tail, 100 - tail])
    return float(low), float(high)
