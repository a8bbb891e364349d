"""A comparison of two CTs in plain lines, for where there is no room for tables."""

from __future__ import annotations

from collections.abc import Sequence

from ..measurement.comparison import Comparison, Side
from .drawing import DISCLAIMER


def comparison_lines(found: Comparison, warnings: Sequence[str] = ()) -> list[str]:
    """All that ``found`` says, one thing a line; ``warnings`` are what else is to be known."""
    percent = "" if found.difference_percent is None else f" ({found.difference_percent:+.0f} %)"
    lines = [
        f"Baseline {_side(found.baseline)}",
        f"Follow-up {_side(found.followup)}",
        f"Difference: {found.difference_ml:+.1f} mL{percent}",
        f"Time between: {found.between or 'not known'}",
    ]
    lines += [
        f"{one.words[:1].upper()}{one.words[1:]}: {one.answer} ({one.citation})" for one in found.definitions
    ]
    return [*lines, *found.statements, *warnings, f"{DISCLAIMER}."]


def _side(side: Side) -> str:
    when = f", {side.acquisition.when}" if side.acquisition.when else ""
    likely = "" if side.interval_ml is None else " (likely {:.1f} to {:.1f})".format(*side.interval_ml)
    return f"'{side.name}'{when}: {side.volume_ml:.1f} mL{likely}"
