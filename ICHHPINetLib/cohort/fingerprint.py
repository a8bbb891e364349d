"""Whether the files of a case are those of the last run: by size and time, else by what is in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from .inputs import Case

_BLOCK = 1 << 20


def stamp(case: Case) -> str:
    """Of names, sizes and times of change. Raises OSError where a folder cannot be read."""
    digest = hashlib.sha256(repr(case.series).encode())
    for path in _files(case):
        state = path.stat()
        digest.update(f"\0{path}\0{state.st_size}\0{state.st_mtime_ns}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def content(case: Case) -> str:
    """SHA256 of all that is in the files, wherever they lie. Raises OSError where one cannot be read."""
    digest = hashlib.sha256(repr(case.series).encode())
    for path in _files(case):
        with path.open("rb") as file:
            # Where each file ends is part of it.
            digest.update(f"\0{os.fstat(file.fileno()).st_size}\0".encode())
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _files(case: Case) -> Iterator[Path]:
    for path in case.files:
        if path.is_dir():
            for inner, folders, names in os.walk(path):
                folders.sort()
                yield from (Path(inner, name) for name in sorted(names))
        elif path.exists():
            # What is missing is told by those who read it.
            yield path
            # The data of some headers lie in a second file.
            yield from (other for other in _beside(path) if other.exists())


def _beside(path: Path) -> list[Path]:
    endings = {".mhd": (".raw", ".zraw"), ".nhdr": (".raw", ".raw.gz")}
    return [path.with_suffix(ending) for ending in endings.get(path.suffix.lower(), ())]
