"""Agreement of measured volumes with the truth, and of two measurements with each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CLINICAL_CUT_ML = 30.0
_ACCEPTABLE = 0.10
_SMALL_ML = 5.0
# A hematoma that grew by more counts as expanded (as in Risa-MIS-ICH, Frontiers in Neurology 2022).
_GROWTH_ML, _GROWTH_SHARE = 6.0, 0.33


@dataclass(frozen=True)
class VolumePanel:
    """Agreement of measured volumes with the truth.

    ``bias_ml`` and the 95 % limits of agreement are of measured minus true volume (Bland
    and Altman); ``ccc`` is Lin's concordance correlation coefficient, None where all volumes are
    alike; ``within_10_percent`` is the share of masks whose relative error is at
    most 10 %, beside the same among bleeds of more than 5 mL (None where there is none);
    ``agree_at_30_ml`` is the share on the right side of 30 mL; ``called_growth`` the share of pairs of
    runs on one CT, in both orders, of which the second is more than 6 mL or 33 % larger (None where
    no CT has two runs): nothing has grown there.
    """

    label: str
    bias_ml: float
    lower_ml: float
    upper_ml: float
    ccc: float | None
    within_10_percent: float
    within_10_percent_above_5_ml: float | None
    agree_at_30_ml: float
    called_growth: float | None


def volume_panel(label: str, measured: np.ndarray, truth: np.ndarray, ids: np.ndarray) -> VolumePanel:
    """From volumes in mL (run,), and the case of each run."""
    difference = measured - truth
    spread = 1.96 * float(difference.std(ddof=1)) if len(difference) > 1 else 0.0
    bias = float(difference.mean())
    close = np.abs(difference) <= _ACCEPTABLE * truth
    large = truth > _SMALL_ML
    return VolumePanel(
        label=label,
        bias_ml=bias,
        lower_ml=bias - spread,
        upper_ml=bias + spread,
        ccc=concordance(measured, truth),
        within_10_percent=float(close.mean()),
        within_10_percent_above_5_ml=float(close[large].mean()) if large.any() else None,
        agree_at_30_ml=float(((measured >= _CLINICAL_CUT_ML) == (truth >= _CLINICAL_CUT_ML)).mean()),
        called_growth=_called_growth(measured, ids),
    )


def concordance(one: np.ndarray, other: np.ndarray) -> float | None:
    """Lin's concordance correlation coefficient (Biometrics 1989) of paired values; None without spread."""
    apart = one.var() + other.var() + (one.mean() - other.mean()) ** 2
    return float(2 * ((one - one.mean()) * (other - other.mean())).mean() / apart) if apart > 0 else None


def _called_growth(measured: np.ndarray, ids: np.ndarray) -> float | None:
    called = [
        later - earlier > min(_GROWTH_ML, _GROWTH_SHARE * earlier)
        for name in dict.fromkeys(ids)
        for volumes in [measured[ids == name]]
        for first, earlier in enumerate(volumes)
        for second, later in enumerate(volumes)
        if first != second
    ]
    return float(np.mean(called)) if called else None
