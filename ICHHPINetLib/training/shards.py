"""A pack in shards: files that are mapped into memory, of which a case is read when a sample needs it.

A shard is a safetensors file with the arrays of a pack's file, uncompressed, but for masks without blood:
a case that has a mask here bleeds. Its header holds a checksum of every case.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from ..errors import InputFileError
from ..imaging.output_files import whole_file
from .packed import Pack, PackedCase, parts_of, unpacked

_SUFFIX = ".safetensors"


def write_shard(folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Adds a shard with the ``arrays`` of a pack to ``folder``; OutputError where it cannot be written."""
    folder.mkdir(exist_ok=True)
    kept = {
        key: np.asarray(array, order="C")
        for key, array in arrays.items()
        if not key.endswith("/fraction") or array.any()
    }
    sums = {name: _checksum(fields) for name, fields in _by_case(kept).items()}
    path = folder / f"{len(list(folder.iterdir())):05}{_SUFFIX}"
    with whole_file(path, lambda draft: _holds(draft, sums)) as draft:
        save_file(kept, draft, sums)


def load_shards(folder: Path) -> Pack:
    """Reads what the shards hold, and the shapes, but no case; raises whatever a damaged file makes others
    raise."""
    places: dict[str, Path] = {}
    bleeding, shapes = set(), {}
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        with safe_open(path, "numpy") as file:
            for key in file.keys():  # noqa: SIM118 - it is no dict
                kind, name, field = parts_of(key)
                if kind != "case":
                    shapes[key] = file.get_tensor(key)
                    continue
                places[name] = path
                if field == "fraction":
                    bleeding.add(name)
    if not places:
        raise ValueError("it holds no case")
    return Pack(_Cases(places), frozenset(bleeding), unpacked(shapes)[1])


class _Cases(Mapping[str, PackedCase]):
    """Cases by name, each read from its shard whenever it is asked for; InputFileError if it is damaged."""

    def __init__(self, places: dict[str, Path]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> PackedCase:
        path = self._places[name]
        try:
            with safe_open(path, "numpy") as file:
                return _read(file, name)
        except Exception as error:  # of as many kinds as there are ways to damage a file
            raise InputFileError(
                f"Case {name} cannot be read from {path} ({error}). Delete the pack, {path.parent}, and make "
                "it anew by naming --cases."
            ) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _read(file: safe_open, name: str) -> PackedCase:
    keys = [key for key in file.keys() if parts_of(key)[:2] == ("case", name)]  # noqa: SIM118
    fields = {key: file.get_tensor(key) for key in keys}
    if _checksum(fields) != file.metadata()[name]:
        raise ValueError("it is damaged")
    return unpacked(fields)[0][name]


def _by_case(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    cases: dict[str, dict[str, np.ndarray]] = {}
    for key, array in arrays.items():
        kind, name, _ = parts_of(key)
        if kind == "case":
            cases.setdefault(name, {})[key] = array
    return cases


def _checksum(fields: Mapping[str, np.ndarray]) -> str:
    total = 0
    for key in sorted(fields):
        total = zlib.crc32(fields[key], zlib.crc32(f"{key} {fields[key].shape}".encode(), total))
    return f"{total:08x}"


def _holds(path: Path, sums: Mapping[str, str]) -> bool:
    with safe_open(path, "numpy") as file:
        return all(_read(file, name) for name in sums)
