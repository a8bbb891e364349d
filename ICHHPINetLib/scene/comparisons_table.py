"""The table of comparisons of a scene: one row for each pair of CTs that was compared."""

from __future__ import annotations

from typing import Any

from ._mrml import vtk
from .names import clean

_NAME = "ICH-HPINet comparisons"
_MARK = "ICHHPINet.comparisons"


def add_row(scene, row: dict[str, Any]):
    """Add ``row``, by column, all of it as text; the table, which is made where it is missing.

    A row that is the last one already is not added twice. A table of other columns stays as it is, beside
    a new one.
    """
    texts = {name: clean(str(value)).replace('"', "'") for name, value in row.items()}
    node = _find(scene, list(texts)) or _make(scene, list(texts))
    table = node.GetTable()
    last = table.GetNumberOfRows() - 1
    if last >= 0 and all(table.GetValueByName(last, name).ToString() == text for name, text in texts.items()):
        return node
    index = table.InsertNextBlankRow()
    for name, text in texts.items():
        table.SetValueByName(index, name, vtk.vtkVariant(text))
    node.Modified()
    return node


def _find(scene, columns: list[str]):
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLTableNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLTableNode")
        table = node.GetTable()
        names = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
        if node.GetAttribute(_MARK) and names == columns:
            return node
    return None


def _make(scene, columns: list[str]):
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", _NAME)
    node.SetAttribute(_MARK, "1")
    for name in columns:
        array = vtk.vtkStringArray()
        array.SetName(name)
        node.AddColumn(array)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    return node
