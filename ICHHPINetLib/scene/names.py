"""Names that survive saving, whatever a hospital calls a series.

Slicer writes names into XML that cannot hold control characters, and names of files into it as they
are: a scene with one or the other cannot be opened again.
"""

from __future__ import annotations

import re
import zlib

# Tabs and line breaks come back from XML, and from tables, as something else.
_UNWRITABLE = re.compile("[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
_MAX_FILE_NAME_BYTES = 120
_ENDINGS = {"vtkMRMLSegmentationNode": ".seg.nrrd", "vtkMRMLTableNode": ".tsv"}


def clean(text: str) -> str:
    """``text`` with a space for what cannot be written into a scene; mostly the same."""
    # Names of files in another encoding arrive as single surrogates, on which MRML ends the process.
    latin = re.sub("[\udc80-\udcff]", lambda match: chr(ord(match[0]) - 0xDC00), text)
    return _UNWRITABLE.sub(" ", latin)


def keep_saveable(node) -> None:
    """See to it that a scene with ``node``, a storable one, can be opened again after saving.

    A name that is none is cleaned. A node that is not in a file yet gets a name for its file, where Slicer
    would make one of the node's name that does not work.
    """
    name = node.GetName() or ""
    if clean(name) != name:
        node.SetName(clean(name))
        name = node.GetName()
    storage = node.GetStorageNode()
    if "&" not in name and len(name.encode()) <= _MAX_FILE_NAME_BYTES:
        return
    if storage is None or not storage.GetFileName():
        # The number tells names apart that look alike by now.
        stem = re.sub(r"[^A-Za-z0-9]+", "_", name)[:60].strip("_")
        file_name = f"{stem}_{zlib.crc32(name.encode()):08x}{_ENDINGS.get(node.GetClassName(), '.nrrd')}"
        if storage is None:
            node.AddDefaultStorageNode(file_name)
        else:
            storage.SetFileName(file_name)


def keep_scene_saveable(scene) -> None:
    """:func:`keep_saveable` for all of ``scene``: a single other series with such a name spoils it too."""
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLStorableNode")):
        keep_saveable(scene.GetNthNodeByClass(index, "vtkMRMLStorableNode"))
