"""The table of rounds: one row a round, readable and writable as plain Python values."""

from __future__ import annotations

from operator import methodcaller

from ._mrml import vtk
from .names import clean

# Column: VTK array class, and how a cell becomes a Python value again. A column that came
# back from a file without its type is text, hence the conversions.
COLUMNS = {
    "Round": (vtk.vtkIntArray, methodcaller("ToInt")),
    "Volume (mL)": (vtk.vtkDoubleArray, methodcaller("ToDouble")),
    "Change (mL)": (vtk.vtkDoubleArray, methodcaller("ToDouble")),
    "ABC/2 (mL)": (vtk.vtkDoubleArray, methodcaller("ToDouble")),
    "Scribbled slices": (vtk.vtkIntArray, methodcaller("ToInt")),
    "Time (s)": (vtk.vtkDoubleArray, methodcaller("ToDouble")),
    "Device": (vtk.vtkStringArray, methodcaller("ToString")),
    "Model": (vtk.vtkStringArray, methodcaller("ToString")),
}


def rows(table_node) -> list[dict]:
    """All rows, oldest first, as column name to int, float or str; none where the columns are others."""
    if not _is_ours(table_node):
        return []
    table = table_node.GetTable()
    return [
        {name: convert(table.GetValueByName(row, name)) for name, (_, convert) in COLUMNS.items()}
        for row in range(table.GetNumberOfRows())
    ]


def is_guess(rows: list[dict]) -> bool:
    """Whether the result behind ``rows`` is a first guess that no stroke has corrected yet."""
    return bool(rows) and not any(row["Scribbled slices"] for row in rows)


def append(table_node, row: dict) -> None:
    """Add a row; it takes the place of a row of the same or a later round.

    The columns of the contract are made first; a table of other columns is emptied for that.
    """
    if not _is_ours(table_node):
        _make_columns(table_node)
    drop_from(table_node, row["Round"])
    table = table_node.GetTable()
    index = table.InsertNextBlankRow()
    for name in COLUMNS:
        value = row[name]
        if isinstance(value, str):
            # A single double quote makes a table in a file unreadable.
            value = clean(value).replace('"', "'")
        table.SetValueByName(index, name, vtk.vtkVariant(value))
    table_node.Modified()


def drop_from(table_node, first_round: int) -> None:
    """Remove the rows of ``first_round`` and later."""
    kept = [row["Round"] < first_round for row in rows(table_node)]
    for index in reversed(range(len(kept))):
        if not kept[index]:
            table_node.RemoveRow(index)


def _is_ours(table_node) -> bool:
    table = table_node.GetTable()
    names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    return names == list(COLUMNS)


def _make_columns(table_node) -> None:
    table_node.RemoveAllColumns()
    for name, (array_class, _) in COLUMNS.items():
        array = array_class()
        array.SetName(name)
        table_node.AddColumn(array)
    table_node.SetUseColumnTitleAsColumnHeader(True)
    table_node.SetLocked(True)
