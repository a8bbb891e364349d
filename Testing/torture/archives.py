"""Hostile files: scenes that write where they should not or fill the disk, headers that name devices."""

from __future__ import annotations

import io
import os
import resource
import signal
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import device_headers, specimens
from .attempt import Attempt, promise

TITLE = "hostile archives and headers"
COUNT = 50
_MIB = 1 << 20
# More than any honest scene here needs.
_FILE_LIMIT, _MEMORY_LIMIT = 512 * _MIB, 6 << 30


def prepare(shared: Path) -> None:
    """An honest scene."""
    from ICHHPINetLib.scene import SceneAdapter, add_ct_image, headless_scene, save_mrb

    ct = specimens.head(np.random.default_rng(0))
    with headless_scene() as scene:
        adapter = SceneAdapter(scene, add_ct_image(scene, specimens.image_of(ct), "CT"))
        adapter.ensure_scribbles()
        save_mrb(scene, shared / "honest.mrb")
    specimens.write_image(shared / "whole.nrrd", np.ones(specimens.SHAPE, np.uint8))
    specimens.write_image(shared / "ct.nrrd", ct)
    if not (shared / "tiny.safetensors").exists():
        specimens.write_tiny_weights(shared / "tiny.safetensors")


def attack(attempt: Attempt) -> None:
    """One hostile file; nothing outside the own folders changes, and it is refused or read without harm."""
    home, outside = attempt.folder / "home", attempt.folder / "outside"
    home.mkdir()
    outside.mkdir()
    (outside / "precious.txt").write_text("precious")
    os.chdir(home)
    # What writes more than any honest scene needs is ended by the system, and that is a loss.
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT, resource.RLIM_INFINITY))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    attacks = [(name, _scene) for name in _ARCHIVES]
    attacks += [(name, device_headers.attack) for name in device_headers.HEADERS]
    name, kind = attacks[attempt.number % len(attacks)]
    before = _look(attempt.folder)
    kind(attempt, name, home, outside)
    after = {
        path: what for path, what in _look(attempt.folder).items() if not path.startswith("home/hostile")
    }
    promise(before.items() <= after.items(), f"{name}: a file outside was changed or removed")
    new = sorted(set(after) - set(before))
    promise(not new, f"{name}: it wrote {new[0] if new else ''}")
    written = [place for place in _elsewhere(attempt) if place.exists()]
    for place in written:
        place.unlink()
    promise(not written, f"{name}: it wrote {written[0] if written else ''}")


def _look(folder: Path) -> dict[str, str]:
    found = {}
    for path in folder.rglob("*"):
        kind = stat.S_IFMT(path.lstat().st_mode)
        text = path.read_text(errors="replace") if stat.S_ISREG(kind) and path.stat().st_size < 999 else ""
        found[str(path.relative_to(folder))] = f"{kind} {text}"
    return found


def _mark(attempt: Attempt) -> str:
    return f"torture-{os.getpid()}-{attempt.number}"


def _elsewhere(attempt: Attempt) -> list[Path]:
    """Where the climbing and the absolute names of an archive lead, from wherever it is unpacked."""
    temporary = Path(os.environ["TMPDIR"])
    places = [temporary, *temporary.parents]
    return [place / f"{_mark(attempt)}.txt" for place in places]


# Archives


class _Archive:
    """Members of the honest scene, to which hostile ones are added."""

    def __init__(self, attempt: Attempt, outside: Path) -> None:
        self.attempt, self.outside = attempt, outside
        self.out = io.BytesIO()
        self.zip = zipfile.ZipFile(self.out, "w", zipfile.ZIP_DEFLATED)
        with zipfile.ZipFile(attempt.shared / "honest.mrb") as honest:
            self.members = {info.filename: honest.read(info) for info in honest.infolist()}
        self.top = next(iter(self.members)).split("/")[0]
        self.name = f"{_mark(attempt)}.txt"

    def honest(self) -> None:
        for name, data in self.members.items():
            self.zip.writestr(name, data)

    def add(self, name: str, data: bytes = b"hostile", mode: int = 0o100644) -> None:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        self.zip.writestr(info, data)

    def close(self) -> bytes:
        self.zip.close()
        return self.out.getvalue()


def _climb(archive: _Archive) -> None:
    steps = archive.attempt.choose([1, 2, 3, 4, 5, 6])
    before = archive.attempt.choose(["", f"{archive.top}/", f"{archive.top}/Data/", "./"])
    archive.honest()
    archive.add(before + "../" * steps + archive.name)


def _climb_first(archive: _Archive) -> None:
    archive.add("../" * archive.attempt.choose([1, 2, 3]) + archive.name)
    archive.honest()


def _absolute(archive: _Archive) -> None:
    archive.honest()
    archive.add(str(archive.outside / archive.name))


def _overwrite(archive: _Archive) -> None:
    archive.honest()
    archive.add(str(archive.outside / "precious.txt"))


def _backslashes(archive: _Archive) -> None:
    archive.honest()
    archive.add(f"{archive.top}\\..\\..\\..\\{archive.name}")


def _drive(archive: _Archive) -> None:
    archive.honest()
    archive.add(f"C:\\{archive.name}")


def _link_folder(archive: _Archive) -> None:
    """A link to a folder outside, and a file that is unpacked through it."""
    archive.honest()
    archive.add(f"{archive.top}/Data/way", str(archive.outside).encode(), 0o120777)
    archive.add(f"{archive.top}/Data/way/{archive.name}")


def _link_file(archive: _Archive) -> None:
    """A member is a link to a file outside; a second one of its name is written into it."""
    archive.honest()
    archive.add(f"{archive.top}/Data/way.txt", str(archive.outside / "precious.txt").encode(), 0o120777)
    archive.add(f"{archive.top}/Data/way.txt", b"overwritten")


def _link_instead_of_data(archive: _Archive) -> None:
    """The CT's voxels are a link to a device."""
    for name, data in archive.members.items():
        if name.endswith(".nrrd"):
            archive.add(name, b"/dev/zero", 0o120777)
        else:
            archive.zip.writestr(name, data)


def _special(archive: _Archive) -> None:
    archive.honest()
    archive.add(f"{archive.top}/Data/pipe", b"", archive.attempt.choose([0o010666, 0o020666, 0o060666]))


def _bomb(archive: _Archive) -> None:
    """Sixteen times a gigabyte of zeros."""
    archive.honest()
    archive.close()
    archive.out = io.BytesIO(_with_bombs(archive.out.getvalue(), archive.top, 16, 1 << 30, 1 << 30))


def _lying_bomb(archive: _Archive) -> None:
    """A gigabyte of zeros that calls itself a kilobyte."""
    archive.honest()
    archive.close()
    archive.out = io.BytesIO(_with_bombs(archive.out.getvalue(), archive.top, 1, 1 << 30, 1024))


def _many(archive: _Archive) -> None:
    """A hundred thousand files."""
    archive.honest()
    for number in range(100_000):
        archive.zip.writestr(f"{archive.top}/Data/{number}", b"")


def _header_bomb(archive: _Archive) -> None:
    """Voxels that are a few kilobytes in the archive, and terabytes when they are read."""
    header = (
        b"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 20000 20000 2000\n"
        b"space directions: (1,0,0) (0,1,0) (0,0,1)\nkinds: domain domain domain\nendian: little\n"
        b"encoding: gzip\nspace origin: (0,0,0)\n\n"
    )
    for name, data in archive.members.items():
        archive.zip.writestr(name, header + data[-2000:] if name.endswith(".nrrd") else data)


def _duplicate_scene(archive: _Archive) -> None:
    archive.honest()
    mrml = next(name for name in archive.members if name.endswith(".mrml"))
    archive.add(mrml, archive.members[mrml].replace(b"CT", b"XX"))


def _duplicate_data(archive: _Archive) -> None:
    archive.honest()
    voxels = next(name for name in archive.members if name.endswith(".nrrd"))
    archive.add(voxels, archive.members[voxels][:-200])


def _case_twins(archive: _Archive) -> None:
    archive.honest()
    mrml = next(name for name in archive.members if name.endswith(".mrml"))
    archive.add(mrml.replace(".mrml", ".MRML"), b"<MRML></MRML>")


def _device_inside(archive: _Archive) -> None:
    """The CT's header names a device for its voxels."""
    header = device_headers.nrrd(archive.attempt.choose(["/dev/zero", "/dev/urandom", "/dev/stdin"]), "short")
    for name, data in archive.members.items():
        archive.zip.writestr(name, header if name.endswith(".nrrd") else data)


def _no_scene(archive: _Archive) -> None:
    for name, data in archive.members.items():
        if not name.endswith(".mrml"):
            archive.zip.writestr(name, data)


def _entities(archive: _Archive) -> None:
    """A billion laughs."""
    levels = "".join(f'<!ENTITY l{one} "{f"&l{one - 1};" * 10}">' for one in range(1, 10))
    for name, data in archive.members.items():
        if name.endswith(".mrml"):
            data = (
                f'<?xml version="1.0"?><!DOCTYPE MRML [<!ENTITY l0 "ha">{levels}]><MRML>&l9;</MRML>'.encode()
            )
        archive.zip.writestr(name, data)


_ARCHIVES: dict[str, Callable[[_Archive], None]] = {
    "climbing name": _climb,
    "climbing name first": _climb_first,
    "absolute name": _absolute,
    "name of a file outside": _overwrite,
    "backslashes": _backslashes,
    "drive": _drive,
    "linked folder": _link_folder,
    "linked file": _link_file,
    "link instead of voxels": _link_instead_of_data,
    "special file": _special,
    "bomb": _bomb,
    "lying bomb": _lying_bomb,
    "many files": _many,
    "bomb of voxels": _header_bomb,
    "two scenes of one name": _duplicate_scene,
    "two images of one name": _duplicate_data,
    "names that differ in case": _case_twins,
    "voxels from a device": _device_inside,
    "no scene": _no_scene,
    "entities": _entities,
}
# Whatever else such a file holds, the honest scene must not be shown as if it were whole.
_MUST_REFUSE = {"bomb", "lying bomb", "many files", "bomb of voxels", "no scene", "two images of one name"}


def _with_bombs(content: bytes, top: str, count: int, size: int, claimed: int) -> bytes:
    """``content``, an archive, with ``count`` files of ``size`` zeros that say to be ``claimed`` bytes."""
    # Blocks that end with a full flush can be repeated: nothing of that size is compressed here.
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(_MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    data = block * (size // _MIB) + zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    sums = zlib.crc32(bytes(_MIB))
    for _ in range(size // _MIB - 1):
        sums = zlib.crc32(bytes(_MIB), sums)
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as archive:
        for number in range(count):
            info = zipfile.ZipInfo(f"{top}/Data/bomb{number}.raw")
            info.compress_type = zipfile.ZIP_STORED
            archive.writestr(info, data)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.CRC, info.file_size = sums, claimed
    # The local headers still call the data stored.
    patched = bytearray(out.getvalue())
    for info in archive.infolist():
        if "bomb" in info.filename:
            start = info.header_offset
            patched[start + 8 : start + 10] = (8).to_bytes(2, "little")
            patched[start + 14 : start + 18] = sums.to_bytes(4, "little")
            patched[start + 22 : start + 26] = claimed.to_bytes(4, "little")
    return bytes(patched)


def _scene(attempt: Attempt, name: str, home: Path, outside: Path) -> None:
    from ICHHPINetLib import ICHHPINetError
    from ICHHPINetLib.scene import SceneAdapter, headless_scene, load_mrb

    archive = _Archive(attempt, outside)
    _ARCHIVES[name](archive)
    path = home / "hostile.mrb"
    path.write_bytes(archive.close())
    honest = specimens.head(np.random.default_rng(0))
    with headless_scene() as scene:
        try:
            volumes = load_mrb(scene, path)
        except ICHHPINetError:
            return
        promise(name not in _MUST_REFUSE, f"{name}: it was loaded")
        # Harmless, or harm that was left out: then the honest part is as it was.
        promise(len(volumes) == 1, f"{name}: {len(volumes)} CTs in the scene")
        found = SceneAdapter(scene, volumes[0]).read_ct()[0]
        promise(np.array_equal(np.sort(found, None), np.sort(honest, None)), f"{name}: another CT was loaded")
