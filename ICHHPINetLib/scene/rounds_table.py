"""The table of rounds: one row a round, readable as plain Python values."""

from __future__ import annotations

from operator import methodcaller

from ..interaction.round_log import Round, RoundLog
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
    """Whether the result behind ``rows`` is a first guess that no scribble has corrected yet."""
    return bool(rows) and not any(row["Scribbled slices"] for row in rows)


def show(table_node, log: RoundLog) -> None:
    """Rows of the rounds of ``log`` behind those of rounds before them, which it does not know.

    The columns of the contract are made first; a table of other columns is emptied for that.
    """
    if not _is_ours(table_node):
        _make_columns(table_node)
    drop_from(table_node, log.number - len(log.rounds) + 1)
    before = [row["Volume (mL)"] for row in rows(table_node)]
    before_ml = before[-1] if before else log.volume_ml(log.restored.mask) if log.restored else 0.0
    for one in log.rounds:
        if one.abc2_ml is not None:
            _append(table_node, _row(one, one.abc2_ml, before_ml, log.shape))
        before_ml = one.volume_ml
    table_node.Modified()


def _row(one: Round, abc2_ml: float, before_ml: float, shape: tuple[int, int, int]) -> dict:
    return {
        "Round": one.header.round,
        "Volume (mL)": float(one.volume_ml),
        "Change (mL)": float(one.volume_ml - before_ml),
        "ABC/2 (mL)": float(abc2_ml),
        "Scribbled slices": one.change.slices(shape),
        "Time (s)": float(one.header.seconds),
        "Device": str(one.header.device),
        "Model": str(one.header.model),
    }


def _append(table_node, row: dict) -> None:
    table = table_node.GetTable()
    index = table.InsertNextBlankRow()
    for name in COLUMNS:
        value = row[name]
        if isinstance(value, str):
            # A single double quote makes a table in a file unreadable.
            value = clean(value).replace('"', "'")
        table.SetValueByName(index, name, vtk.vtkVariant(value))


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
