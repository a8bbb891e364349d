"""Brings CT intensities back to Hounsfield units where an export lost them.

Public data sets and screen exports often hold a display window (0..255 or 0..1)
instead of HU, and some converters drop the rescale intercept. Both are recognized by
their range; the window is found by where brain tissue ends up, and how wide its peak is.
"""

from __future__ import annotations

import numpy as np

from ..words import tr as _
from .skull import BONE_HU, is_cut_off

BRAIN_HU = 34.0
# Half-height width of the brain peak of a head CT (gray and white matter plus noise): HU,
# and the factor up or down, as a logarithm, that noise makes of it.
_PEAK_WIDTH_HU, _PEAK_WIDTH_RANGE = 18.0, 0.25
# How far off the peak may be for one e-fold of its width, and for one rank of the list below.
_OFFSET_HU, _RARITY = 10.0, 0.05
# (low, high) HU of the display windows in clinical use, the most frequent first.
DISPLAY_WINDOWS = (
    (0.0, 80.0),
    (-5.0, 75.0),
    (-10.0, 90.0),
    (-15.0, 85.0),
    (20.0, 60.0),
    (-15.0, 115.0),
    (-32.5, 182.5),
    (-50.0, 150.0),
    (-100.0, 200.0),
    (-200.0, 600.0),
)
# HU that were merely cut off, at 0 and at 255 or a little below.
_AS_IS = (0.0, 255.0)
# The best window's mismatch from which on it is a guess.
_DOUBTFUL = 2.0
_RESCALE_INTERCEPT = -1024.0
# How far resampling carries an export beyond 0 and 255, and the share of air at 0 that tells it from HU.
_OVERSHOOT, _AIR_SHARE = 60.0, 0.1
_AIR_HU = (-1023.0, -200.0)
# Of everything denser than fat and air, brain and fluid are at least this share of a head.
_SOFT_HU, _SOFT_SHARE, _NOT_AIR_HU = (0.0, 80.0), 0.02, -500.0
# Of all voxels, a skull and the air around a head are more than this; an infant's skull is 0.024 of them.
_BONE_SHARE, _AROUND_SHARE, _THIN_HU = 0.002, 0.01, -150.0


def intensity_scale(volume: np.ndarray) -> str:
    """Tell what a CT array's numbers are: ``"hu"``, ``"window"`` or ``"offset"``.

    ``volume`` is (Z, Y, X), real and finite. ``"window"`` is a display window stored as
    0..255 or 0..1, ``"offset"`` are scanner values whose rescale intercept was dropped.
    """
    low, high = float(volume.min()), float(volume.max())
    sample = _sample(volume)
    # In HU next to nothing but a little bone lies in this narrow range, and air lies far below zero.
    if high > 1100 and _share(sample, 1034, 1084) > 0.02 and _share(sample, *_AIR_HU) < _AIR_SHARE / 10:
        return "offset"
    if low >= 0 and 0.5 < high <= 1.001 and volume.dtype.kind == "f":
        return "window"
    if low >= 0:
        in_bytes = 200 <= high <= 256
    else:
        overshoots = low > -_OVERSHOOT and 200 <= high <= 255 + _OVERSHOOT
        in_bytes = overshoots and _share(sample, -0.5, 0.5) > _AIR_SHARE
    return "window" if in_bytes and _find_window(sample / 255.0)[:2] != _AS_IS else "hu"


def _share(sample: np.ndarray, low: float, high: float) -> float:
    return np.count_nonzero((sample >= low) & (sample <= high)) / sample.size


def to_hu(volume: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return ``volume`` in HU, and a warning for every assumption that this took.

    ``volume`` is (Z, Y, X) of any real dtype, the result float32 of the same shape. HU
    pass unchanged. The window of a windowed export is the one of ``DISPLAY_WINDOWS`` under
    which brain tissue lies nearest to 34 HU with a peak of the usual width; intensities
    outside the window stay saturated at its ends.
    """
    scale = intensity_scale(volume)
    values = np.asarray(volume, dtype=np.float32)
    if scale == "hu":
        return values, _doubts(values)
    if scale == "offset":
        assumed = _(
            "The CT's values seem to lack the scanner's rescale intercept; the usual one, 1024, "
            "was subtracted to get HU. If it was another, densities are wrong: load the original "
            "series."
        )
        return values + np.float32(_RESCALE_INTERCEPT), [assumed]
    full = 255.0 if float(volume.max()) > 1.001 else 1.0
    values = values.clip(0.0, full)
    low, high, certain = _find_window(_sample(values) / full)
    hu = values * np.float32((high - low) / full)
    hu += np.float32(low)
    warning = _(
        "The CT is a windowed export (0..{full:g}), not in HU: a window of {low:g} to {high:g} "
        "HU was assumed. HU figures are approximate; load the original CT where you have it."
    ).format(full=full, low=low, high=high)
    if not certain:
        warning = _(
            "The CT is a windowed export (0..{full:g}), not in HU: a window of {low:g} to "
            "{high:g} HU was assumed, a guess, because brain did not stand out as it does in a "
            "head CT. HU figures are approximate; load the original CT where you have it."
        ).format(full=full, low=low, high=high)
    return hu, [warning]


def _doubts(hu: np.ndarray) -> list[str]:
    """A warning that names what a head has and ``hu`` has not: brain, bone, air around it."""
    sample = _sample(hu)
    # A background of one value would pass for fluid, for air or for bone.
    kinds, counts = np.unique(sample[:: max(1, sample.size // 100_000)], return_counts=True)
    fills = kinds[counts > 0.05 * counts.sum()]
    solid = sample[sample > _NOT_AIR_HU]
    if counts.max() > 0.05 * counts.sum():
        solid = solid[solid != kinds[counts.argmax()]]
    missing = []
    if not solid.size or _share(solid, *_SOFT_HU) < _SOFT_SHARE:
        missing.append(_("hardly any voxel as dense as brain (0 to 80 HU)"))
    # Values that were cut off say nothing of what lay beyond.
    if not is_cut_off(hu) and _share(sample, BONE_HU, np.inf) < _BONE_SHARE:
        missing.append(_("no bone"))
    if float(hu.min()) not in fills and _share(sample, -np.inf, _THIN_HU) < _AROUND_SHARE:
        missing.append(_("no air around it"))
    if not missing:
        return []
    return [
        _("There is {missing}: no head CT in HU? Check it, or load the original CT.").format(
            missing=_(" and ").join(missing)
        )
    ]


def _sample(values: np.ndarray, limit: int = 4_000_000) -> np.ndarray:
    """Evenly strided voxels: a histogram needs no more, and a big volume stays quick."""
    step = max(1, int(np.ceil((values.size / limit) ** 0.5)))
    return values[:, ::step, ::step].ravel()


def _find_window(fraction: np.ndarray) -> tuple[float, float, bool]:
    """(low, high) in HU and whether the histogram supports it, from window fractions 0..1."""
    # Background and bone saturate; compression noise smears them a little way inwards.
    inside = fraction[(fraction > 0.05) & (fraction < 0.95 * fraction.max())]
    if inside.size < 1000:
        return (*DISPLAY_WINDOWS[0], False)
    peak, width = _main_peak(inside)

    windows = (*DISPLAY_WINDOWS, _AS_IS)

    def mismatch(window: tuple[float, float]) -> float:
        low, high = window
        offset = abs(low + peak * (high - low) - BRAIN_HU) / _OFFSET_HU
        spread = abs(np.log(max(width, 1e-3) * (high - low) / _PEAK_WIDTH_HU))
        return offset + 1.5 * max(0.0, spread - _PEAK_WIDTH_RANGE) + _RARITY * windows.index(window)

    best = min(windows, key=mismatch)
    return (*best, mismatch(best) < _DOUBTFUL)


def _main_peak(fraction: np.ndarray, bins: int = 256) -> tuple[float, float]:
    """Position and half-height width of the histogram's highest peak, in window fractions."""
    counts = np.histogram(fraction, bins=bins, range=(0.0, 256.0 / 255.0))[0].astype(float)
    # Integer HU stretched over a narrow window leave a comb; the smoothing has to bridge its gaps.
    sigma = 1.2 * max(1.0, bins / np.count_nonzero(counts))
    reach = np.arange(-int(3 * sigma), int(3 * sigma) + 1)
    kernel = np.exp(-0.5 * (reach / sigma) ** 2)
    smooth = np.convolve(counts, kernel / kernel.sum(), mode="same")
    top = int(smooth.argmax())
    above = smooth >= smooth[top] / 2
    left, right = top, top
    while left > 0 and above[left - 1]:
        left -= 1
    while right < bins - 1 and above[right + 1]:
        right += 1
    return top / 255.0, (right - left + 1) / 255.0
