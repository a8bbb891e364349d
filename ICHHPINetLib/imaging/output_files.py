"""Output files: found unwritable before the work starts, written whole or not at all.

A file is drafted in a folder of ours beside its place, flushed to disk and read back; only then
does it take its place. What libraries report is not enough: neither SimpleITK nor VTK notices a full disk.
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import shutil
import stat
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..words import tr as _

# Computer, process and a random part: nobody's file has such a name, and no two calls make the same.
_DRAFTS = re.compile(r"\.ichhpinet-([0-9a-f]{8})-(\d+)-[0-9a-f]{16}\.part")
_COMPUTER = f"{zlib.crc32(platform.node().encode()):08x}"
_FORGOTTEN_S = 24 * 3600.0
_in_use: set[str] = set()


def check_writable(path: str | os.PathLike) -> None:
    """OutputError if a file could not be written at ``path``; its folder is made where missing."""
    path = Path(path)
    try:
        path = _place(path)
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with drafts_folder(path.parent) as folder:
            _check_name(path, folder)
    except OSError as error:
        raise OutputError(
            _("Nothing can be written to the folder '{folder}' ({reason}). Choose another folder.").format(
                folder=path.parent, reason=error.strerror or error
            )
        ) from error


def _check_name(path: Path, folder: Path) -> None:
    try:
        # The very name: it may be too long, or have signs that this disk does not take.
        (folder / path.name).touch()
        if path.exists():
            # Somebody may have protected it, or another program may hold it.
            with path.open("r+b"):
                pass
    except OSError as error:
        raise _not_written(path, error) from error


@contextmanager
def whole_file(path: str | os.PathLike, is_whole: Callable[[Path], bool]) -> Iterator[Path]:
    """A path to write to, of the same name as ``path``, that takes its place when the block ends well.

    ``is_whole`` reads the draft back and tells whether all of it is there; an exception of it
    counts as no. Interrupted or failing, the block leaves what was at ``path`` before. Raises OutputError.
    """
    path = Path(path)
    try:
        path = _place(path)
        with drafts_folder(path.parent) as folder:
            draft = folder / path.name
            yield draft
            _flush(draft)
            if not _reads(is_whole, draft):
                raise OutputError(
                    _(
                        "'{path}' was not saved whole: read back, it differs from what was meant. "
                        "The disk may be full. What was there before is untouched. Make room, or "
                        "choose another place."
                    ).format(path=path)
                )
            with suppress(FileNotFoundError, NotADirectoryError):
                # Who may read it was decided for the older file.
                shutil.copymode(path, draft)
            os.replace(draft, path)
            _flush_folder(path.parent)
    # SimpleITK reports a missing folder as a RuntimeError.
    except (OSError, RuntimeError) as error:
        raise _not_written(path, error) from error


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Write a file whole. Raises OutputError."""
    with whole_file(path, lambda draft: draft.read_bytes() == content) as draft:
        draft.write_bytes(content)


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Write strict JSON, whole. Raises OutputError, and ValueError where a number is not finite."""
    write_bytes(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


@contextmanager
def drafts_folder(parent: Path) -> Iterator[Path]:
    """A new folder in ``parent`` that is gone when the block ends; removes those of killed runs."""
    _sweep(parent)
    folder = parent / f".ichhpinet-{_COMPUTER}-{os.getpid()}-{secrets.token_hex(8)}.part"
    _in_use.add(folder.name)
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _in_use.discard(folder.name)


def _sweep(parent: Path) -> None:
    # Whatever goes wrong here is no reason not to write.
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            match = _DRAFTS.fullmatch(entry.name)
            if match and entry.is_dir(follow_symlinks=False) and _is_left(entry, match[1], int(match[2])):
                shutil.rmtree(entry.path, ignore_errors=True)


def _is_left(entry: os.DirEntry, computer: str, process: int) -> bool:
    """Whether nobody works in a folder of drafts any more."""
    if entry.name in _in_use:
        return False
    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _FORGOTTEN_S:
        return True
    # On Windows, asking for a process by a signal would end it.
    if computer != _COMPUTER or os.name == "nt":
        return False
    if process == os.getpid():
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _place(path: Path) -> Path:
    """Where the file itself lies, behind links. OutputError where something else than a file is there."""
    path = Path(os.path.realpath(path))
    with suppress(FileNotFoundError, NotADirectoryError):
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise OutputError(_("'{path}' is a folder. Name a file in it.").format(path=path))
        if not stat.S_ISREG(mode):
            raise OutputError(_("'{path}' is a device, not a file. Choose another name.").format(path=path))
    return path


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    # Not every system can; the file's content is on the disk anyway.
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reads(is_whole: Callable[[Path], bool], draft: Path) -> bool:
    try:
        return is_whole(draft)
    except MemoryError:
        raise
    except Exception:
        # Whatever a reader raises means that what lies there is not what was to be written.
        return False


def _not_written(path: Path, error: Exception) -> OutputError:
    lines = str(error).strip().splitlines()
    reason = getattr(error, "strerror", None) or (lines[-1] if lines else type(error).__name__)
    return OutputError(
        _("'{path}' cannot be written ({reason}). Choose another place or name.").format(
            path=path, reason=reason
        )
    )
