"""The one way in for masks and scribbles: label maps, segmentations of Slicer and of others, DICOM SEG."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError, InvalidVolumeError
from ..words import tr as _
from .dicom_seg import is_dicom, read_dicom_seg
from .integrity import check_whole
from .labels import whole_labels
from .open_image import check_perpendicular, doubts_about_size, open_image
from .segment_kinds import GUESS_TAGS

if TYPE_CHECKING:
    from .ct import FileGeometry

_KEY, _TAGS = re.compile(r"Segment(\d+)_"), re.compile(r"Segment\d+_Tags")


class Segment(NamedTuple):
    """A segment: what it is called, its ``number`` for people, and the value that marks it in its layer."""

    name: str
    number: int
    layer: int
    value: int


@dataclass(frozen=True)
class LabelFile:
    """Labels as a file holds them.

    Attributes
    ----------
    path: of the file.
    grid: a 3D image with their geometry; its values mean nothing.
    layers: integers (Z, Y, X, L) in stored order; segments that overlap lie in layers of their own.
    segments: those that the file lists, none in a plain label map.
    warnings: what was odd about the file but could be worked with.
    series: UID of the DICOM series that they were drawn on, where a DICOM file names one.
    is_guess: whether a segment says that it is this software's first guess, on which nobody has scribbled.
    """

    path: Path
    grid: sitk.Image
    layers: np.ndarray
    segments: tuple[Segment, ...] = ()
    warnings: list[str] = field(default_factory=list)
    series: str = ""
    is_guess: bool = False

    @property
    def names(self) -> dict[int, str]:
        """Names of the segments, by their numbers."""
        return {one.number: one.name for one in self.segments}

    def marks(self, segment: Segment) -> np.ndarray:
        """Bool (Z, Y, X): where a segment is marked."""
        return self.layers[..., segment.layer] == segment.value

    def label_map(self) -> np.ndarray:
        """One map (Z, Y, X) of the labels, or of the numbers of the segments.

        Raises InputFileError where segments overlap, and names them.
        """
        if self.layers.shape[3] == 1:
            return self.layers[..., 0]
        numbers = np.zeros(self.layers.shape[:3], np.int32)
        for segment in self.segments:
            marks = self.marks(segment)
            if numbers[marks].any():
                listed = ", ".join(f"{number} ({name})" for number, name in self.names.items())
                raise InputFileError(
                    _(
                        "'{path}' holds segments that overlap: {listed}. Choose one by its number, "
                        "where the command has --label, or save the one that is meant as a file of "
                        "its own."
                    ).format(path=self.path, listed=listed)
                )
            numbers[marks] = segment.number
        return numbers


def read_labels(path: str | os.PathLike) -> LabelFile:
    """Read a mask or scribbles: .seg.nrrd, a label map in NRRD, NIfTI or MetaImage, or DICOM SEG.

    What a file is, its content decides, not its ending.

    Raises
    ------
    InputFileError
        If the file is missing, damaged, sheared, or lists its segments in a way that leaves doubts.
    InvalidVolumeError
        If it holds no volume of labels but an image, fractions, colors or a single slice; names the file.
    MissingPackageError
        If DICOM cannot be read for want of a package.
    """
    path = Path(path)
    if not path.exists():
        raise InputFileError(
            _("'{path}' does not exist. Name a .seg.nrrd, a label map or a DICOM SEG.").format(path=path)
        )
    check_whole(path)
    series = ""
    if is_dicom(path):
        grid, layers, listed, series, is_guess = read_dicom_seg(path)
        segments = [Segment(name, number, layer, 1) for layer, (number, name) in enumerate(listed)]
        warnings: list[str] = []
    else:
        image, warnings = open_image(path)
        grid, layers, segments = _from_image(path, image)
        is_guess = _is_guess(image)
        warnings += doubts_about_size(grid, path)
    check_perpendicular(grid, path)
    try:
        layers = np.stack([whole_labels(layers[..., one]) for one in range(layers.shape[3])], axis=3)
    except InvalidVolumeError as error:
        raise InvalidVolumeError(_("'{path}' is no mask. {error}").format(path=path, error=error)) from error
    _check_listed(path, layers, segments)
    return LabelFile(path, grid, layers, tuple(segments), warnings, series, is_guess)


def check_series(file: LabelFile, geometry: FileGeometry | None, series: str = "") -> None:
    """InputFileError for labels of another DICOM series than that of a CT, where both state theirs.

    ``series`` is the UID of the CT's, where ``geometry`` does not know it.
    """
    own = {one.series for one in geometry.acquired} if geometry is not None else set()
    own |= {series} - {""}
    if file.series and own and file.series not in own:
        raise InputFileError(
            _(
                "'{path}' was drawn on another series ({series}) than that of the CT ({own}). Name "
                "the segmentation of this CT, or the CT of this segmentation."
            ).format(path=file.path, series=file.series, own=", ".join(sorted(own)))
        )


def is_segmentation(image: sitk.Image | sitk.ImageFileReader) -> bool:
    """Whether the header of a file lists segments, as those of Slicer do, whatever the file is called."""
    return any(_KEY.match(key) for key in image.GetMetaDataKeys())


def _is_guess(image: sitk.Image) -> bool:
    tags = [image.GetMetaData(key).split("|") for key in image.GetMetaDataKeys() if _TAGS.fullmatch(key)]
    return any(set(GUESS_TAGS) <= set(one) for one in tags)


def _from_image(path: Path, image: sitk.Image) -> tuple[sitk.Image, np.ndarray, list[Segment]]:
    array, size = sitk.GetArrayFromImage(image), image.GetSize()
    values, listed = image.GetNumberOfComponentsPerPixel(), is_segmentation(image)
    if image.GetDimension() == 4 and values == 1 and listed:
        # Layers one after the other, as programs write them that know no vectors.
        grid, array = image[:, :, :, 0], np.moveaxis(array, 0, -1)
    elif image.GetDimension() != 3:
        raise InvalidVolumeError(
            _(
                "'{path}' has {dimensions} dimensions ({sizes}), not three. Save the labels as one "
                "volume on the CT's grid."
            ).format(path=path, dimensions=image.GetDimension(), sizes=" x ".join(map(str, size)))
        )
    elif values > 1 and not listed:
        raise InvalidVolumeError(
            _(
                "'{path}' has {values} values a voxel and lists no segments: a color picture, or "
                "segments that overlap and lost their header. Save it again as .seg.nrrd, or one "
                "label map."
            ).format(path=path, values=values)
        )
    else:
        grid, array = image, array if values > 1 else array[..., np.newaxis]
    return grid, array, _segments(path, image, array.shape[3]) if listed else []


def _segments(path: Path, image: sitk.Image, layers: int) -> list[Segment]:
    """The segments that the header lists, in its order."""

    def entry(number: int, key: str, default: str) -> str:
        key = f"Segment{number}_{key}"
        return image.GetMetaData(key).strip() if image.HasMetaDataKey(key) else default

    numbers = sorted({int(match[1]) for key in image.GetMetaDataKeys() if (match := _KEY.match(key))})
    found: list[tuple[str, int, int]] = []
    try:
        for place, one in enumerate(numbers):
            # Files of Slicer before 4.11 keep every segment in a layer of its own, others all in one.
            layer = int(entry(one, "Layer", str(place if layers > 1 else 0)))
            value = int(entry(one, "LabelValue", "1"))
            found.append((entry(one, "Name", entry(one, "ID", f"segment {one}")), layer, value))
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    for name, layer, value in found:
        if not 0 <= layer < layers:
            raise _damaged(
                path,
                _("'{name}' is said to be in layer {layer}, but there are {layers}, numbered from 0").format(
                    name=name, layer=layer, layers=layers
                ),
            )
        if value <= 0:
            raise _damaged(path, _("'{name}' has the label {value}").format(name=name, value=value))
    values = [value for _name, _layer, value in found]
    own = len(set(values)) == len(values)
    return [
        Segment(name, value if own else place, layer, value)
        for place, (name, layer, value) in enumerate(found, start=1)
    ]


def _check_listed(path: Path, layers: np.ndarray, segments: list[Segment]) -> None:
    """InputFileError for labels that do not belong to one of the segments that a file lists."""
    for layer in range(layers.shape[3]) if segments else ():
        known = [one.value for one in segments if one.layer == layer]
        for label in np.unique(layers[..., layer]):
            if label and known.count(label) != 1:
                owner = _("more than one segment") if label in known else _("no segment that it lists")
                raise _damaged(path, _("label {label} belongs to {owner}").format(label=label, owner=owner))


def _damaged(path: Path, reason: str) -> InputFileError:
    return InputFileError(
        _(
            "The list of segments in the header of '{path}' is damaged: {reason}. Save it again in Slicer."
        ).format(path=path, reason=reason)
    )
