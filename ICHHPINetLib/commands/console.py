"""What the commands print besides tables: progress bars, lines, notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

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
