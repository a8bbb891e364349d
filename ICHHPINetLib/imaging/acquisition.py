"""What counts as a head CT: the rules of its acquisition.

Shear, spacing, modality and frames, wherever a CT comes from: an array, a file, a DICOM series, a scene.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputFileError, InvalidVolumeError
from ..words import tr as _
from .acquisition_words import modality_of_files, modality_unsaid, spacing_advice, spacing_without_numbers

# Shear

# Cosine between two axes: a degree, of which volumes know nothing; files round their directions.
_MAX_SHEAR = 0.017


def is_sheared(axes: np.ndarray) -> bool:
    """Whether unit vectors, in the columns of ``axes``, are not perpendicular."""
    return bool(np.abs(axes.T @ axes - np.eye(len(axes))).max() > _MAX_SHEAR)


# Spacing

# A head with its holder; beyond this the spacing is more likely in another order or unit.
_LARGEST_EXTENT_MM = 1000.0
# Of a voxel's edge, in mm; meters and micrometers lie outside.
_EDGES_MM = (0.01, 50.0)
# Of a slice of so many pixels: an infant's head, and the widest field of view of a scanner.
_FINE_PLANE, _HEAD_MM = 256, (90.0, 505.0)


def check_spacing(spacing: Sequence[float] | None) -> tuple[float, float, float]:
    """Return ``spacing`` as three floats, mm (z, y, x); InvalidVolumeError where it cannot be that."""
    if spacing is None:
        raise InvalidVolumeError(spacing_without_numbers(spacing))
    try:
        steps = tuple(float(step) for step in spacing)
    except (TypeError, ValueError):
        raise InvalidVolumeError(spacing_without_numbers(spacing)) from None
    if len(steps) != 3:
        raise InvalidVolumeError(
            _("The spacing has {count} numbers, not three; {advice}.").format(
                count=len(steps), advice=spacing_advice()
            )
        )
    if not all(np.isfinite(step) and step > 0 for step in steps):
        raise InvalidVolumeError(
            _("The spacing {steps} is not positive and finite; {advice}.").format(
                steps=steps, advice=spacing_advice()
            )
        )
    if not all(_EDGES_MM[0] <= step <= _EDGES_MM[1] for step in steps):
        sizes = " x ".join(f"{step:g}" for step in steps)
        raise InvalidVolumeError(
            _(
                "The spacing is {sizes} mm (z, y, x), which no head CT has: its volumes would be "
                "wrong. Correct the voxel size in the file, or load the original series."
            ).format(sizes=sizes)
        )
    z, y, x = steps
    return z, y, x


def _doubts_about_extent(shape: tuple[int, ...], steps: tuple[float, ...]) -> list[str]:
    extents = [size * step for size, step in zip(shape, steps, strict=True)]
    if max(extents) > _LARGEST_EXTENT_MM:
        sizes = " x ".join(f"{extent:.0f}" for extent in extents)
        doubt = _(
            "The volume measures {sizes} mm (z, y, x), more than any head: check that the "
            "spacing is in mm and in the order (z, y, x)."
        ).format(sizes=sizes)
        return [doubt]
    if min(shape[1:]) >= _FINE_PLANE and not _HEAD_MM[0] < min(extents[1:]) < _HEAD_MM[1]:
        sizes = " x ".join(f"{extent:.0f}" for extent in extents[1:])
        doubt = _(
            "A slice measures {sizes} mm, which is no usual size for a head: volumes are wrong "
            "where the voxel size is not stated or not in mm. Check it in the Volumes module or "
            "the file's header."
        ).format(sizes=sizes)
        return [doubt]
    return []


# Modality

# Exports and screen captures of CTs have one of the unsaid ones.
_CT_MODALITY, _UNSAID_MODALITIES = "CT", ("", "OT", "SC")


def may_be_ct(modality: str) -> bool:
    """Whether nothing says that a DICOM series of this modality is no CT."""
    return modality in (_CT_MODALITY, *_UNSAID_MODALITIES)


def doubts_about_modality(modality: str, place: object) -> list[str]:
    """Of the DICOM files in ``place``; InputFileError where they are of another modality."""
    if not may_be_ct(modality):
        raise InputFileError(modality_of_files(place=place, modality=modality))
    return [] if modality == _CT_MODALITY else [modality_unsaid()]


# Frames: slices, time points and colors


def check_volume(volume: np.ndarray, spacing: Sequence[float] | None) -> list[str]:
    """Check a CT array and its voxel spacing; return warnings.

    ``volume`` is (Z, Y, X), any real dtype, ``spacing`` mm (z, y, x). What its values mean is left to
    ``hu_calibration``. Raises InvalidVolumeError, whose text says what to do, for everything that cannot
    be segmented. A volume that can be worked on, with reservations, yields warnings.
    """
    _check_frames(volume)
    steps = check_spacing(spacing)
    _check_values(volume)
    return _doubts_about_extent(volume.shape, steps)


def _check_frames(volume: np.ndarray) -> None:
    if not isinstance(volume, np.ndarray):
        raise InvalidVolumeError(
            _("The CT is a {kind}; pass a NumPy array of shape (Z, Y, X).").format(kind=type(volume).__name__)
        )
    shape = volume.shape
    sizes = " x ".join(str(size) for size in shape)
    if volume.size == 0:
        raise InvalidVolumeError(
            _("The CT is empty (shape {shape}); check that the file or folder holds image slices.").format(
                shape=shape
            )
        )
    if volume.ndim >= 3 and shape[-1] in (3, 4):
        raise InvalidVolumeError(
            _(
                "The CT has {values} values in its last axis ({sizes}), as a color (RGB) picture "
                "has; load the original gray-value CT series."
            ).format(values=shape[-1], sizes=sizes)
        )
    if volume.ndim < 3:
        sizes = sizes or _("one number")
        raise InvalidVolumeError(
            _(
                "The CT has {dimensions} dimensions ({sizes}), but a volume (Z, Y, X) is needed; "
                "load the whole series, not one slice."
            ).format(dimensions=volume.ndim, sizes=sizes)
        )
    if volume.ndim > 3:
        raise InvalidVolumeError(
            _(
                "The CT has {dimensions} dimensions ({sizes}), as a time series has; choose one time "
                "point and pass it as (Z, Y, X)."
            ).format(dimensions=volume.ndim, sizes=sizes)
        )
    if shape[0] < 2:
        raise InvalidVolumeError(_("The CT has a single slice; load the whole series (two slices at least)."))


def _check_values(volume: np.ndarray) -> None:
    if volume.dtype.kind not in "iuf":
        raise InvalidVolumeError(
            _(
                "The CT's voxels are of type {kind}, not real numbers; convert the volume to int16 "
                "or float32 HU."
            ).format(kind=volume.dtype)
        )
    low, high = float(volume.min()), float(volume.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        count = int(volume.size - np.count_nonzero(np.isfinite(volume)))
        raise InvalidVolumeError(
            _(
                "The CT has {count} voxels that are not finite (NaN or infinite); replace them by "
                "air, for example numpy.nan_to_num(volume, nan=-1000, posinf=3000, neginf=-1000)."
            ).format(count=count)
        )
    if low == high:
        raise InvalidVolumeError(
            _(
                "Every voxel of the CT is {low:g}; check that the right file was loaded and read completely."
            ).format(low=low)
        )
