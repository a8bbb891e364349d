"""Refuses arrays that are no CT volume before any work is spent on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InvalidVolumeError
from .hu_calibration import calibrate_hu, intensity_scale
from .labels import whole_labels

# A head with its holder; beyond this the spacing is more likely in another order or unit.
_LARGEST_EXTENT_MM = 1000.0
# Of a voxel's edge, in mm; meters and micrometers lie outside.
_EDGES_MM = (0.01, 50.0)
# Of a slice of so many pixels: an infant's head, and the widest field of view of a scanner.
_FINE_PLANE, _HEAD_MM = 256, (90.0, 505.0)
_LOOKED_AT = 32
# Of a DICOM series; exports and screen captures of CTs have one of the unsaid ones.
CT_MODALITY, UNSAID_MODALITIES = "CT", ("", "OT", "SC")
# Cosine between two axes: a degree, of which volumes know nothing; files round their directions.
MAX_SHEAR = 0.017


def check_volume(volume: np.ndarray, spacing: Sequence[float]) -> list[str]:
    """Check a CT array and its voxel spacing; return warnings.

    ``volume`` is (Z, Y, X), any real dtype, in HU; ``spacing`` is in mm (z, y, x).
    Raises InvalidVolumeError, whose text says what to do, for everything that cannot
    be segmented. A volume that can be worked on, with reservations, yields warnings.
    """
    _check_shape(volume)
    steps = check_spacing(spacing)
    _check_values(volume)
    warnings = []
    scale = intensity_scale(volume)
    if scale == "window":
        warnings.append(
            f"The CT's values run from {volume.min():g} to {volume.max():g}: "
            "a windowed export rather than HU."
        )
    elif scale == "offset":
        warnings.append(f"The CT's values run from {volume.min():g} to {volume.max():g}: no HU.")
    extents = [size * step for size, step in zip(volume.shape, steps, strict=True)]
    if max(extents) > _LARGEST_EXTENT_MM:
        sizes = " x ".join(f"{extent:.0f}" for extent in extents)
        warnings.append(
            f"The volume measures {sizes} mm (z, y, x), more than any head: "
            "check that the spacing is in mm and in the order (z, y, x)."
        )
    elif min(volume.shape[1:]) >= _FINE_PLANE and not _HEAD_MM[0] < min(extents[1:]) < _HEAD_MM[1]:
        sizes = " x ".join(f"{extent:.0f}" for extent in extents[1:])
        warnings.append(
            f"A slice measures {sizes} mm, which is no usual size for a head: volumes are wrong where the "
            "voxel size is not stated or not in mm. Check it in the Volumes module or the file's header."
        )
    return warnings


def check_mask(mask: np.ndarray) -> np.ndarray:
    """Bool of a mask of any shape: True wherever it is not 0. InvalidVolumeError where it holds no labels."""
    return whole_labels(mask) != 0


def first_look(volume: np.ndarray, spacing: Sequence[float]) -> list[str]:
    """What a session will say about a CT, before there is one: as ``check_volume``, and doubts about its HU.

    Quick on CTs of any size: of many slices it looks at some.
    """
    warnings = check_volume(volume, spacing)
    _, doubts = calibrate_hu(volume[:: max(1, len(volume) // _LOOKED_AT)])
    return warnings + doubts


def _check_shape(volume: np.ndarray) -> None:
    if not isinstance(volume, np.ndarray):
        raise InvalidVolumeError(
            f"The CT is a {type(volume).__name__}; pass a NumPy array of shape (Z, Y, X)."
        )
    shape = volume.shape
    sizes = " x ".join(str(size) for size in shape)
    if volume.size == 0:
        raise InvalidVolumeError(
            f"The CT is empty (shape {shape}); check that the file or folder holds image slices."
        )
    if volume.ndim >= 3 and shape[-1] in (3, 4):
        raise InvalidVolumeError(
            f"The CT has {shape[-1]} values in its last axis ({sizes}), as a color (RGB) picture has; "
            "load the original gray-value CT series."
        )
    if volume.ndim < 3:
        raise InvalidVolumeError(
            f"The CT has {volume.ndim} dimensions ({sizes or 'one number'}), but a volume (Z, Y, X) "
            "is needed; load the whole series, not one slice."
        )
    if volume.ndim > 3:
        raise InvalidVolumeError(
            f"The CT has {volume.ndim} dimensions ({sizes}), as a time series has; "
            "choose one time point and pass it as (Z, Y, X)."
        )
    if shape[0] < 2:
        raise InvalidVolumeError("The CT has a single slice; load the whole series (two slices at least).")


def check_spacing(spacing: Sequence[float]) -> tuple[float, ...]:
    """Return ``spacing`` as three floats, mm (z, y, x); InvalidVolumeError where it cannot be that."""
    advice = "give three positive numbers in mm (z, y, x), for example (5.0, 0.45, 0.45)"
    try:
        steps = tuple(float(step) for step in spacing)
    except (TypeError, ValueError):
        raise InvalidVolumeError(f"The spacing {spacing!r} is not made of numbers; {advice}.") from None
    if len(steps) != 3:
        raise InvalidVolumeError(f"The spacing has {len(steps)} numbers, not three; {advice}.")
    if not all(np.isfinite(step) and step > 0 for step in steps):
        raise InvalidVolumeError(f"The spacing {steps} is not positive and finite; {advice}.")
    if not all(_EDGES_MM[0] <= step <= _EDGES_MM[1] for step in steps):
        sizes = " x ".join(f"{step:g}" for step in steps)
        raise InvalidVolumeError(
            f"The spacing is {sizes} mm (z, y, x), which no head CT has: its volumes would be wrong. "
            "Correct the voxel size in the file, or load the original series."
        )
    return steps


def _check_values(volume: np.ndarray) -> None:
    if volume.dtype.kind not in "iuf":
        raise InvalidVolumeError(
            f"The CT's voxels are of type {volume.dtype}, not real numbers; "
            "convert the volume to int16 or float32 HU."
        )
    low, high = float(volume.min()), float(volume.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        count = int(volume.size - np.count_nonzero(np.isfinite(volume)))
        raise InvalidVolumeError(
            f"The CT has {count} voxels that are not finite (NaN or infinite); "
            "replace them by air, for example numpy.nan_to_num(volume, nan=-1000, posinf=3000, neginf=-1000)."
        )
    if low == high:
        raise InvalidVolumeError(
            f"Every voxel of the CT is {low:g}; check that the right file was loaded and read completely."
        )
