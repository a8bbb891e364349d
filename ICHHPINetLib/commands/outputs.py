"""Output files: checked before the work starts, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import OutputError

LABELMAP_SUFFIXES = (".nrrd", ".nii", ".nii.gz", ".mha")


def check_suffix(path: Path, suffixes: Iterable[str], what: str) -> None:
    """OutputError unless the file name ends with one of ``suffixes``."""
    suffixes = tuple(suffixes)
    if not path.name.lower().endswith(suffixes):
        raise OutputError(
            f"{what} cannot be written as '{path.name}'. End its name with {' or '.join(suffixes)}."
        )


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path] = ()) -> None:
    """Find out now what would otherwise fail after minutes of work.

    Creates missing folders.

    Raises
    ------
    OutputError
        If two outputs are one file, an output would replace an input or a folder, or a
        folder cannot be created or written.
    """
    taken: dict[Path, str] = {path.resolve(): "an input" for path in inputs}
    for path in outputs:
        place = path.resolve()
        if place in taken:
            raise OutputError(f"'{path}' is already {taken[place]}. Choose another name for the output.")
        taken[place] = "another output"
        if path.is_dir():
            raise OutputError(f"'{path}' is a folder. Name a file in it.")
        check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Create ``folder`` where it is missing; OutputError if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"Nothing can be written to the folder '{folder}' ({error.strerror or error}). "
            "Choose another folder."
        ) from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well.

    The temporary name keeps the ending of the file name, by which writers choose the format.
    """
    stem, dot, ending = path.name.partition(".")
    temporary = path.with_name(f".{stem}.{os.getpid()}.part{dot}{ending}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(
            f"'{path}' cannot be written ({error.strerror or error}). Choose another place."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write strict JSON, whole."""
    write_bytes(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
