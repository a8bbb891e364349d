"""What the commands print: progress bars, tables, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..errors import MissingPackageError
from ..interaction.result import Progress

DISCLAIMER = "Research use only, not a medical device."

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


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table with right-aligned columns, the first one aside."""
    grid = _rich("table").Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=_rich("box").SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    for number, name in enumerate(columns):
        grid.add_column(name, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    console().print(grid)


@contextmanager
def round_progress(rounds: int) -> Iterator[RoundBars]:
    """A progress bar over several rounds."""
    progress = _rich("progress")
    with progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        console=console(),
        transient=True,
    ) as bars:
        yield RoundBars(bars, rounds)


class RoundBars:
    """Feeds the progress of rounds into one bar; call :meth:`start` before each round."""

    def __init__(self, bars, rounds: int) -> None:
        self._bars = bars
        self._rounds = rounds
        self._round = 0
        self._task = bars.add_task("starting", total=rounds)

    def start(self) -> None:
        self._round += 1

    def __call__(self, progress: Progress) -> None:
        where = "" if progress.slice_index is None else f", slice {progress.slice_index}"
        stage = _STAGES.get(progress.stage, progress.stage)
        self._bars.update(
            self._task,
            completed=self._round - 1 + progress.fraction,
            description=f"round {self._round} of {self._rounds}: {stage}{where}",
        )
