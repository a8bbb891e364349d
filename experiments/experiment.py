"""What an experiment is: a line of the table of experiments, and what one finds."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ICHHPINetLib.reporting.tables import Table


class Spread(NamedTuple):
    """A mean with the SD behind it; None where there is one value alone."""

    mean: float
    sd: float | None


Cell = str | float | int | Spread | None


@dataclass(frozen=True)
class Findings:
    """An experiment's result.

    ``rows`` have a cell for each of ``columns``, the first one a label; ``notes`` are plain
    sentences, what is comparable among them; ``content`` goes into the JSON beside the rows;
    ``tables`` follow the main one in the Markdown; ``draw`` fills an empty matplotlib figure.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str]
    draw: Callable[[Any], None]
    content: dict[str, Any] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    size: tuple[float, float] = (8.0, 4.5)


@dataclass(frozen=True)
class Experiment:
    """A line of the table.

    ``title`` stands above the results, ``summary`` in --help. ``options`` are the command's, by flag, as
    ``argparse`` takes them. ``find`` works on what was given; None where there is more to do another time.
    """

    title: str
    summary: str
    options: dict[str, dict[str, Any]]
    find: Callable[[argparse.Namespace], Findings | None]
