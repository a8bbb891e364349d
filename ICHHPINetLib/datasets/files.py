"""Image files of a folder by case, and tables."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..errors import InputFileError

ENDINGS = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".mha", ".mhd")


def stem(path: Path) -> str | None:
    """File name without the ending of an image file; None for any other file."""
    # Copies made on a Mac leave "._" files of the same ending beside the images.
    if path.name.startswith("."):
        return None
    for ending in ENDINGS:
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return None


def images(folder: Path, name_of: Callable[[str], str | None] = lambda stem: stem) -> dict[str, Path]:
    """Image files of a folder by case name, in the order of the file names.

    ``name_of`` makes the case name of a file's stem, or None for files of another kind.
    Raises InputFileError where two files have the same case name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        base = stem(path)
        name = None if base is None else name_of(base)
        if not name:
            continue
        if name in found:
            raise InputFileError(
                f"{folder} holds two files for case {name}, {found[name].name} and {path.name}. Keep one."
            )
        found[name] = path
    return found


def pair(cts: dict[str, Path], masks: dict[str, Path], folders: tuple[Path, Path]) -> dict[str, Path | None]:
    """The mask of each CT, or None.

    Raises InputFileError where there are masks but none has the name of a CT: a naming
    that is not understood rather than a data set without masks.
    """
    if not cts:
        raise InputFileError(f"{folders[0]} holds no CT; its files should end with {', '.join(ENDINGS)}.")
    if not any(name in masks for name in cts):
        raise InputFileError(
            f"None of the {len(cts)} CTs in {folders[0]} ({examples(cts)}) has a mask in {folders[1]} "
            f"({examples(masks) or 'no image file'}). Give mask and CT of a case the same name."
        )
    return {name: masks.get(name) for name in cts}


def examples(names: Iterable[str], count: int = 3) -> str:
    """The first few names, for an error message."""
    names = list(names)
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")


def read_table(path: Path, columns: Sequence[str] = ()) -> list[dict[str, str]]:
    """Rows of a CSV file.

    Raises InputFileError where it cannot be read or lacks one of ``columns``.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputFileError(
            f"The table {path} could not be read ({error}); get it again from its source."
        ) from error
    missing = [column for column in columns if column not in (reader.fieldnames or [])]
    if missing:
        raise InputFileError(
            f"The table {path} has no column {', '.join(missing)}; get it again from its source, "
            "or move it away to go on without what it says."
        )
    return rows


def number(text: str | None) -> float:
    """Number in a cell of a table; 0 where it is empty or no number."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
