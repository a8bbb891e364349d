"""Output files: found unwritable before the work starts, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutputError


def check_writable(path: str | os.PathLike) -> None:
    """OutputError if a file could not be written at ``path``; its folder is made where missing."""
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder. Name a file in it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(
            f"Nothing can be written to the folder '{path.parent}' ({error.strerror or error}). "
            "Choose another folder."
        ) from error


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well.

    Interrupted or failing, the block leaves what was at ``path`` before. The temporary
    name keeps the ending, by which writers choose the format. Raises OutputError.
    """
    path = Path(path)
    stem, dot, ending = path.name.partition(".")
    temporary = path.with_name(f".{stem}.{os.getpid()}.part{dot}{ending}")
    try:
        yield temporary
        os.replace(temporary, path)
    # SimpleITK reports a full disk or a missing folder as a RuntimeError.
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().splitlines()[-1]
        raise OutputError(f"'{path}' cannot be written ({reason}). Choose another place.") from error
    finally:
        temporary.unlink(missing_ok=True)
