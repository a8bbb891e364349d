"""Tables of text, for the terminal (``commands.console``) and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A title, column names and rows of text; the first column holds labels."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def markdown(shown: Sequence[Table]) -> str:
    """The tables as Markdown, each under its title in bold."""
    return "\n".join(_markdown(table) for table in shown)


def _markdown(table: Table) -> str:
    alignment = ["---", *["---:"] * (len(table.columns) - 1)]
    # Pipes would end a cell, and "<5 mL" would begin a tag.
    rows = [[cell.replace("|", "\\|").replace("<", "&lt;") for cell in row] for row in table.rows]
    lines = [f"| {' | '.join(cells)} |" for cells in (table.columns, alignment, *rows)]
    return "\n".join([f"**{table.title}**", "", *lines, ""])
