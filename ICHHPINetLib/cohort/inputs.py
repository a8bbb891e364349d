"""The CTs of a cohort, from a folder, a pattern or a table (CSV)."""

from __future__ import annotations

import csv
import glob
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputFileError
from ..imaging.dicom_files import is_dicom_file

GUESS, SCRIBBLES, MASK = "guess", "scribbles", "mask"
COLUMNS = ("id", "ct", "mask", "scribbles", "series")
_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
_NO_CT = re.compile(r"(\.seg|[_-](mask|seg|label|labels|labelmap|scribbles?[_-]?\d*))$", re.IGNORECASE)
_UNSAFE = re.compile(r'[\x00-\x1f/\\:*?"<>|]|^\.|[. ]$')
_LONGEST = 120
# Where none of so many files is DICOM, none of the folder is taken for a slice.
_LOOKED_AT = 5
_EXAMPLE = (
    "Its first line has to name the columns `id` and `ct`, and `mask`, `scribbles`, `series` if needed."
)


@dataclass(frozen=True)
class Case:
    """One CT: a file or DICOM folder, and what was done on it; ``id`` names its folder of results.

    ``mask`` is measured; of ``scribbles`` each file is a round; without both, the network guesses.
    """

    id: str
    ct: Path
    mask: Path | None = None
    scribbles: tuple[Path, ...] = ()
    series: str | None = None

    @property
    def source(self) -> str:
        """Where the mask comes from."""
        return MASK if self.mask else SCRIBBLES if self.scribbles else GUESS

    @property
    def files(self) -> list[Path]:
        """Everything that the result depends on."""
        return [self.ct, *self.scribbles, *([self.mask] if self.mask else [])]


def find_cases(given: str) -> tuple[list[Case], list[str]]:
    """The CTs that ``given`` names, with absolute paths and in order; and what was left out.

    A folder: every CT file and every folder of DICOM files in it, at any depth. Segmentations, and files
    whose names end with _mask, _seg, _label or _scribbles, are none. A pattern, as "registry/*/ct.nii.gz":
    what it matches. A .csv file: a CT a line; paths are relative to its folder, and several files of
    scribbles are separated by semicolons.

    Raises
    ------
    InputFileError
        If there is no such thing, no CT in it, or a line that leaves doubts.
    """
    path = Path(given)
    notes: list[str] = []
    if path.is_dir():
        cases = [Case(_id_of(found, path), found) for found in _in_folder(path)]
    elif path.is_file() and path.suffix.lower() == ".csv":
        cases, notes = _in_table(path)
    elif path.exists() or not glob.has_magic(given):
        raise InputFileError(f"'{given}' is no folder, pattern or table (.csv) of CTs. Name one.")
    else:
        matched = [Path(one) for one in sorted(glob.glob(given, recursive=True))]
        base = Path(os.path.commonpath([one.parent for one in matched])) if matched else path
        cases = [Case(_id_of(found, base), found) for found in matched if _may_be_ct(found)]
    if not cases:
        raise InputFileError(f"There is no CT in '{given}': NRRD, NIfTI, MHA or folders of DICOM files.")
    _check_ids(cases, given)
    return [_absolute(case) for case in cases], notes


def _in_folder(folder: Path) -> Iterator[Path]:
    for inner, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        shown = sorted(name for name in names if not name.startswith("."))
        files = [Path(inner, name) for name in shown]
        images = [one for one in files if one.name.lower().endswith(_ENDINGS)]
        yield from filter(_may_be_ct, images)
        others = [one for one in files if one not in images] if not images else []
        if any(map(is_dicom_file, others[:_LOOKED_AT])):
            yield Path(inner)


def _may_be_ct(path: Path) -> bool:
    return path.is_dir() or not _NO_CT.search(_without_ending(path.name))


def _without_ending(name: str) -> str:
    ending = next((one for one in _ENDINGS if name.lower().endswith(one)), "")
    return name[: len(name) - len(ending)]


def _id_of(path: Path, base: Path) -> str:
    parts = path.relative_to(base).parts or (path.resolve().name,)
    return "_".join((*parts[:-1], _without_ending(parts[-1])))


def _in_table(path: Path) -> tuple[list[Case], list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(f"'{path}' is no CSV in UTF-8 ({error}). Save it as such.") from error
    first = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",")
    try:
        names = [(name or "").strip().lower() for name in rows.fieldnames or ()]
        rows.fieldnames = names
        if not {"id", "ct"} <= set(names):
            raise InputFileError(f"'{path}' is no table of CTs. {_EXAMPLE}")
        cases = [_case_of(row, path, rows.line_num) for row in rows if any(map(_text, row.values()))]
    except csv.Error as error:
        raise InputFileError(f"'{path}', line {rows.line_num}, cannot be read ({error}).") from error
    unused = [name for name in names if name not in COLUMNS]
    return cases, [f"Columns of '{path.name}' that are not used: {', '.join(unused)}."] if unused else []


def _case_of(row: dict, path: Path, line: int) -> Case:
    where = f"'{path}', line {line}"
    if None in row:
        raise InputFileError(f"{where}, has more cells than there are columns. Put such texts in quotes.")
    cells = {name: _text(row.get(name)) for name in COLUMNS}
    if not cells["id"] or not cells["ct"]:
        raise InputFileError(f"{where}, lacks the {'ct' if cells['id'] else 'id'} of a CT.")
    if cells["mask"] and cells["scribbles"]:
        raise InputFileError(
            f"{where}, has a mask, to be measured, and scribbles, to be refined. Make two lines of it."
        )
    base = path.parent
    return Case(
        cells["id"],
        base / cells["ct"],
        base / cells["mask"] if cells["mask"] else None,
        tuple(base / one.strip() for one in cells["scribbles"].split(";") if one.strip()),
        cells["series"] or None,
    )


def _text(cell: object) -> str:
    return cell.strip() if isinstance(cell, str) else ""


def _check_ids(cases: list[Case], given: str) -> None:
    """InputFileError for ids that could not name a folder, or would name the same one."""
    known: dict[str, Case] = {}
    for case in cases:
        if _UNSAFE.search(case.id) or len(case.id) > _LONGEST:
            raise InputFileError(
                f"The id '{case.id[:_LONGEST]}' in '{given}' cannot name a folder. Use letters, digits, '-' "
                f"and '_', at most {_LONGEST} of them."
            )
        # Names that differ in case alone may be one folder.
        other = known.setdefault(case.id.casefold(), case)
        if other is not case:
            raise InputFileError(
                f"'{other.ct}' and '{case.ct}' have the same id, '{case.id}'. Name them in a table (.csv) "
                "with ids that differ."
            )


def _absolute(case: Case) -> Case:
    return replace(
        case,
        ct=case.ct.absolute(),
        mask=case.mask.absolute() if case.mask else None,
        scribbles=tuple(one.absolute() for one in case.scribbles),
    )
