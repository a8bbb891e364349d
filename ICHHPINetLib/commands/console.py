"""What the commands print besides tables: progress bars, lines, notes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from ..errors import MissingPackageError
from ..interaction.result import Progress
from ..reporting.tables import Table

DISCLAIMER = "Research use only, not a medical device."
_WIDTH_IN_FILES = 140

_STAGES = {
    "prepare": "reading the image",
    "volume": "looking at the volume",
    "slice": "segmenting the scribbled slices",
    "propagate": "propagating",
    "done": "done",
}


def _rich(module: str):
    import importlib

    try:
        return importlib.import_module(f"rich.{module}")
    except ImportError as error:
        raise MissingPackageError("The command line needs rich. Install it with: pip install rich") from error


def console():
    """The console that everything is printed to."""
    return _rich("console").Console(highlight=False)


def say(text: str) -> None:
    """Print a line as it is, without markup."""
    console().print(text, markup=False, soft_wrap=True)


def warn(texts: Iterable[str]) -> None:
    """Print warnings."""
    for text in texts:
        console().print(f"note: {text}", style="yellow", markup=False, soft_wrap=True)


def print_tables(shown: Sequence[Table]) -> None:
    """Print tables, each under its title."""
    out, rich_table, head = console(), _rich("table").Table, _rich("box").SIMPLE_HEAD
    if not out.is_terminal:
        out.width = _WIDTH_IN_FILES
    for table in shown:
        grid = rich_table(box=head, pad_edge=False)
        for number, (column, *cells) in enumerate(zip(table.columns, *table.rows, strict=True)):
            # Names of columns may wrap, figures must not.
            grid.add_column(column, justify="right" if number else "left", min_width=max(map(len, cells)))
        for row in table.rows:
            grid.add_row(*row)
        out.print(table.title, style="bold", markup=False)
        out.print(grid)


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[float, str], None]]:
    """A progress bar; gives what sets it to a fraction, 0 to 1, and a description."""
    progress = _rich("progress")
    with progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        console=console(),
        transient=True,
    ) as bars:
        task = bars.add_task(description, total=1.0)
        yield lambda fraction, text: bars.update(task, completed=fraction, description=text)


@contextmanager
def count_bar(total: int, what: str) -> Iterator[Callable[[str], None]]:
    """A bar for ``total`` pieces of long work; gives what counts one and shows a text beside it.

    It tells how many are done a minute and how long the rest will take. In a file, a line a minute says so.
    """
    progress, out = _rich("progress"), console()
    pace = _Pace(total, what)

    def count_in_file(note: str) -> None:
        pace.count()
        if pace.is_due():
            say(f"{pace.text()}, {note}")

    if not out.is_terminal:
        yield count_in_file
        return
    with progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[note]}", markup=False),
        console=out,
        transient=True,
    ) as bars:
        task = bars.add_task(pace.text(), total=total, note="")

        def count(note: str) -> None:
            pace.count()
            bars.update(task, advance=1, description=pace.text(), note=note)

        yield count


class _Pace:
    """How fast work goes, over its last hundred pieces."""

    def __init__(self, total: int, what: str) -> None:
        self._total, self._what = total, what
        self._done, self._said = 0, time.monotonic()
        self._times = deque([self._said], maxlen=101)

    def count(self) -> None:
        self._done += 1
        self._times.append(time.monotonic())

    def is_due(self) -> bool:
        """Whether a minute has passed since it last was."""
        due = self._times[-1] - self._said >= 60
        if due:
            self._said = self._times[-1]
        return due

    def text(self) -> str:
        told = f"{self._done:,} of {self._total:,} {self._what}"
        seconds = self._times[-1] - self._times[0]
        if len(self._times) < 3 or not seconds:
            return told
        each = seconds / (len(self._times) - 1)
        left = timedelta(seconds=round(each * (self._total - self._done)))
        return f"{told}, {60 / each:.1f} a minute, {left} left"


class RoundProgress:
    """Feeds the progress of several rounds into one bar; call :meth:`start` before each round."""

    def __init__(self, show: Callable[[float, str], None], rounds: int) -> None:
        self._show = show
        self._rounds = rounds
        self._round = 0

    def start(self) -> None:
        self._round += 1

    def __call__(self, progress: Progress) -> None:
        where = "" if progress.slice_index is None else f", slice {progress.slice_index}"
        stage = _STAGES.get(progress.stage, progress.stage)
        fraction = (self._round - 1 + progress.fraction) / self._rounds
        self._show(fraction, f"round {self._round} of {self._rounds}: {stage}{where}")
