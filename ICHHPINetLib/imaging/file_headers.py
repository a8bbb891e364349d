"""What the text headers of NRRD and MetaImage files promise: how many bytes of voxels, and where."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import BinaryIO

from ..words import tr as _

# Longer than any header of a segmentation with its terminology; a file without an end of it is no image.
_LONGEST = 1 << 24
# More files than this hold no head.
_MOST_FILES = 10_000
_TYPE_BYTES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"), 1),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), 2),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), 2),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32"), 4),
    **dict.fromkeys(("uint32_t", "float"), 4),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"), 8),
    **dict.fromkeys(("signed long long int", "ulonglong", "unsigned long long", "uint64", "uint64_t"), 8),
    **dict.fromkeys(("unsigned long long int", "double"), 8),
}
_ENCODINGS = {
    **dict.fromkeys(("raw",), "raw"),
    **dict.fromkeys(("gzip", "gz"), "gzip"),
    **dict.fromkeys(("bzip2", "bz2"), "bzip2"),
    **dict.fromkeys(("ascii", "text", "txt"), "text"),
    "hex": "hex",
}
_META_BYTES = {
    **dict.fromkeys(("MET_CHAR", "MET_UCHAR"), 1),
    **dict.fromkeys(("MET_SHORT", "MET_USHORT"), 2),
    **dict.fromkeys(("MET_INT", "MET_UINT", "MET_LONG", "MET_ULONG", "MET_FLOAT"), 4),
    **dict.fromkeys(("MET_LONG_LONG", "MET_ULONG_LONG", "MET_DOUBLE"), 8),
}


class HeaderError(Exception):
    """Why a file cannot be what it says; without its name."""


@dataclass(frozen=True)
class VoxelData:
    """The voxels of a file: ``bytes`` of them, unpacked, ``value_bytes`` each.

    They follow the header where ``files`` is empty, and are packed by ``encoding`` ("raw", "gzip", "zlib",
    "bzip2", "text", "hex") in ``packed_bytes``, where the header states these. ``skip_bytes`` is -1 where
    the voxels are the last bytes of the file.
    """

    bytes: int
    value_bytes: int
    encoding: str
    files: tuple[Path, ...] = ()
    skip_lines: int = 0
    skip_bytes: int = 0
    packed_bytes: int | None = None


def nrrd_data(path: Path, file: BinaryIO) -> VoxelData:
    """Of an NRRD file, left standing behind its header; HeaderError where it promises nothing."""
    fields: dict[str, str] = {}
    listed: list[str] = []
    for line in _lines(file):
        if fields.get("data file", "").upper().startswith("LIST"):
            if line:
                listed.append(line)
            continue
        if not line:
            break
        key, colon, value = line.partition(":")
        # "key:=value" is a comment of the writer's.
        if colon and not line.startswith("#") and not value.startswith("="):
            fields[key.strip().lower().replace("datafile", "data file")] = value.strip()
    try:
        sizes = [int(size) for size in fields["sizes"].split()]
        kind = fields["type"].lower()
        value_bytes = int(fields["block size"]) if kind == "block" else _TYPE_BYTES[kind]
        encoding = _ENCODINGS[fields["encoding"].lower()]
        lines = int(fields.get("line skip", fields.get("lineskip", "0")))
        skip = int(fields.get("byte skip", fields.get("byteskip", "0")))
    except (KeyError, ValueError) as error:
        raise HeaderError(_("its header is damaged or cut off: {error}").format(error=error)) from error
    place = fields.get("data file", "")
    files = _files(path, place, listed) if place else ()
    return VoxelData(_total(sizes, value_bytes), value_bytes, encoding, files, lines, skip)


def meta_data(path: Path, file: BinaryIO) -> VoxelData:
    """Of a MetaImage file, left standing behind its header; HeaderError where it promises nothing."""
    fields: dict[str, str] = {}
    listed: list[str] = []
    for line in _lines(file):
        if fields.get("ElementDataFile", "").upper().startswith("LIST"):
            if line:
                listed.append(line)
            continue
        key, _sign, value = line.partition("=")
        fields[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile" and not value.strip().upper().startswith("LIST"):
            break
    try:
        sizes = [int(size) for size in fields["DimSize"].split()]
        value_bytes = _META_BYTES[fields["ElementType"]]
        values = int(fields.get("ElementNumberOfChannels", "1"))
        place = fields["ElementDataFile"]
        skip = int(fields.get("HeaderSize", "0"))
        packed = _true(fields.get("CompressedData", "False"))
        packed_bytes = int(fields.get("CompressedDataSize", "0")) if packed else 0
    except (KeyError, ValueError) as error:
        raise HeaderError(_("its header is damaged or cut off: {error}").format(error=error)) from error
    local = place.upper() == "LOCAL"
    if "%" in place and len(place.split()) > 4:
        # ITK's reader of MetaImage returns memory that nobody has written to.
        raise HeaderError(_("its header names files of several slices, which cannot be read safely"))
    text = not _true(fields.get("BinaryData", "True"))
    return VoxelData(
        _total([*sizes, values], value_bytes),
        value_bytes,
        "zlib" if packed else "text" if text else "raw",
        () if local else _files(path, place, listed),
        # What follows the header of the file itself is not preceded by another one.
        skip_bytes=0 if local else skip,
        packed_bytes=packed_bytes or None,
    )


def _true(value: str) -> bool:
    return value[:1].upper() in ("T", "1")


def _total(sizes: list[int], value_bytes: int) -> int:
    if not sizes or min(sizes) < 1 or value_bytes < 1:
        raise HeaderError(_("its header states no sizes"))
    return math.prod(sizes) * value_bytes


def _files(path: Path, place: str, listed: list[str]) -> tuple[Path, ...]:
    """The files that a header names: one, a list, or a pattern of numbers with its first, last and step."""
    names = [place]
    words = place.split()
    if place.upper().startswith("LIST"):
        names = listed
    elif len(words) >= 3 and "%" in words[0]:
        if re.search(r"%\D*\d{3}", words[0]):
            raise HeaderError(_("its header names files that no disk can have"))
        try:
            first, last, step = (int(word) for word in [*words[1:], "1"][:3])
            numbers = range(first, last + (1 if step > 0 else -1), step)[:_MOST_FILES]
            names = [words[0] % number for number in numbers]
        except (TypeError, ValueError) as error:
            raise HeaderError(_("its header names no files: {error}").format(error=error)) from error
    if not names:
        raise HeaderError(_("its header names no file with voxels"))
    return tuple(_within(path.parent, name) for name in names)


def _within(folder: Path, name: str) -> Path:
    """The file ``name`` in ``folder``; HeaderError where it lies elsewhere, links followed.

    A header may come from anywhere, and what it names would be read with the rights of the user.
    """
    path = folder / name
    here = folder.resolve()
    # A drive letter is absolute on Windows alone, and a backslash part of a name elsewhere.
    foreign = PureWindowsPath(name)
    if foreign.drive or foreign.root or ".." in foreign.parts or here not in path.resolve().parents:
        raise HeaderError(_("its header names '{name}', which is not in its folder").format(name=name))
    return path


def _lines(file: BinaryIO) -> Iterator[str]:
    read = 0
    while read < _LONGEST and (line := file.readline(_LONGEST)):
        read += len(line)
        yield line.decode("utf-8", "replace").strip()
