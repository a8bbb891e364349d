"""Scenes as ``.mrb`` files: written whole or not at all, and loaded again."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputFileError, OutputError
from ..imaging.output_files import drafts_folder, whole_file
from ..words import tr as _
from ._mrml import slicer
from .comparison import same_nodes
from .headless import headless_scene
from .names import keep_scene_saveable
from .unpacking import clean_copy


def save_mrb(scene, path: str | os.PathLike) -> Path:
    """Write all of ``scene`` to ``path`` (``.mrb``), replacing an older file only by a complete one.

    Raises
    ------
    OutputError
        If the name does not end in .mrb, or the file cannot be written there.
    """
    path = Path(path)
    if path.suffix.lower() != ".mrb":
        raise OutputError(
            _("A scene is saved as a .mrb file, but '{name}' was given. Change the ending.").format(
                name=path.name
            )
        )
    keep_scene_saveable(scene)
    messages = slicer.vtkMRMLMessageCollection()
    with whole_file(path, lambda draft: _holds(draft, scene)) as draft:
        if not scene.WriteToMRB(str(draft), None, messages) or not draft.is_file():
            raise OutputError(
                _("The scene cannot be saved to '{path}': {reason}.").format(
                    path=path, reason=_text(messages)
                )
            )
    return path


def _holds(path: Path, scene) -> bool:
    # VTK says nothing of a full disk.
    with headless_scene() as read:
        load_mrb(read, path)
        return same_nodes(scene, read)


def load_mrb(scene, path: str | os.PathLike) -> list:
    """Replace the content of ``scene`` by that of a ``.mrb`` file.

    Returns
    -------
    The CT nodes: all scalar volumes that are no label maps.

    Raises
    ------
    InputFileError
        If the file is missing, is no readable scene, or would write or read outside of its own folder.
    """
    path = Path(path)
    if not path.is_file():
        raise InputFileError(_("The scene '{path}' does not exist. Check the name.").format(path=path))
    advice = _("Save it again in Slicer, or choose another file.")
    if not zipfile.is_zipfile(path):
        raise InputFileError(
            _("'{path}' is no Slicer scene (.mrb), or cut off. {advice}").format(path=path, advice=advice)
        )
    messages = slicer.vtkMRMLMessageCollection()
    with drafts_folder(Path(tempfile.gettempdir())) as folder, _same_working_folder():
        copy = clean_copy(path, folder)
        if not scene.ReadFromMRB(str(copy), True, messages):
            raise InputFileError(
                _("'{path}' cannot be read as a Slicer scene: {reason}. {advice}").format(
                    path=path, reason=_text(messages), advice=advice
                )
            )
    volumes = [
        scene.GetNthNodeByClass(index, "vtkMRMLScalarVolumeNode")
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))
    ]
    return [volume for volume in volumes if not volume.IsA("vtkMRMLLabelMapVolumeNode")]


@contextmanager
def _same_working_folder() -> Iterator[None]:
    # Slicer unpacks an archive by going into a temporary folder, and stays there when it is damaged.
    folder = os.getcwd()
    try:
        yield
    finally:
        os.chdir(folder)


def _text(messages) -> str:
    text = "; ".join(messages.GetNthMessageText(index) for index in range(messages.GetNumberOfMessages()))
    return text.strip().rstrip(".") or _("the reason is not known")
