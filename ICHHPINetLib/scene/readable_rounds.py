"""The table of rounds as people read it, for a table view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ._mrml import slicer, vtk


def signed(milliliters: float) -> str:
    """With sign and one decimal, and never a minus before a zero."""
    return f"{round(milliliters, 1) + 0.0:+.1f}"


# What is shown of a row, by heading. Device and model stand beside the result, and in every export.
_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "Round": lambda row: str(row["Round"]) if row["Scribbled slices"] else f"{row['Round']} (no scribble)",
    "Volume (mL)": lambda row: f"{row['Volume (mL)']:.1f}",
    "Change (mL)": lambda row: signed(row["Change (mL)"]) if row["Round"] > 1 else "–",
    "ABC/2 (mL)": lambda row: f"{row['ABC/2 (mL)']:.1f}",
    "Scribbled slices": lambda row: str(row["Scribbled slices"]),
    "Time (s)": lambda row: f"{row['Time (s)']:.1f}",
}


def readable(rows: Sequence[dict[str, Any]]):
    """A ``vtkMRMLTableNode`` in no scene, with one decimal; Slicer's view shows numbers with all of theirs.

    ``rows`` are those of :func:`.rounds_table.rows`.
    """
    node = slicer.vtkMRMLTableNode()
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    for name, text in _COLUMNS.items():
        column = vtk.vtkStringArray()
        column.SetName(name)
        for row in rows:
            column.InsertNextValue(text(row))
        node.AddColumn(column)
    return node
