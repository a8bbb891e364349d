"""How far a mean over cases would move with other cases."""

from __future__ import annotations

import numpy as np
from scipy import stats


def bootstrap_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the mean of ``values``, one a case; the same for the same values."""
    if len(values) == 1:
        return float(values[0]), float(values[0])
    drawn = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", random_state=np.random.default_rng(0)
    )
    return float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)
