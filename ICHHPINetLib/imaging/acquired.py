"""When, of whom and how a CT was taken, as far as its files say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .ct import CT
from .dicom_slices import read_dataset, text

if TYPE_CHECKING:
    import SimpleITK as sitk

# The first that is stated, from the moment of the scan to that of the examination.
_MOMENTS = (
    ("AcquisitionDateTime", None),
    ("AcquisitionDate", "AcquisitionTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)
# As ITK names them in the headers of files that were made of DICOM series.
_TAGS = {
    "AcquisitionDateTime": "0008|002a",
    "AcquisitionDate": "0008|0022",
    "AcquisitionTime": "0008|0032",
    "SeriesDate": "0008|0021",
    "SeriesTime": "0008|0031",
    "StudyDate": "0008|0020",
    "StudyTime": "0008|0030",
    "PatientID": "0010|0020",
    "PatientBirthDate": "0010|0030",
    "SeriesInstanceUID": "0020|000e",
}
# A segmentation object has a series of its own, made long after the scan.
_OF_A_SEGMENTATION = ("StudyDate", "StudyTime", "PatientID", "PatientBirthDate")


@dataclass(frozen=True)
class Acquisition:
    """What is known of a CT; what is not is None or empty.

    Attributes
    ----------
    step_mm: distance of slices.
    extent_mm: of the volume, mm (z, y, x).
    tilt_degrees: of the gantry.
    slices: what is unusual about the slices, for people.
    moment: when it was taken; at midnight where only the day is known (``has_time``).
    patient, born, series: identifiers, for comparing, never for showing.
    """

    step_mm: float | None = None
    extent_mm: tuple[float, float, float] | None = None
    tilt_degrees: float | None = None
    slices: str = ""
    moment: datetime | None = None
    has_time: bool = False
    patient: str = ""
    born: str = ""
    series: str = ""

    @property
    def when(self) -> str:
        """The moment for people; empty where it is not known."""
        if self.moment is None:
            return ""
        return self.moment.strftime("%Y-%m-%d %H:%M" if self.has_time else "%Y-%m-%d")


def acquisition_of(ct: CT) -> Acquisition:
    """From a CT and the headers of its file or series."""
    deep, high, wide = (float(count * step) for count, step in zip(ct.shape, ct.spacing, strict=True))
    known = Acquisition(ct.spacing[0], (deep, high, wide))
    geometry = ct.geometry
    if geometry is None:
        return known
    height = max(ct.spacing[0] * (ct.shape[0] - 1), ct.spacing[0])
    tilt = float(np.degrees(np.arctan2(geometry.sheared_mm, height)))
    known = replace(known, tilt_degrees=tilt, slices=geometry.slices)
    if geometry.acquired:
        return stated(known, _reader(read_dataset(geometry.acquired[0].path)))
    return stated(known, _image_reader(geometry.image))


def acquisition_of_segmentation(path: Path) -> Acquisition:
    """What a DICOM segmentation object says of the examination that it was drawn on."""
    read = _reader(read_dataset(path))
    return stated(Acquisition(), lambda name: read(name) if name in _OF_A_SEGMENTATION else "")


def stated(known: Acquisition, read: Callable[[str], str]) -> Acquisition:
    """``known`` with what ``read`` gives for the keywords of DICOM, empty for what is not stated."""
    moment, has_time = None, False
    for day, time in _MOMENTS:
        words = read(day) + (read(time) if time else "")
        moment, has_time = _moment(words)
        if moment is not None:
            break
    return replace(
        known,
        moment=moment,
        has_time=has_time,
        patient=read("PatientID"),
        born=read("PatientBirthDate"),
        series=read("SeriesInstanceUID"),
    )


def _moment(words: str) -> tuple[datetime | None, bool]:
    """Of a date and time as DICOM writes them, "20260131" and perhaps "140501.5"; whether there is a time."""
    digits = words.replace(".", "").replace(":", "").split("+")[0].split("-")[0]
    for form, length, has_time in (
        ("%Y%m%d%H%M%S", 14, True),
        ("%Y%m%d%H%M", 12, True),
        ("%Y%m%d", 8, False),
    ):
        try:
            if len(digits) >= length:
                return datetime.strptime(digits[:length], form), has_time
        except ValueError:
            continue
    return None, False


def _reader(dataset: Any) -> Callable[[str], str]:
    def read(name: str) -> str:
        if found := text(dataset, name):
            return found
        # Enhanced files say it of every frame.
        groups = dataset.get("PerFrameFunctionalGroupsSequence") if name == "AcquisitionDateTime" else None
        content = groups[0].get("FrameContentSequence") if groups else None
        return text(content[0], "FrameAcquisitionDateTime") if content else ""

    return read


def _image_reader(image: sitk.Image) -> Callable[[str], str]:
    def read(name: str) -> str:
        tag = _TAGS[name]
        return image.GetMetaData(tag).strip() if image.HasMetaDataKey(tag) else ""

    return read
