"""What a DICOM file says about its slices, one file or frame each, and their values as float HU."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError, MissingPackageError
from ..words import tr as _
from . import acquisition_words as sentences

# Of an image orientation: how far its two axes may be off unit length and a right angle.
_AXES = 1e-2
# What may tell one acquisition or reconstruction of a series from another.
_MARKS = ("AcquisitionNumber", "AcquisitionTime", "ConvolutionKernel", "ContrastBolusAgent", "ImageType")
_UNCOMPRESSED = {
    "1.2.840.10008.1.2": "<",
    "1.2.840.10008.1.2.1": "<",
    "1.2.840.10008.1.2.1.99": "<",
    "1.2.840.10008.1.2.2": ">",
}


@dataclass(frozen=True)
class Slice:
    """One slice: where it lies (LPS mm), how its numbers become HU, and what it belongs to.

    ``size`` is (columns, rows), ``direction`` 3 x 3 with row, column and normal in its columns,
    ``spacing`` mm (x, y), ``thickness`` the nominal one in mm, if stated; ``frame`` counts from 0 in
    a multi-frame file. ``uid`` and ``series`` are identifiers of its file and of its series, ``marks`` what
    may tell acquisitions apart.
    """

    path: Path
    frame: int | None
    size: tuple[int, int]
    origin: np.ndarray
    direction: np.ndarray
    spacing: tuple[float, float]
    thickness: float | None
    rescale: tuple[float, float]
    uid: str
    series: str
    modality: str
    description: str
    marks: dict[str, str]
    inverted: bool

    @property
    def name(self) -> str:
        """For messages."""
        if self.frame is None:
            return f"'{self.path.name}'"
        return _("frame {number} of '{file}'").format(number=self.frame + 1, file=self.path.name)


def read_dataset(path: Path, pixels: bool = False) -> Any:
    """The ``pydicom.Dataset`` of a file, without its pixels unless asked for them.

    Raises MissingPackageError without pydicom, and what pydicom raises for a damaged file.
    """
    try:
        import pydicom
    except ImportError as error:
        raise MissingPackageError(_("DICOM files need pydicom. Run: pip install pydicom")) from error
    with warnings.catch_warnings():
        # Of values that break some rule: common, and of no consequence here.
        warnings.simplefilter("ignore")
        # Some programs leave the preamble away; who calls has looked at the file.
        return pydicom.dcmread(path, stop_before_pixels=not pixels, force=True)


def text(dataset: Any, keyword: str) -> str:
    """A value as text, in the file's own character set; empty where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = dataset.get(keyword)
    except Exception:  # What pydicom raises for a damaged value depends on its kind.
        return ""
    return "" if value is None else str(value).strip()


def slices_of(path: Path, dataset: Any) -> list[Slice]:
    """The slices of a file: one, or one of each frame.

    Raises
    ------
    InputFileError
        If it is a color picture, or does not say where its slices lie or how large their pixels are.
    """
    if (values := text(dataset, "SamplesPerPixel")) not in ("", "1"):
        raise InputFileError(sentences.color_slice(path=path, values=values))
    frames = text(dataset, "NumberOfFrames")
    if not dataset.get("PerFrameFunctionalGroupsSequence") and frames in ("", "0", "1"):
        return [_slice(path, None, dataset, [dataset])]
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if not groups:
        raise InputFileError(sentences.frames_without_place(path=path))
    if not frames.isdigit() or int(frames) != len(groups):
        frames = frames or _("no number of")
        raise InputFileError(sentences.frames_miscounted(path=path, count=len(groups), frames=frames))
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])
    return [_slice(path, number, dataset, [own, *shared]) for number, own in enumerate(groups)]


def _slice(path: Path, frame: int | None, dataset: Any, groups: Sequence[Any]) -> Slice:
    place = (
        f"'{path}'" if frame is None else _("Frame {number} of '{path}'").format(number=frame + 1, path=path)
    )

    def value(group: str, keyword: str, count: int) -> np.ndarray | None:
        for one in groups:
            inner = one if frame is None else (one.get(group) or [None])[0]
            if inner is not None and (numbers := _numbers(inner, keyword, count)) is not None:
                return numbers
        return None

    origin = value("PlanePositionSequence", "ImagePositionPatient", 3)
    if origin is None:
        raise InputFileError(sentences.no_place(place=place))
    axes = value("PlaneOrientationSequence", "ImageOrientationPatient", 6)
    direction = None if axes is None else _direction(axes)
    if direction is None:
        raise InputFileError(sentences.no_orientation(place=place))
    pixel = value("PixelMeasuresSequence", "PixelSpacing", 2)
    if pixel is None and frame is None:
        # Of a secondary capture, which is doubted anyway.
        pixel = _numbers(dataset, "NominalScannedPixelSpacing", 2)
    if pixel is None or pixel.min() <= 0:
        raise InputFileError(sentences.no_pixel_size(place=place))
    thickness = value("PixelMeasuresSequence", "SliceThickness", 1)
    slope = value("PixelValueTransformationSequence", "RescaleSlope", 1)
    intercept = value("PixelValueTransformationSequence", "RescaleIntercept", 1)
    rescale = (1.0 if slope is None else float(slope[0]), 0.0 if intercept is None else float(intercept[0]))
    if rescale[0] == 0:
        raise InputFileError(
            _("{place} makes 0 HU of every value (RescaleSlope). Export the original series.").format(
                place=place
            )
        )
    texts = [text(dataset, "SeriesDescription"), text(dataset, "Modality")]
    marks = {keyword: text(dataset, keyword) for keyword in _MARKS}
    if frame is not None:
        content = (groups[0].get("FrameContentSequence") or [{}])[0]
        marks["AcquisitionNumber"] = str(content.get("FrameAcquisitionNumber", marks["AcquisitionNumber"]))
        marks["TemporalPositionIndex"] = str(content.get("TemporalPositionIndex", ""))
        marks["StackID"] = str(content.get("StackID", ""))
    return Slice(
        path,
        frame,
        (int(dataset.Columns), int(dataset.Rows)),
        origin,
        direction,
        (float(pixel[1]), float(pixel[0])),
        float(thickness[0]) if thickness is not None and thickness[0] > 0 else None,
        rescale,
        text(dataset, "SOPInstanceUID"),
        text(dataset, "SeriesInstanceUID"),
        text(dataset, "Modality").upper(),
        ", ".join(one for one in texts if one) or _("no description"),
        marks,
        text(dataset, "PhotometricInterpretation").upper() == "MONOCHROME1",
    )


def _numbers(item: Any, keyword: str, count: int) -> np.ndarray | None:
    """Finite numbers of an element, None where they are missing or damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = item.get(keyword)
        if value is None or value == "":
            return None
        numbers = np.array(value, dtype=float).reshape(-1)
    except Exception:  # What pydicom raises for a damaged value depends on its kind.
        return None
    return numbers if numbers.size == count and np.isfinite(numbers).all() else None


def _direction(axes: np.ndarray) -> np.ndarray | None:
    row, column = axes[:3], axes[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(row @ column)) > _AXES:
        return None
    row = row / lengths[0]
    column = column - (column @ row) * row
    column /= np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)], axis=1)


def read_values(slices: Sequence[Slice]) -> Iterator[tuple[np.ndarray, float]]:
    """(rows, columns) HU of each slice, float32, and the sum of an HU and what it is when inverted.

    Values that are stored from white to black (MONOCHROME1) become the sum less themselves when they
    are turned around; that is left to the caller. Raises InputFileError for pixels that are cut off
    or cannot be decoded.
    """
    for path, same_path in groupby(slices, key=lambda one: one.path):
        try:
            dataset = read_dataset(path, pixels=True)
        except (OSError, EOFError, ValueError, NotImplementedError) as error:
            raise unreadable(path, str(error)) from error
        group = list(same_path)
        syntax = str(getattr(dataset.file_meta, "TransferSyntaxUID", "1.2.840.10008.1.2"))
        bits, top = int(dataset.BitsStored), int(dataset.HighBit)
        lowest = -(1 << (bits - 1)) if dataset.PixelRepresentation else 0
        frames = _native(path, dataset, _UNCOMPRESSED[syntax]) if syntax in _UNCOMPRESSED else None
        if frames is None and (group[0].frame is not None or top != bits - 1):
            raise unreadable(path, _("its pixels are compressed in a way that is not supported"))
        for one in group:
            slope, intercept = one.rescale
            if frames is None:
                values = _compressed(path)
            else:
                values = frames[one.frame or 0].astype(np.float32) * np.float32(slope) + np.float32(intercept)
            if values.shape != one.size[::-1]:
                raise unreadable(path, _("its pixels are not of the size that it states"))
            yield values, slope * (2 * lowest + (1 << bits) - 1) + 2 * intercept


def unreadable(path: Path, reason: str) -> InputFileError:
    """For a slice without which the volume would be too small."""
    return InputFileError(
        _(
            "'{path}' is a CT slice that cannot be read: it is damaged or cut off ({reason}). Export "
            "it again, uncompressed; without it, the volume would be too small."
        ).format(path=path, reason=reason)
    )


def _native(path: Path, dataset: Any, order: str) -> np.ndarray:
    """Stored values (frames, rows, columns) of uncompressed pixels, as integers.

    The stored bits need not be the lowest ones: older files keep them higher up, and overlays above.
    """
    allocated, stored, top = int(dataset.BitsAllocated), int(dataset.BitsStored), int(dataset.HighBit)
    if allocated not in (8, 16, 32) or not stored - 1 <= top < allocated or stored < 1:
        raise unreadable(
            path,
            _("{stored} bits up to bit {top} of {allocated} make no sense").format(
                stored=stored, top=top, allocated=allocated
            ),
        )
    signed = bool(dataset.PixelRepresentation)
    shape = (int(text(dataset, "NumberOfFrames") or 1) or 1, int(dataset.Rows), int(dataset.Columns))
    content = dataset.get("PixelData") or b""
    kind = np.dtype(f"{order}{'i' if signed else 'u'}{allocated // 8}")
    missing = int(np.prod(shape)) * kind.itemsize - len(content)
    if missing > 0:
        raise unreadable(path, _("{missing} bytes of its pixels are missing").format(missing=missing))
    values = np.frombuffer(content, kind, int(np.prod(shape))).reshape(shape)
    if stored == allocated:
        return values
    # What lies above the top bit falls off on the left, what lies below the stored ones on the right.
    return np.right_shift(np.left_shift(values, allocated - 1 - top), allocated - stored)


def _compressed(path: Path) -> np.ndarray:
    try:
        image = sitk.ReadImage(str(path), sitk.sitkFloat32)
    except RuntimeError as error:
        raise unreadable(path, str(error).strip().splitlines()[-1]) from error
    return sitk.GetArrayFromImage(image).reshape(image.GetSize()[1::-1])
