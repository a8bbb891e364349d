"""DICOM segmentation objects (SEG), by highdicom: ITK knows neither their segments nor their slices."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError, MissingPackageError
from ..words import tr as _
from .dicom import is_dicom_file
from .dicom_seg_stack import is_stacked, read_stack
from .segment_kinds import ALGORITHM

# SEG with a frame a segment, and the newer one with label values.
_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
# Share of a slice distance; and from how many times the thickness on a distance may hide a slice.
_TOLERANCE, _THICKER = 0.05, 1.5
# Positions are rounded to about this.
_SAME_PLANE_MM, _ROUNDING_MM = 1e-3, 0.11


class DicomSegments(NamedTuple):
    """``grid`` has the geometry of the marked slices and all between them; ``layers`` is (Z, Y, X, segments).

    ``segments`` are (number, name), in the order of the layers' last axis; ``series`` is the UID of the one
    series of images that they were drawn on, empty where none or several are named; ``is_guess`` is as in
    ``LabelFile``.
    """

    grid: sitk.Image
    layers: np.ndarray
    segments: list[tuple[int, str]]
    series: str
    is_guess: bool


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM of any kind, also of those that ITK does not read."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM" or is_dicom_file(path)


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
            _(
                "'{path}' is a DICOM file, and a DICOM segmentation is read with the package "
                "highdicom: run pip install 'ichhpinet[dicom]' (Slicer has it from 5.12 on). Or: "
                "{advice}"
            ).format(path=path, advice=_advice())
        ) from error
    try:
        data = pydicom.dcmread(path)
        kind, modality = str(data.get("SOPClassUID")), str(data.get("Modality") or "unknown")
    except Exception as error:  # pydicom raises whatever a damaged element leads to
        raise _damaged(path, error) from error
    if kind not in _CLASSES:
        raise InputFileError(
            _(
                "'{path}' is a DICOM object of modality {modality}, not a segmentation (SEG). Name the mask."
            ).format(path=path, modality=modality)
        )
    try:
        stacked = is_stacked(path, data)
        if not stacked:
            _state_distance(path, data)
        seg = highdicom.seg.Segmentation.from_dataset(data, copy=False)
        segments = [
            (number, str(seg.get_segment_description(number).segment_label)) for number in _numbers(seg)
        ]
        if stacked:
            grid, layers = read_stack(path, seg, [number for number, _name in segments])
        else:
            volume = seg.get_volume(segment_numbers=[number for number, _name in segments], atol=_ROUNDING_MM)
            grid, layers = _grid(volume), np.asarray(volume.array)
    except InputFileError:
        raise
    except Exception as error:  # of many kinds, from frames that lie anywhere to missing elements
        raise _damaged(path, error) from error
    return DicomSegments(grid, layers, segments, _series(data), _is_guess(data))


def _series(data) -> str:
    named = {str(one.get("SeriesInstanceUID") or "") for one in data.get("ReferencedSeriesSequence") or []}
    return named.pop() if len(named) == 1 else ""


def _is_guess(data) -> bool:
    named = [
        (str(one.get("SegmentAlgorithmType")), str(one.get("SegmentAlgorithmName")))
        for one in data.SegmentSequence
    ]
    return ("AUTOMATIC", ALGORITHM) in named


def _numbers(seg) -> list[int]:
    # Of a label map, number 0 is its background.
    return [int(number) for number in seg.segment_numbers if number > 0]


def _advice() -> str:
    return _("Save the segmentation as .seg.nrrd in the program that made it, and name that.")


def _damaged(path: Path, error: Exception) -> InputFileError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputFileError(
        _("The DICOM segmentation '{path}' is no volume that can be read ({reason}). {advice}").format(
            path=path, reason=reason, advice=_advice()
        )
    )


def _state_distance(path: Path, data) -> None:
    """Write into ``data`` how far apart its slices lie; InputFileError where that would be a guess.

    Frames without a mark are usually left out, so that frames may lie further apart than slices do; programs
    copy a distance of 1 mm from single images that have none; and highdicom takes 1 for what is not said.
    """
    groups = [
        group
        for kind in ("Shared", "PerFrame")
        for group in data.get(f"{kind}FunctionalGroupsSequence") or []
    ]
    measures = [group.PixelMeasuresSequence[0] for group in groups if group.get("PixelMeasuresSequence")]
    between, thick = (_stated(measures, name) for name in ("SpacingBetweenSlices", "SliceThickness"))
    gap = _least_gap(groups)
    distance = None
    if gap is None:
        if between is None or thick is None or _alike(between, thick):
            distance = between or thick
    elif any(other is not None and _alike(gap, other) for other in (between, thick)):
        distance = gap
    elif between is None:
        # Thinner slices with gaps between them, or thicker ones that overlap.
        distance = gap if thick is not None and gap < _THICKER * thick else None
    elif thick is not None and _alike(between, thick):
        distance = between
    if distance is None:
        marked = (
            _("there is one frame")
            if gap is None
            else _("its frames lie {gap:g} mm apart or more").format(gap=gap)
        )
        stated = _("not stated") if between is None else f"{between:g} mm"
        thickness = _("not stated") if thick is None else f"{thick:g} mm"
        raise InputFileError(
            _(
                "How far apart the slices of the DICOM segmentation '{path}' lie is not clear: "
                "{marked}, their distance is {stated}, their thickness {thickness}. {advice}"
            ).format(path=path, marked=marked, stated=stated, thickness=thickness, advice=_advice())
        )
    for one in measures:
        one.SpacingBetweenSlices = distance
        if not one.get("SliceThickness"):
            one.SliceThickness = distance


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= _TOLERANCE * other


def _least_gap(groups: list) -> float | None:
    """The least distance in mm of the planes of two frames; None where all lie in one."""
    planes = [group.PlanePositionSequence[0] for group in groups if group.get("PlanePositionSequence")]
    places = np.array([plane.ImagePositionPatient for plane in planes], float).reshape(-1, 3)
    if not len(places):
        return None
    apart = places - places[0]
    furthest = apart[np.linalg.norm(apart, axis=1).argmax()]
    along = np.sort(apart @ furthest) / max(float(np.linalg.norm(furthest)), _SAME_PLANE_MM)
    gaps = np.diff(along)
    gaps = gaps[gaps > _SAME_PLANE_MM]
    return float(gaps.min()) if gaps.size else None


def _stated(measures: list, name: str) -> float | None:
    """A positive number that all frames agree on; None where they do not or are silent."""
    found = {abs(float(one.get(name) or 0)) for one in measures}
    return found.pop() or None if len(found) == 1 else None


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
