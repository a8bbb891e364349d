"""The DICOM series that a CT was read from: headers of its files, whole and still the same."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InputFileError, MissingPackageError, OutputError
from ..imaging.ct import CT
from ..imaging.dicom_slices import Slice, read_dataset, text
from ..imaging.dicom_stack import aside_mm
from ..words import tr as _

# Of patient and study; DICOM wants them in every object, but may have them empty.
_MAY_BE_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
_IDENTIFIERS = {"SOPClassUID": "class", "SOPInstanceUID": "identifier", "StudyInstanceUID": "study"}
# What says that a patient cannot be known any more, and belongs to whatever is made of it.
_ANONYMITY = (
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
)
# What else an archive finds a patient and a study by; not every kind of object gets it from highdicom.
_OF_PATIENT = ("IssuerOfPatientID", "PatientAge", "StudyDescription")
# Of a stack that is shifted less, programs know the geometry.
_UPRIGHT_MM = 0.1


@dataclass(frozen=True)
class Source:
    """Slices ascending along their normal, and the headers of their files.

    ``repeats`` is as in ``FileGeometry``, ``step`` the distance of the CT's planes in mm; ``headers`` are
    pydicom datasets without pixels, one a slice or one of a multi-frame file.
    """

    slices: tuple[Slice, ...]
    repeats: tuple[int, ...]
    step: float
    headers: list[Any]

    @property
    def is_one_file(self) -> bool:
        """Whether the slices are frames of a multi-frame file."""
        return self.slices[0].frame is not None

    @cached_property
    def thickness(self) -> list[float]:
        """Of each slice, mm: as its file states it, or else as it counts in volumes."""
        pairs = zip(self.slices, self.repeats, strict=True)
        return [one.thickness or count * self.step for one, count in pairs]

    @cached_property
    def is_even(self) -> bool:
        """Whether the slices lie upright on each other, all at one distance."""
        upright = aside_mm(self.slices[0].path.parent, self.slices) <= _UPRIGHT_MM
        return upright and set(self.repeats) == {1}

    def header_of(self, index: int) -> Any:
        """Header of the file of a slice."""
        return self.headers[0 if self.is_one_file else index]

    def masks(self, ct: CT, mask: np.ndarray) -> np.ndarray:
        """Bool (slices, rows, columns) of a mask (Z, Y, X) on ``ct.hu``.

        Where a slice fills several planes, it is marked where at least half of them are. Raises OutputError
        for a mask on another grid.
        """
        stored = ct.geometry.reorientation.undo(np.asarray(mask) != 0)
        if stored.shape[0] != sum(self.repeats):
            raise OutputError(
                _("The mask {mask_shape} is not on the CT's grid {ct_shape}.").format(
                    mask_shape=np.shape(mask), ct_shape=ct.shape
                )
            )
        planes = np.split(stored, np.cumsum(self.repeats)[:-1])
        return np.stack([2 * np.count_nonzero(one, axis=0) >= len(one) for one in planes])


def require_highdicom(what: str, done: str) -> None:
    """MissingPackageError where nothing can be exported, or read back."""
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            _("{what} is {done} with the package highdicom. Run: pip install 'ichhpinet[dicom]'").format(
                what=what, done=done
            )
        ) from error


def read_source(ct: CT) -> Source:
    """The series of ``ct``, its headers read again.

    Raises
    ------
    InputFileError
        If the CT was not read from DICOM, a file of it is gone, was replaced or cannot be referred to.
    """
    geometry = ct.geometry
    if geometry is None or not geometry.acquired:
        raise InputFileError(
            _(
                "The CT '{name}' was not read from DICOM: there is no series that DICOM results "
                "could belong to. Name the folder of the original series, or write .seg.nrrd alone."
            ).format(name=ct.name)
        )
    slices = geometry.acquired
    several = slices[0].frame is not None and len({one.path for one in slices}) > 1
    if several or len({one.frame is None for one in slices}) > 1:
        raise InputFileError(
            _(
                "The CT '{name}' is spread over several multi-frame files, to which no DICOM result "
                "can refer together. Export the series again as single slices or as one file."
            ).format(name=ct.name)
        )
    headers = [_header(one) for one in (slices[:1] if slices[0].frame is not None else slices)]
    if not all(text(header, "FrameOfReferenceUID") for header in headers):
        frame = _new_uid()
        for header in headers:
            header.FrameOfReferenceUID = frame
    source = Source(slices, geometry.repeats, geometry.image.GetSpacing()[2], headers)
    if not source.is_one_file:
        for header, one, thick in zip(headers, slices, source.thickness, strict=True):
            # What the CT was read with, where the file says nothing of it.
            header.SliceThickness = header.get("SliceThickness") or f"{thick:.6g}"
            header.PixelSpacing = header.get("PixelSpacing") or [f"{step:.8g}" for step in one.spacing[::-1]]
    return source


def _header(one: Slice) -> Any:
    try:
        header = read_dataset(one.path)
        # Without pixels, elements of groups are read when they are asked for; none may be asked for later.
        uids = {keyword: text(header, keyword) for keyword in (*_IDENTIFIERS, "SeriesInstanceUID")}
    except MissingPackageError:
        raise
    except Exception as error:  # pydicom raises what the damaged place brings about.
        raise InputFileError(
            _(
                "'{path}', a slice of the CT, is not there any more or cannot be read ({reason}). "
                "Put it back, or read the CT again."
            ).format(path=one.path, reason=getattr(error, "strerror", None) or error)
        ) from error
    if (uids["SOPInstanceUID"], uids["SeriesInstanceUID"]) != (one.uid, one.series):
        raise InputFileError(
            _("'{path}' is not the slice any more that the CT was read from. Read the CT again.").format(
                path=one.path
            )
        )
    missing = [word for keyword, word in _IDENTIFIERS.items() if not uids[keyword]]
    if missing or not one.series:
        raise InputFileError(
            _(
                "'{path}' does not state its {missing} (UID), so that no DICOM result can refer to "
                "it. Export the original series."
            ).format(path=one.path, missing=_(" or ").join(missing or ["series"]))
        )
    for keyword in _MAY_BE_EMPTY:
        if header.get(keyword) is None:
            setattr(header, keyword, "")
    return header


def made_of(source: Source, what: str, make: Callable[[], Any]) -> Any:
    """The object that ``make`` makes, with what the source says of its patient.

    Raises OutputError where values of the source are not allowed in new objects.
    """
    try:
        with warnings.catch_warnings():
            # Of the source's values, which are copied as they are.
            warnings.simplefilter("ignore")
            dataset = make()
        # Older highdicom, as in Slicer 5.12, leaves out in which letters the patient's name is written.
        for keyword in ("SpecificCharacterSet", *_ANONYMITY, *_OF_PATIENT):
            if keyword in source.headers[0]:
                dataset[keyword] = copy.deepcopy(source.headers[0][keyword])
        removed = text(dataset, "PatientIdentityRemoved") == "YES"
        if removed and not any(dataset.get(keyword) for keyword in _ANONYMITY[1:3]):
            # It must be told how, and many who remove identities do not.
            dataset.DeidentificationMethod = "Not stated in the source series"
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise OutputError(
            _(
                "{what} cannot be made of the series '{folder}': its headers break a rule of DICOM "
                "({reason}). Export the series again, or write .seg.nrrd alone."
            ).format(what=what, folder=source.slices[0].path.parent, reason=" ".join(str(error).split()))
        ) from error
    return dataset


def new_identity() -> dict[str, Any]:
    """UIDs of a new object in a series of its own."""
    return {"series_instance_uid": _new_uid(), "sop_instance_uid": _new_uid(), "instance_number": 1}


def _new_uid() -> str:
    from pydicom.uid import generate_uid

    # Of a random number, under the root that is for everyone.
    return generate_uid(prefix=None)
