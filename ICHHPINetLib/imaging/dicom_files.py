"""Finds the DICOM images of a folder and what series they belong to; nothing in it can make this hang."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputFileError, MissingPackageError
from ..words import tr as _
from .dicom_slices import Slice, read_dataset, slices_of, text, unreadable

_PREAMBLE, _PREFIX = 128, b"DICM"
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
# CT, enhanced CT and legacy converted enhanced CT.
_CT_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.2{ending}" for ending in ("", ".1", ".2"))
_STANDARD = "1.2.840.10008."
# They have rows and columns, and lie beside CTs that are worked on.
_DERIVED = ("SEG", "RTDOSE", "PR")
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz")


@dataclass
class Series:
    """Headers of the files of a series."""

    headers: list[tuple[Path, Any]] = field(default_factory=list)

    def slices(self) -> list[Slice]:
        """Raises InputFileError for files that say too little of themselves to be part of a volume."""
        return [one for path, header in self.headers for one in slices_of(path, header)]

    def describe(self) -> str:
        """For a list of series to choose from."""
        count = sum(int(text(header, "NumberOfFrames") or 1) for _path, header in self.headers)
        texts = [text(self.headers[0][1], keyword) for keyword in ("SeriesDescription", "Modality")]
        described = ", ".join(one for one in texts if one) or _("no description")
        return f"{described}: {count} slices"


@dataclass
class Folder:
    """Image series by their UID, and names of archives and of what is no file."""

    series: dict[str, Series] = field(default_factory=dict)
    archives: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def is_dicom_file(path: Path) -> bool:
    """Whether ``path`` is a regular file that begins as DICOM does."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            start = file.read(_PREAMBLE + len(_PREFIX))
    except OSError:
        return False
    return start[_PREAMBLE:] == _PREFIX or _begins_bare(start)


def _begins_bare(start: bytes) -> bool:
    """Whether the first element is one of group 2 or 8, as in files without a preamble."""
    if start[:2] not in (b"\x02\0", b"\x08\0") or start[3:4] != b"\0":
        return False
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    return explicit or int.from_bytes(start[4:8], "little") < _PREAMBLE


def read_series(path: Path) -> Series:
    """One DICOM file as a series of its own.

    Raises InputFileError for the index of a disc and for what is no image.
    """
    header = _open(path)
    if _media_class(header) == _DIRECTORY_CLASS:
        raise InputFileError(
            _(
                "'{path}' is the index of a disc (DICOMDIR), not an image. Name its folder, '{folder}'."
            ).format(path=path, folder=path.parent)
        )
    if not _is_image(path, header):
        raise InputFileError(
            _("'{path}' is DICOM, but no image. Name the folder of the CT's slices.").format(path=path)
        )
    return Series([(path, header)])


def find_series(folder: Path, uid: str | None = None) -> Folder:
    """The image series of ``folder``; of its sub-folders too where it has none, or not the one of ``uid``.

    Raises
    ------
    InputFileError
        If the folder cannot be read, or a slice in it is damaged.
    """
    found = Folder()
    _scan(folder, found)
    if not found.series or (uid is not None and uid not in found.series):

        def fail(error: OSError) -> None:
            raise _closed(Path(error.filename or folder), error) from error

        # A disc has a folder each for patient, study and series.
        for inner, folders, _files in os.walk(folder, onerror=fail):
            folders.sort()
            if Path(inner) != folder:
                _scan(Path(inner), found)
    return found


def _closed(folder: Path, error: OSError) -> InputFileError:
    return InputFileError(
        _(
            "The folder '{folder}' cannot be read ({reason}). Copy it to a place of your own, and name that."
        ).format(folder=folder, reason=error.strerror or error)
    )


def _scan(folder: Path, found: Folder) -> None:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise _closed(folder, error) from error
    slices, strays, unknown = [], [], []
    for path in entries:
        try:
            mode = os.stat(path).st_mode
        except OSError:
            found.skipped.append(path.name)
            continue
        if stat.S_ISDIR(mode) or path.name.startswith("."):
            continue
        if not stat.S_ISREG(mode):
            # A pipe would be waited for, a device read forever.
            found.skipped.append(path.name)
        elif path.name.lower().endswith(_ARCHIVES):
            found.archives.append(path.name)
        elif not is_dicom_file(path):
            strays.append(path)
        elif _is_image(path, header := _open(path)):
            slices.append(path)
            series = found.series.setdefault(text(header, "SeriesInstanceUID"), Series())
            series.headers.append((path, header))
        elif not _media_class(header).startswith(_STANDARD) and text(header, "Modality") in ("", "CT"):
            unknown.append((path, text(header, "SeriesInstanceUID")))
    _check_none_left_out(strays, slices)
    for path, uid in unknown:
        # Objects of a manufacturer's own have series of their own.
        if slices and (not uid or uid in found.series):
            raise unreadable(path, _("its header ends early"))


def _open(path: Path) -> Any:
    """Header of a DICOM file; of a damaged one at least the class, where it states one."""
    try:
        return read_dataset(path)
    except MissingPackageError:
        raise
    except Exception:  # pydicom raises what the damaged place brings about.
        import pydicom

        with open(path, "rb") as file:
            rest = file.read(1024).partition(b"\x02\x00\x02\x00UI")[2]
        header = pydicom.Dataset()
        header.file_meta = pydicom.dataset.FileMetaDataset()
        value = rest[2 : 2 + int.from_bytes(rest[:2], "little")].rstrip(b"\0").decode("latin-1")
        header.file_meta.add_new("MediaStorageSOPClassUID", "UI", value)
        return header


def _media_class(header: Any) -> str:
    return text(getattr(header, "file_meta", {}), "MediaStorageSOPClassUID")


def _is_image(path: Path, header: Any) -> bool:
    """Whether it has rows and columns; de-identified files have classes that nobody knows."""
    if all(text(header, keyword).isdigit() for keyword in ("Rows", "Columns")):
        return text(header, "Modality").upper() not in _DERIVED
    if _media_class(header) in _CT_CLASSES:
        raise unreadable(path, _("its header ends early"))
    return False


def _check_none_left_out(strays: list[Path], slices: list[Path]) -> None:
    """InputFileError for a file that must have been a slice and is none any more.

    At an end of the stack, nothing else would tell that one is missing.
    """
    endings = {path.suffix.lower() for path in slices}
    for path in strays:
        with path.open("rb") as file:
            start = file.read(_PREAMBLE + len(_PREFIX))
        # Without an ending, notes and licences lie there as well.
        if path.suffix.lower() in endings and (path.suffix or not start[:_PREAMBLE].strip(b"\0")):
            raise unreadable(path, _("it does not begin as DICOM does") if start else _("it is empty"))
