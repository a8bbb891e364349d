"""Headers that name devices, pipes and folders for their voxels."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import specimens
from .attempt import Attempt, LostError
from .command import ichhpinet

_SIZE = np.prod(specimens.SHAPE)


def nrrd(data: str, kind: str = "uint8") -> bytes:
    sizes = " ".join(str(size) for size in specimens.SHAPE[::-1])
    return (
        f"NRRD0004\ntype: {kind}\ndimension: 3\nspace: left-posterior-superior\nsizes: {sizes}\n"
        "space directions: (0.5,0,0) (0,1,0) (0,0,5)\nkinds: domain domain domain\nendian: little\n"
        f"encoding: raw\nspace origin: (12,-7.5,40)\ndata file: {data}\n"
    ).encode()


def _meta(data: str, kind: str = "MET_UCHAR") -> bytes:
    sizes = " ".join(str(size) for size in specimens.SHAPE[::-1])
    return (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"CompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 12 -7.5 40\n"
        f"ElementSpacing = 0.5 1 5\nDimSize = {sizes}\nElementType = {kind}\nElementDataFile = {data}\n"
    ).encode()


_SLICES = "\n".join(["/dev/zero"] * specimens.SHAPE[0])
HEADERS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "NRRD names /dev/zero": (".nhdr", lambda _: nrrd("/dev/zero")),
    "NRRD names /dev/urandom": (".nrrd", lambda _: nrrd("/dev/urandom")),
    "NRRD names the standard input": (".nhdr", lambda _: nrrd("-")),
    "NRRD names /dev/stdin": (".nhdr", lambda _: nrrd("/dev/stdin")),
    "NRRD names a pipe": (".nhdr", nrrd),
    "NRRD names a folder": (".nhdr", lambda _: nrrd("/")),
    "NRRD names a list of devices": (".nhdr", lambda _: nrrd(f"LIST 2\n{_SLICES}")),
    "NRRD names a pattern": (".nhdr", lambda _: nrrd("/dev/fd/%d 0 5 1 2")),
    "NRRD skips to the end of a device": (
        ".nhdr",
        lambda _: nrrd("/dev/urandom").replace(b"encoding: raw", b"encoding: raw\nbyte skip: -1"),
    ),
    "NRRD names a file of the system": (".nhdr", lambda _: nrrd("/proc/self/maps")),
    "MetaImage names /dev/zero": (".mhd", lambda _: _meta("/dev/zero")),
    "MetaImage names /dev/urandom": (".mhd", lambda _: _meta("/dev/urandom")),
    "MetaImage names a pipe": (".mhd", _meta),
    "MetaImage names a list of devices": (".mhd", lambda _: _meta(f"LIST\n{_SLICES}")),
    "MetaImage names a pattern": (".mhd", lambda _: _meta("/dev/fd/%d 0 5 1")),
}


def attack(attempt: Attempt, name: str, home: Path, outside: Path) -> None:
    """As a mask, as scribbles or as a CT: refused in one line, whatever the device says."""
    pipe = home / "hostile.pipe"
    os.mkfifo(pipe)
    ending, make = HEADERS[name]
    path = home / f"hostile{ending}"
    content = make(str(pipe))
    command = attempt.choose(["mask", "ct", "scribbles"])
    if command == "ct":
        content = content.replace(b"type: uint8", b"type: short").replace(b"MET_UCHAR", b"MET_SHORT")
    path.write_bytes(content)
    # Whatever the header makes of the data, a terminal is none of them.
    with open(outside.parent / "home" / "hostile.stdin", "wb+") as nothing:
        before = os.dup(0)
        nothing.write(bytes(range(256)) * (_SIZE // 128))
        nothing.seek(0)
        os.dup2(nothing.fileno(), 0)
        try:
            answer = ichhpinet(*_words(command, path, attempt.shared, home))
        finally:
            os.dup2(before, 0)
            os.close(before)
    if not answer.refused:
        raise LostError(f"{name}, as {command}: {answer.describe()}")


def _words(command: str, path: Path, shared: Path, home: Path) -> list[object]:
    if command == "mask":
        return ["measure", path]
    if command == "ct":
        return ["measure", shared / "whole.nrrd", "--ct", path]
    return [
        *("segment", shared / "ct.nrrd", "--scribbles", path, "-o", home / "hostile.seg.nrrd"),
        *("--weights", shared / "tiny.safetensors", "--device", "cpu"),
    ]
