"""Output files of a command, checked together before the work starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import OutputError
from ..imaging.output_files import check_writable


def check_suffix(path: Path, suffixes: Iterable[str], what: str) -> None:
    """OutputError unless the file name ends with one of ``suffixes``."""
    suffixes = tuple(suffixes)
    if not path.name.lower().endswith(suffixes):
        endings = " or ".join(suffixes)
        raise OutputError(f"{what} cannot be written as '{path.name}'. End its name with {endings}.")


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path] = ()) -> None:
    """Find out now what would otherwise fail after minutes of work; make missing folders.

    Raises
    ------
    OutputError
        If two outputs are one file, or an output would replace an input or a folder or
        cannot be written.
    """
    inputs = list(inputs)
    taken: dict[Path, str] = {path.resolve(): "an input" for path in inputs}
    for path in outputs:
        place = path.resolve()
        # Names that differ in case alone may be one file.
        if path.exists() and any(one.exists() and path.samefile(one) for one in inputs):
            taken[place] = "an input"
        if place in taken:
            raise OutputError(f"'{path}' is already {taken[place]}. Choose another name for the output.")
        taken[place] = "another output"
        check_writable(path)
