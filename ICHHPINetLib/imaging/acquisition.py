"""What counts as a head CT: the rules of its acquisition, and every sentence about one that breaks them.

Shear, spacing, modality and frames, wherever a CT comes from: an array, a file, a DICOM series, a scene.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputFileError, InvalidVolumeError

# Shear

# Cosine between two axes: a degree, of which volumes know nothing; files round their directions.
_MAX_SHEAR = 0.017
SHEARED_FILE = (
    "The slices of '{path}' are sheared, as of a tilted gantry, and volumes would come out wrong. Resample "
    "the image to perpendicular axes first, or name the DICOM folder, which can be read as it is."
)
# Of what ITK does not even open.
SHEARED_HEADER = (
    "The axes of '{path}' are not perpendicular, as of a tilted gantry or badly rounded: its slices are "
    "sheared. Convert the DICOM series again, or name its folder."
)
SHEARED_NODE = (
    "The slices of '{name}' are sheared (a tilted gantry, or a transform with shear). Load its DICOM series "
    "again with 'harden regularization transform' chosen in Edit > Application Settings > DICOM."
)
TILTED = (
    "The gantry was tilted by {degrees:.3g} degrees: the volume is shown upright, as a sheared stack. "
    "Volumes in mL are right, sagittal and coronal views slanted, and the result lies up to {aside:.0f} mm "
    "beside its place in the patient."
)
MOVED_TABLE = (
    "The slices in '{folder}' lie beside each other: the table or the field of view was moved. Resample the "
    "series to one stack, or export one acquisition alone."
)


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
_SPACING_ADVICE = "give three positive numbers in mm (z, y, x), for example (5.0, 0.45, 0.45)"
SIZE_UNSTATED = "Its voxels are 1 x 1 x 1 mm, or their size is not stated: check it before any volume."
TWO_SIZES = (
    "'{path}' gives two voxel sizes, {one} and {other}: its volumes cannot be known. Convert the DICOM "
    "series again, or name its folder."
)
ZERO_SPACING = "'{name}' has a spacing of zero. Correct it in the Volumes module."
NO_PIXEL_SIZE = (
    "{place} has no pixel size (0028,0030): no volume can be known. Export the original series, not a "
    "secondary capture."
)
PIXEL_SIZES_DIFFER = (
    "The slices in '{folder}' have pixels of different sizes. Export one reconstruction alone."
)
SAME_SPOT = (
    "Two slices in '{folder}' lie on the same spot: {one} and {other} at {mm:.1f} mm. The folder seems to "
    "hold two acquisitions; keep one."
)
UNEVEN = (
    "The slices in '{folder}' are not evenly spaced ({guess}): {gap:.2f} mm between {one} and {other}, at "
    "{mm:.1f} mm, but {usual:.2f} mm elsewhere. Export the series again with all its slices."
)
BLOCKS = (
    "The series has slices of several thicknesses: {blocks}, {gaps} mm apart where they meet. Each slice is "
    "shown as often as it is thick, in planes of {plane:.3g} mm, and counts with its own thickness in every "
    "volume; where blocks overlap, nothing counts twice. Scribbles may be drawn on this CT (segment --scene "
    "writes it) or on the series as it is loaded elsewhere, slice by slice."
)
BLOCKS_APART = (
    "The slices in '{folder}' lie in {count} blocks ({blocks}) that cannot be put together: {problem}. "
    "Export the series again with all its slices, or copy each block to a folder of its own, measure each, "
    "and add their volumes."
)


def check_spacing(spacing: Sequence[float] | None) -> tuple[float, float, float]:
    """Return ``spacing`` as three floats, mm (z, y, x); InvalidVolumeError where it cannot be that."""
    no_numbers = f"The spacing {spacing!r} is not made of numbers; {_SPACING_ADVICE}."
    if spacing is None:
        raise InvalidVolumeError(no_numbers)
    try:
        steps = tuple(float(step) for step in spacing)
    except (TypeError, ValueError):
        raise InvalidVolumeError(no_numbers) from None
    if len(steps) != 3:
        raise InvalidVolumeError(f"The spacing has {len(steps)} numbers, not three; {_SPACING_ADVICE}.")
    if not all(np.isfinite(step) and step > 0 for step in steps):
        raise InvalidVolumeError(f"The spacing {steps} is not positive and finite; {_SPACING_ADVICE}.")
    if not all(_EDGES_MM[0] <= step <= _EDGES_MM[1] for step in steps):
        sizes = " x ".join(f"{step:g}" for step in steps)
        raise InvalidVolumeError(
            f"The spacing is {sizes} mm (z, y, x), which no head CT has: its volumes would be wrong. "
            "Correct the voxel size in the file, or load the original series."
        )
    z, y, x = steps
    return z, y, x


def _doubts_about_extent(shape: tuple[int, ...], steps: tuple[float, ...]) -> list[str]:
    extents = [size * step for size, step in zip(shape, steps, strict=True)]
    if max(extents) > _LARGEST_EXTENT_MM:
        sizes = " x ".join(f"{extent:.0f}" for extent in extents)
        doubt = (
            f"The volume measures {sizes} mm (z, y, x), more than any head: "
            "check that the spacing is in mm and in the order (z, y, x)."
        )
        return [doubt]
    if min(shape[1:]) >= _FINE_PLANE and not _HEAD_MM[0] < min(extents[1:]) < _HEAD_MM[1]:
        sizes = " x ".join(f"{extent:.0f}" for extent in extents[1:])
        doubt = (
            f"A slice measures {sizes} mm, which is no usual size for a head: volumes are wrong where the "
            "voxel size is not stated or not in mm. Check it in the Volumes module or the file's header."
        )
        return [doubt]
    return []


# Modality

# Exports and screen captures of CTs have one of the unsaid ones.
_CT_MODALITY, _UNSAID_MODALITIES = "CT", ("", "OT", "SC")
MODALITY_UNSAID = "The files do not say that they are a CT. Check that its values are Hounsfield units."
MODALITY_OF_FILES = "'{place}' is {modality}, not CT. Name the series of the head CT."
MODALITY_OF_NODE = "'{name}' is a series of modality {modality}. Choose a head CT without contrast agent."


def may_be_ct(modality: str) -> bool:
    """Whether nothing says that a DICOM series of this modality is no CT."""
    return modality in (_CT_MODALITY, *_UNSAID_MODALITIES)


def doubts_about_modality(modality: str, place: object) -> list[str]:
    """Of the DICOM files in ``place``; InputFileError where they are of another modality."""
    if not may_be_ct(modality):
        raise InputFileError(MODALITY_OF_FILES.format(place=place, modality=modality))
    return [] if modality == _CT_MODALITY else [MODALITY_UNSAID]


# Frames: slices, time points and colors

SINGLE_SLICE_FILE = "'{path}' holds a single 2D slice, but a volume is needed. Load the whole series."
SINGLE_SLICE_SERIES = (
    "The series in '{place}' has a single slice; a volume needs two at least. Export the whole series."
)
ONE_OF_SERIES = "'{path}' is one slice of a DICOM series. Name its folder, '{folder}', to load them all."
SLICES_DIFFER = (
    "The slices in '{folder}' differ in size or orientation ({one} and {other}), as with a localizer among "
    "them. Move the odd ones to another folder."
)
ACQUISITIONS = (
    "The series in '{folder}' holds {count} acquisitions that lie in each other: {names}. Copy the files of "
    "one to a folder of their own, and name that."
)
TIME_SERIES_FILE = (
    "'{path}' has {dimensions} dimensions ({sizes}), as a time series has. Save one time point as a file of "
    "its own and load that."
)
COLOR_FILE = (
    "'{path}' has {values} values a voxel, as a color (RGB) picture has. Load the original gray-value CT "
    "series."
)
COLOR_SLICE = (
    "'{path}' has {values} values a pixel, as a color picture or a screen capture has. Export the original "
    "series."
)
COLOR_NODE = (
    "'{name}' has {values} values per voxel (a color image?). Load the CT itself, with one value in HU per "
    "voxel."
)
FRAMES_WITHOUT_PLACE = (
    "The frames of '{path}' say nothing of where they lie. Export the series as single slices, or convert "
    "it with dcm2niix."
)
FRAMES_MISCOUNTED = (
    "'{path}' says where {count} frames lie, but has {frames} frames. Export the series again."
)
NO_PLACE = (
    "{place} does not say where its slice lies (ImagePositionPatient): the order and distance of slices "
    "cannot be known. Export the original series."
)
NO_ORIENTATION = (
    "{place} does not say how its slice is turned (ImageOrientationPatient). Export the original series."
)


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
