"""Whether an image file is whole, and the one file of that name that is to be read.

ITK fills what a cut file lacks with zeros, skips checksums, and reads the voxels of ``x.nii`` where
``x.nii.gz`` was named. Both become wrong volumes without a word.
"""

from __future__ import annotations

import bz2
import gzip
import math
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from ..errors import InputFileError
from ..words import tr as _
from .file_headers import HeaderError, VoxelData, meta_data, nrrd_data
from .nifti_header import LONGEST_HEADER, NIFTI_ENDINGS, NiftiHeader

_GZIP, _NRRD, _ZIP = b"\x1f\x8b", b"NRRD", b"PK\x03\x04"
_META_ENDINGS, _NRRD_ENDINGS = (".mha", ".mhd"), (".nrrd", ".nhdr")
# NIfTI's datatypes: bits of a voxel.
_NIFTI_BITS = {
    1: 1, 2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32, 1024: 64,
    1280: 64, 1536: 128, 1792: 128, 2048: 256, 2304: 32,
}  # fmt: skip
_CHUNK = 1 << 20


class _Stream(Protocol):
    """What is read to its end: a file, or what unpacks one."""

    def read(self, size: int, /) -> bytes: ...


def check_whole(path: Path) -> None:
    """Read an NRRD, NIfTI or MetaImage file to its end and compare it with what its header promises.

    Checksums are verified. Files of other formats, DICOM among them, are only looked at from outside:
    whether they are regular files that hold something.

    Raises
    ------
    InputFileError
        Names the file that is missing, empty, cut off, damaged, longer than its header says, of two
        parts, in an archive, or no file at all but a device or a pipe.
    """
    path = Path(path)
    check_regular(path)
    try:
        with path.open("rb") as file:
            _check(path, file)
    except HeaderError as error:
        raise _unreadable(path, str(error)) from error
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def formats() -> str:
    """What a CT may be, in words."""
    return _("NRRD, NIfTI, MHA or a DICOM folder")


def check_regular(path: Path) -> None:
    """InputFileError unless ``path`` is, or links to, a file with content; opening a pipe could hang."""
    try:
        # ITK ends the whole process at a name of bytes that are no text.
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = str(path).encode(errors="replace").decode()
        raise InputFileError(
            _("The name '{shown}' is not valid text (UTF-8). Rename the file.").format(shown=shown)
        ) from error
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputFileError(
            _("'{path}' cannot be found or opened ({reason}). Check its name.").format(
                path=path, reason=reason
            )
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise InputFileError(
            _("'{path}' is a folder, not a file. Name an image file: NRRD, NIfTI or MHA.").format(path=path)
        )
    if not stat.S_ISREG(status.st_mode):
        raise InputFileError(
            _("'{path}' is a device or a pipe, not a file. Name an image file.").format(path=path)
        )
    if status.st_size == 0:
        raise _unreadable(path, _("it is empty"))


@contextmanager
def alone(path: Path) -> Iterator[Path]:
    """A path by which ITK reads the file ``path`` and none beside it; valid inside the block.

    For ``x.nii.gz``, the NIfTI reader takes the voxels of ``x.nii`` where there is one.
    """
    path = Path(path)
    ending = next((one for one in reversed(NIFTI_ENDINGS) if path.name.lower().endswith(one)), None)
    if ending is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="ichhpinet-") as folder:
        link = Path(folder) / f"image{ending}"
        try:
            link.symlink_to(path.resolve())
        except (OSError, NotImplementedError):
            # Windows lets few users make links.
            shutil.copyfile(path, link)
        yield link


def _unreadable(path: Path, reason: str) -> InputFileError:
    return InputFileError(
        _(
            "'{path}' could not be read ({reason}). Check that the file is complete and its format "
            "is one of {formats}; copy or export it again."
        ).format(path=path, reason=reason, formats=formats())
    )


def _check(path: Path, file: BinaryIO) -> None:
    start = file.read(1024)
    file.seek(0)
    name = path.name.lower()
    if start.startswith(_ZIP):
        raise InputFileError(
            _("'{path}' is a zip archive. Unpack it, and name the file or folder in it.").format(path=path)
        )
    if name.endswith((".hdr", ".img", ".hdr.gz", ".img.gz")):
        raise InputFileError(
            _(
                "'{path}' is one half of a pair of files (.hdr and .img), which need not say left "
                "from right. Convert it to one file: NRRD, or NIfTI as .nii.gz."
            ).format(path=path)
        )
    if name.endswith(NIFTI_ENDINGS):
        _check_nifti(path, file, start)
    elif start.startswith(_NRRD):
        _check_parts(path, file, nrrd_data(path, file))
    elif name.endswith(_NRRD_ENDINGS):
        raise HeaderError(_("it does not begin as an NRRD file does"))
    elif name.endswith(_META_ENDINGS):
        _check_parts(path, file, meta_data(path, file))


def _check_nifti(path: Path, file: BinaryIO, start: bytes) -> None:
    packed = start.startswith(_GZIP)
    if path.name.lower().endswith(".gz"):
        if not packed and _nifti(start) is not None:
            raise InputFileError(
                _("'{path}' is named .gz but is not compressed. Rename it to '{right}'.").format(
                    path=path, right=path.name[:-3]
                )
            )
        if not packed:
            raise HeaderError(_("it is no gzip file"))
    elif packed:
        raise InputFileError(
            _("'{path}' is compressed but not named .gz. Rename it to '{name}.gz'.").format(
                path=path, name=path.name
            )
        )
    stream: _Stream = gzip.GzipFile(fileobj=file) if packed else file
    with _damage():
        content = _read(stream, LONGEST_HEADER)
    header = _nifti(content)
    if header is None:
        raise HeaderError(_("it does not begin as a NIfTI file of one part does"))
    sizes = header.dim[1 : header.dim[0] + 1]
    if not 1 <= header.dim[0] <= 7 or min(sizes) < 1:
        raise HeaderError(_("its header states no sizes"))
    # ITK reads by the type alone.
    if _NIFTI_BITS.get(header.datatype) != header.bits:
        raise HeaderError(
            _("its header contradicts itself: type {kind} with {bits} bits a voxel").format(
                kind=header.datatype, bits=header.bits
            )
        )
    begin = header.offset
    if not (math.isfinite(begin) and begin >= header.least_offset and begin == int(begin)):
        raise HeaderError(
            _("its header says that the voxels begin within it, at byte {begin:g}").format(begin=begin)
        )
    expected = int(begin) + (math.prod(sizes) * header.bits + 7) // 8
    _compare(len(content) + _count(stream, expected - len(content)), expected)


def _nifti(content: bytes) -> NiftiHeader | None:
    """The NIfTI header, of one file together with its voxels, that ``content`` begins with."""
    try:
        header = NiftiHeader(content)
    except ValueError:
        return None
    return header if header.is_of_one_part else None


def _check_parts(path: Path, file: BinaryIO, data: VoxelData) -> None:
    if not data.files:
        _compare(_length(file, data), data.bytes)
        return
    found = 0
    for part in data.files:
        check_regular(part)
        with part.open("rb") as other:
            try:
                found += _length(other, data)
            except HeaderError as error:
                raise _unreadable(
                    part, _("{error}; '{name}' keeps its voxels there").format(error=error, name=path.name)
                ) from error
    _compare(found, data.bytes)


def _length(file: BinaryIO, data: VoxelData) -> int:
    """Bytes of voxels from where ``file`` stands (or from the end, where only that is known)."""
    for _line in range(data.skip_lines):
        file.readline()
    if data.encoding in ("text", "hex"):
        return _text_length(file.read(), data)
    start = file.tell()
    file.seek(0, os.SEEK_END)
    rest = file.tell() - start
    file.seek(start)
    if data.packed_bytes is not None:
        _compare(rest, data.packed_bytes)
    # The last bytes of a raw file are its voxels where the header before them is of unknown length.
    skip = max(0, rest - data.bytes) if data.skip_bytes < 0 else data.skip_bytes
    if data.encoding == "raw":
        return rest - skip
    opened: dict[str, Callable[[BinaryIO], _Stream]] = {
        "gzip": lambda raw: gzip.GzipFile(fileobj=raw),
        "bzip2": bz2.BZ2File,
        "zlib": _Zlib,
    }
    stream = opened[data.encoding](file)
    return _count(stream, data.bytes + max(0, data.skip_bytes)) - max(0, data.skip_bytes)


def _text_length(content: bytes, data: VoxelData) -> int:
    if data.encoding == "hex":
        return len(b"".join(content.split())) // 2
    # Each number stands for one value, however many digits it has.
    return len(content.replace(b",", b" ").split()) * data.value_bytes


class _Zlib:
    """Reads one zlib stream, as MetaImage has it, to its checksum and no further."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._inflate = file, zlib.decompressobj()

    def read(self, size: int) -> bytes:
        out = b""
        while not out and not self._inflate.eof:
            chunk = self._inflate.unconsumed_tail or self._file.read(_CHUNK)
            if not chunk:
                raise EOFError
            out = self._inflate.decompress(chunk, size)
        if not out and (self._inflate.unused_data or self._file.read(1)):
            raise HeaderError(_("something else follows its voxels"))
        return out


def _count(stream: _Stream, expected: int) -> int:
    """Bytes left in ``stream``, counted to its end, where checksums stand; no further than one too many."""
    found = 0
    with _damage():
        while found <= expected and (chunk := stream.read(_CHUNK)):
            found += len(chunk)
    return found


def _read(stream: _Stream, size: int) -> bytes:
    out = b""
    while len(out) < size and (chunk := stream.read(size - len(out))):
        out += chunk
    return out


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise HeaderError(_("it is cut off")) from error
    except (OSError, zlib.error) as error:
        raise HeaderError(_("its compressed voxels are damaged: {error}").format(error=error)) from error


def _compare(found: int, expected: int) -> None:
    if found < expected:
        raise HeaderError(
            _("it is cut off: {missing} of {expected} bytes of it are missing").format(
                missing=expected - found, expected=expected
            )
        )
    if found > expected:
        raise HeaderError(_("it is longer than its header says; something else follows its voxels"))
