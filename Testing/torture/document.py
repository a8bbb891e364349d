"""The table of docs/reliability.md, printed and renewed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .pool import Outcome

PATH = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- torture: begin -->", "<!-- torture: end -->"


@dataclass(frozen=True)
class Tally:
    """How the attacks of one kind ended."""

    title: str
    tried: int
    lost: int

    @property
    def row(self) -> tuple[str, str, str, str]:
        return self.title, *(f"{count:,}" for count in (self.tried, self.tried - self.lost, self.lost))


def tallies(chosen: dict, outcomes: Sequence[Outcome]) -> list[Tally]:
    """One a kind, in the order of ``chosen``."""
    found = []
    for kind, module in chosen.items():
        own = [one for one in outcomes if one.kind == kind]
        found.append(Tally(module.TITLE, len(own), sum(one.lost is not None for one in own)))
    return found


def show(rows: Sequence[Tally], outcomes: Sequence[Outcome], seconds: float) -> None:
    """Print the table, and how to repeat what was lost."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Torture, {seconds / 60:.1f} minutes")
    for number, name in enumerate(("attack", "tried", "survived", "lost")):
        table.add_column(name, justify="right" if number else "left")
    for tally in rows:
        table.add_row(*tally.row, style="red" if tally.lost else None)
    console = Console(highlight=False)
    console.print(table)
    for kind, alike in _alike(outcomes):
        first = alike[0]
        line = f"{len(alike)} x python -m Testing.torture {kind} --number {first.number}: {first.lost}"
        console.print(line, markup=False, soft_wrap=True)


def _alike(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    """Losses of one kind and one text but for its figures, the most frequent first."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for one in sorted((one for one in outcomes if one.lost), key=lambda one: one.number):
        # What came before a loss, and where, is another for each of them.
        text = re.sub(r"^after .*?: |'[^']*'|\d+", "", one.lost)
        groups.setdefault((one.kind, text), []).append(one)
    return [(kind, alike) for (kind, _), alike in sorted(groups.items(), key=lambda pair: -len(pair[1]))]


def write(rows: Sequence[Tally]) -> None:
    """Renew the table between the two marks of the document."""
    lines = ["| attack | tried | survived | lost |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {' | '.join(tally.row)} |" for tally in rows]
    text = PATH.read_text(encoding="utf-8")
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    PATH.write_text("\n".join([before + _BEGIN, *lines, _END + after]), encoding="utf-8")
