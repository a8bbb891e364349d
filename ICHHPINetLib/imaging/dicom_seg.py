"""DICOM segmentation objects (SEG), by highdicom: ITK knows neither their segments nor their slices."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError, MissingPackageError

# SEG with a frame a segment, and the newer one with label values.
_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_ADVICE = "Save the segmentation as .seg.nrrd in the program that made it, and name that."
# Share of a slice distance; and from how many times the thickness on a distance may hide a slice.
_TOLERANCE, _THICKER = 0.05, 1.5
# Positions are rounded to about this.
_SAME_PLANE_MM, _ROUNDING_MM = 1e-3, 0.11


class DicomSegments(NamedTuple):
    """``grid`` has the geometry of the marked slices and all between them; ``layers`` is (Z, Y, X, segments).

    ``segments`` are (number, name), in the order of the layers' last axis.
    """

    grid: sitk.Image
    layers: np.ndarray
    segments: list[tuple[int, str]]


def read_dicom_seg(path: Path) -> DicomSegments:
    """Read every segment of a DICOM segmentation object.

    Raises
    ------
    MissingPackageError
        If highdicom is not installed.
    InputFileError
        If the file is another DICOM object or damaged, or where its slices lie is not stated.
    """
    try:
        import highdicom
        import pydicom
    except ImportError as error:
        raise MissingPackageError(
            f"'{path}' is a DICOM file, and a DICOM segmentation is read with the package highdicom: run "
            f"pip install 'ichhpinet[dicom]' (Slicer has it from 5.12 on). Or: {_ADVICE}"
        ) from error
    try:
        data = pydicom.dcmread(path)
        kind, modality = str(data.get("SOPClassUID")), str(data.get("Modality") or "unknown")
    except Exception as error:  # pydicom raises whatever a damaged element leads to
        raise _damaged(path, error) from error
    if kind not in _CLASSES:
        raise InputFileError(
            f"'{path}' is a DICOM object of modality {modality}, not a segmentation (SEG). Name the mask."
        )
    try:
        seg = highdicom.seg.Segmentation.from_dataset(data, copy=False)
        segments = [
            (number, str(seg.get_segment_description(number).segment_label)) for number in _numbers(seg)
        ]
        volume = seg.get_volume(segment_numbers=[number for number, _ in segments], atol=_ROUNDING_MM)
    except Exception as error:  # of many kinds, from frames that lie anywhere to missing elements
        raise _damaged(path, error) from error
    _check_distance(path, data, volume)
    return DicomSegments(_grid(volume), np.asarray(volume.array), segments)


def _numbers(seg) -> list[int]:
    # Of a label map, number 0 is its background.
    return [int(number) for number in seg.segment_numbers if number > 0]


def _damaged(path: Path, error: Exception) -> InputFileError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputFileError(
        f"The DICOM segmentation '{path}' is no volume that can be read ({reason}). {_ADVICE}"
    )


def _check_distance(path: Path, data, volume) -> None:
    """InputFileError where the distance of slices in ``volume`` is a guess.

    Frames without a mark are usually left out, so that marked slices may lie further apart than slices do.
    """
    distance, gap = float(volume.spacing[0]), _least_gap(data, np.asarray(volume.direction)[:, 0])
    between, thick = (_stated(data, name) for name in ("SpacingBetweenSlices", "SliceThickness"))
    like_neighbors = gap is not None and abs(distance - gap) <= _TOLERANCE * gap
    like_thick = thick is not None and abs(distance - thick) <= _TOLERANCE * thick
    if between is not None:
        # highdicom takes it as it stands; two neighbors, or the slices' thickness, confirm it.
        clear = like_neighbors or like_thick or (gap is None and thick is None)
    elif gap is not None:
        clear = thick is None or distance < _THICKER * thick
    else:
        # highdicom takes what it does not know for 1 mm.
        clear = like_thick
    if not clear:
        stated = "not stated" if between is None else f"{between:g} mm apart"
        stated += "" if thick is None else f", {thick:g} mm thick"
        marked = "there is one frame" if gap is None else f"its frames lie {gap:g} mm apart or more"
        raise InputFileError(
            f"How far apart the slices of the DICOM segmentation '{path}' lie is not clear: {marked}, "
            f"its slices are {stated}. {_ADVICE}"
        )


def _least_gap(data, normal: np.ndarray) -> float | None:
    """The least distance in mm of two frames along the normal; None where all lie in one plane."""
    frames = [*(data.get("PerFrameFunctionalGroupsSequence") or [])]
    positions = [
        frame.PlanePositionSequence[0].ImagePositionPatient
        for frame in frames
        if "PlanePositionSequence" in frame
    ]
    places = np.sort(np.array(positions, float).reshape(-1, 3) @ normal)
    gaps = np.diff(places)
    gaps = gaps[gaps > _SAME_PLANE_MM]
    return float(gaps.min()) if gaps.size else None


def _stated(data, name: str) -> float | None:
    """A positive number that all frames agree on; None where they do not or are silent."""
    shared, frames = (data.get(f"{kind}FunctionalGroupsSequence") or [] for kind in ("Shared", "PerFrame"))
    found = {
        float(measures[0].get(name) or 0)
        for group in [*shared, *frames]
        if (measures := group.get("PixelMeasuresSequence"))
    }
    return abs(found.pop()) or None if len(found) == 1 else None


def _grid(volume) -> sitk.Image:
    """An empty image with the geometry of a highdicom volume, whose axes run as slices, rows, columns."""
    affine = np.asarray(volume.affine, float)
    columns = affine[:3, 2::-1]
    spacing = np.linalg.norm(columns, axis=0)
    grid = sitk.Image([int(size) for size in volume.spatial_shape[::-1]], sitk.sitkUInt8)
    grid.SetSpacing(spacing.tolist())
    grid.SetDirection((columns / spacing).ravel().tolist())
    grid.SetOrigin(affine[:3, 3].tolist())
    return grid
