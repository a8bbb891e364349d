"""Which layout a folder has."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InputFileError
from .case import Case, Layout
from .files import examples
from .layouts import LAYOUTS


def find_cases(folder: str | os.PathLike) -> list[Case]:
    """The cases of a data set in any layout that is known, sorted by file name.

    ``folder`` is the data set's own or the one that it was unpacked into. No image is read.

    Raises
    ------
    InputFileError
        If there is no such folder, if it has no known layout or holds several data sets, or
        if its content contradicts its layout.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputFileError(f"'{folder}' is not a folder: name the folder that holds the cases.")
    found = _data_sets(folder) or [
        match for part in sorted(folder.iterdir()) if part.is_dir() for match in _data_sets(part)
    ]
    if len(found) > 1:
        listed = ", ".join(f"{place} ({layout.name})" for place, layout in found)
        raise InputFileError(f"'{folder}' holds several data sets: {listed}: name the folder of one of them.")
    if not found:
        raise InputFileError(_nothing_found(folder))
    place, layout = found[0]
    return layout.cases(place)


def _data_sets(folder: Path) -> list[tuple[Path, Layout]]:
    return [(folder, layout) for layout in LAYOUTS if layout.fits(folder)]


def _nothing_found(folder: Path) -> str:
    looked_for = "; ".join(f"{layout.name}: {layout.expects}" for layout in LAYOUTS)
    there = examples(sorted(path.name for path in folder.iterdir()), count=5) or "nothing"
    advice = "name the folder that holds one of these."
    above = _data_sets(folder.resolve().parent)
    if above:
        advice = f"name the folder above, {above[0][0]}, which has the layout of {above[0][1].name}."
    return f"No data set in '{folder}'. Looked for {looked_for}. Found there: {there}; {advice}"
