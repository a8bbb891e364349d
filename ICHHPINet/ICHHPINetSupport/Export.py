"""Writes results into files that the user names."""

import os
import re

import qt
import slicer
from ICHHPINetLib.errors import OutputError
from ICHHPINetLib.imaging.output_files import whole_file
from ICHHPINetLib.scene.comparison import is_in_file
from slicer.i18n import tr as _


def exportNode(node, path):
    """Write ``node`` into the file ``path``, whole or not at all; its format follows from the extension.

    :raises OutputError: if there is nothing to write or the file cannot be written
    """
    if node is None:
        raise OutputError(_("There is no result to export, or it was deleted. Refine, then export."))
    with whole_file(path, lambda draft: is_in_file(node, draft)) as draft:
        try:
            # A dictionary of our own: Slicer keeps the file format of its default one for the next call.
            written = slicer.util.exportNode(node, str(draft), properties={})
        except ValueError as error:
            raise OutputError(str(error)) from error
        if not written:
            raise OutputError(
                _("{path} was not written. Choose a folder that you may write to.").format(path=path)
            )


def askForPath(title, name, extensions):
    """Let the user choose a file to write, "" if cancelled.

    :param extensions: description and extension of each file format, the first is the default
    """
    default = os.path.join(slicer.app.defaultScenePath, fileName(name) + extensions[0][1])
    path = qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, default, _filters(extensions))
    if not path or any(path.lower().endswith(extension) for _description, extension in extensions):
        return path
    path += extensions[0][1]
    # The dialog has asked for the name as it was typed.
    question = _("{path} exists. Replace it?").format(path=path)
    return path if not os.path.exists(path) or slicer.util.confirmOkCancelDisplay(question, title) else ""


def fileName(name):
    """``name`` of a node without what Windows takes in no file name: DICOM's are like "2: HEAD"."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")


def askForExistingPath(title, extensions):
    """Let the user choose a file to read, "" if cancelled; see :func:`askForPath`."""
    return qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, "", _filters(extensions))


def _filters(extensions):
    return ";;".join(f"{description} (*{extension})" for description, extension in extensions)
