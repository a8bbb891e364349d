"""Archives of scenes, which may come from anywhere, unpacked without trusting what they say."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from ..errors import InputFileError
from ..imaging.integrity import check_whole
from ..words import tr as _

# A scene with a dozen CTs has a few hundred files and a few GB.
_MOST_FILES = 10_000
MOST_BYTES = 8 << 30
_IMAGES = (".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz")
_STORAGE = re.compile(r"vtkMRML\w*StorageNode\w*")


def _advice() -> str:
    return _("Do not open it unless you know where it comes from; ask for it again.")


def clean_copy(path: Path, folder: Path) -> Path:
    """Unpack the archive ``path`` and pack it again, below ``folder``.

    The copy holds plain files alone, of the sizes that were checked, whatever a less strict reader
    would have found in the original.

    Raises
    ------
    InputFileError
        If a name leads out of the archive's own folder, two are the same, an entry is no plain file or
        folder, it unpacks to too much, is damaged, or a file in it names others outside.
    """
    unpacked = folder / "unpacked"
    unpacked.mkdir()
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(path, entries, shutil.disk_usage(folder).free)
            for entry in entries:
                _unpack(archive, entry, unpacked)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise InputFileError(
            _(
                "'{path}' cannot be read as a Slicer scene: it is damaged or cut off ({error}). Save "
                "it again in Slicer, or choose another file."
            ).format(path=path, error=error)
        ) from error
    files = sorted(one for one in unpacked.rglob("*") if one.is_file())
    for one in files:
        _check_file(path, one)
    copy = folder / path.name
    with zipfile.ZipFile(copy, "w") as archive:
        for one in files:
            archive.write(one, one.relative_to(unpacked))
    shutil.rmtree(unpacked)
    return copy


def _check_entries(path: Path, entries: list[zipfile.ZipInfo], free: int) -> None:
    if len(entries) > _MOST_FILES:
        raise InputFileError(
            _("'{path}' holds {count} files, more than any scene has. {advice}").format(
                path=path, count=len(entries), advice=_advice()
            )
        )
    size = sum(entry.file_size for entry in entries)
    # The files, and the copy.
    most = min(MOST_BYTES, free // 2)
    if size > most:
        raise InputFileError(
            _(
                "'{path}' would unpack to {size:.1f} GB, more than the {room:.1f} GB that fit. Make "
                "room, or open it in Slicer and save a scene of fewer volumes."
            ).format(path=path, size=size / 1e9, room=most / 1e9)
        )
    seen = set()
    for entry in entries:
        # What zipfile made of it is too kind: it cuts names at a NUL and turns backslashes.
        name = entry.orig_filename
        if not _is_inside(name):
            raise InputFileError(
                _("'{path}' would write outside of its folder, to '{name}'. {advice}").format(
                    path=path, name=name, advice=_advice()
                )
            )
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR) > entry.is_dir():
            raise InputFileError(
                _("'{path}' holds a link or a device, '{name}'. {advice}").format(
                    path=path, name=name, advice=_advice()
                )
            )
        # Some disks do not tell upper from lower case.
        key = str(PurePosixPath(name)).casefold()
        if key in seen:
            raise InputFileError(
                _("'{path}' holds '{name}' twice. {advice}").format(path=path, name=name, advice=_advice())
            )
        seen.add(key)


def _is_inside(name: str) -> bool:
    """Whether a name stays below the folder it is unpacked to, on every system."""
    windows = PureWindowsPath(name)
    return not (
        "\\" in name
        or "://" in name
        or "\0" in name
        or windows.drive
        or windows.root
        or ".." in windows.parts
        or not windows.parts
    )


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / entry.filename
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Reads no more than the size that was checked, and compares the checksum.
    with archive.open(entry) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _check_file(path: Path, file: Path) -> None:
    name = file.name.lower()
    if name.endswith(_IMAGES):
        check_whole(file)
    elif name.endswith(".mrml"):
        try:
            root = ET.parse(file).getroot()
        except ET.ParseError as error:
            raise InputFileError(
                _(
                    "'{path}' cannot be read as a Slicer scene: '{name}' in it is damaged ({error}). "
                    "Save it again in Slicer, or choose another file."
                ).format(path=path, name=file.name, error=error)
            ) from error
        # Slicer keeps where a node was stored that is no longer in the scene, and reads no file by it.
        used = {
            one
            for node in root.iter()
            for key, value in node.attrib.items()
            if key != "id"
            for one in _STORAGE.findall(value)
        }
        for node in root.iter():
            own = node.get("id", "")
            if _STORAGE.fullmatch(own) and own not in used:
                continue
            for key, value in node.attrib.items():
                if _names_a_file(key) and value and not _is_inside(unquote(value)):
                    raise InputFileError(
                        _("'{path}' names a file outside of it, '{value}'. {advice}").format(
                            path=path, value=value, advice=_advice()
                        )
                    )


def _names_a_file(key: str) -> bool:
    return key.startswith(("fileListMember", "uri")) or key.lower() == "filename"
