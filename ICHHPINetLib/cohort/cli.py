"""``ichhpinet cohort``: a whole registry of CTs, on all cores of this computer or on a cluster."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from ..commands.console import DISCLAIMER, console, count_bar, print_tables, say, warn
from ..commands.rounds import add_network_arguments
from ..errors import OutputError
from ..imaging.output_files import write_bytes
from ..reporting.drawing import require_matplotlib
from ..reporting.tables import Table
from .inputs import GUESS, MASK, SCRIBBLES, Case, find_cases
from .one_case import Job, failed, run_case
from .pool import OPTIONS, Pool, WorkerLost, local_workers, open_pool
from .quality_sheet import NAME as SHEET
from .quality_sheet import quality_sheet
from .record import DONE, FAILED, Row, folder_of, unchanged
from .table import CSV, PARQUET, check_tables, write_tables
from .worker import found_anywhere

_EXAMPLES = """
examples:
  ichhpinet cohort registry -o results
  ichhpinet cohort 'registry/*/ct.nii.gz' -o results --workers 4
  ichhpinet cohort cases.csv -o results --scheduler tcp://login1:8786
  ichhpinet cohort cases.csv -o results --dry-run

INPUT is a folder, of which every CT file and every folder of DICOM files is taken, a pattern in quotes, or
a table (.csv) with the columns id and ct and, where wanted, mask, scribbles and series. Of a CT with a mask,
the mask is measured; with scribbles (files separated by semicolons, a round each), the network runs
these rounds; with neither, it makes a first guess, which nobody has checked.

FOLDER gets results.csv, results.parquet, quality.html (open it in a browser; what needs a look comes first)
and cases/ID/ with mask, report and picture. Given again, the command skips what is done and unchanged.

Without --workers and --scheduler there is one worker a GPU, else one a core. docs/scaling.md tells how to
run it on Slurm and Kubernetes.
"""
_SAVE_EVERY_S = 300.0
_WORDS = {
    GUESS: "a first guess, not checked by anybody",
    SCRIBBLES: "rounds from scribbles",
    MASK: "a mask, measured",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("input", metavar="INPUT", help="folder, pattern in quotes, or table (.csv) of CTs")
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", type=Path, required=True, help="folder for the results"
    )
    for flag, option in OPTIONS.items():
        parser.add_argument(flag, **option)
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and write nothing")
    add_network_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run the command; ICHHPINetError on bad input."""
    cases, notes = find_cases(arguments.input)
    output: Path = arguments.output.absolute()
    sha256 = _sha256(arguments.weights) if any(case.source != MASK for case in cases) else None
    with console().status("looking for what is done already"):
        rows = _done_before(cases, output, sha256)
    todo = [case for case in cases if case.id not in rows]
    warn(notes)
    if arguments.dry_run:
        _print_plan(cases, todo, arguments)
        return
    require_matplotlib()
    check_tables(output)
    job = Job(output, found_anywhere(arguments.weights), sha256, arguments.device)
    before = len(rows)
    with _tables_kept(output, cases, rows) as save:
        if todo:
            with open_pool(_workers(arguments), arguments.scheduler) as pool:
                say(f"CTs to do: {len(todo):,}, done before: {before:,}. Dashboard: {pool.dashboard}")
                _run_all(pool, todo, job, rows, save)
    _print_summary(cases, rows, before, output)


def _workers(arguments: argparse.Namespace) -> int | None:
    if arguments.workers is None and arguments.scheduler is None:
        return local_workers(arguments.device)
    return arguments.workers


def _sha256(weights: str) -> str:
    """Of the network that the workers will load. Raises WeightsError where there is none."""
    from ..weights.loading import load_network

    with console().status("loading the network"):
        return load_network(weights, device="cpu").sha256


def _done_before(cases: Sequence[Case], output: Path, sha256: str | None) -> dict[str, Row]:
    """Rows, by id, of cases whose files were not even touched since; workers look closer at the others."""

    def known(case: Case) -> Row | None:
        try:
            return unchanged(folder_of(output, case), case, sha256, thorough=False)
        except OSError:
            return None

    # A registry may lie on a disk that answers slowly, but many at once.
    with ThreadPoolExecutor(16) as threads:
        return {row["id"]: row for row in threads.map(known, cases) if row is not None}


def _run_all(pool: Pool, todo: Sequence[Case], job: Job, rows: dict[str, Row], save: _Save) -> None:
    with count_bar(len(todo), "CTs") as count:
        bad = 0
        for index, result in pool.run(run_case, [(case, job) for case in todo]):
            case = todo[index]
            row = failed(case, _lost(result, pool)) if isinstance(result, WorkerLost) else result
            rows[case.id] = row
            bad += row["status"] == FAILED
            workers = f"workers: {pool.threads}"
            count(f"{workers}, failed: {bad}" if bad else workers)
            save.sometimes()


def _lost(lost: WorkerLost, pool: Pool) -> str:
    limit = "" if pool.memory is None else f" ({pool.memory / 2**30:.1f} GiB; fewer --workers get more each)"
    return (
        f"Its worker died {lost.deaths} times, the last time with no other CT at work: most likely this CT "
        f"needs more memory than a worker has{limit}."
    )


class _Save:
    """Writes the tables of what is done so far, in the order of the cases."""

    def __init__(self, output: Path, cases: Sequence[Case], rows: dict[str, Row]) -> None:
        self._output, self._cases, self._rows = output, cases, rows
        self._last = time.monotonic()

    def now(self) -> None:
        rows = [self._rows[case.id] for case in self._cases if case.id in self._rows]
        write_tables(self._output, rows)
        write_bytes(self._output / SHEET, quality_sheet(rows))
        self._last = time.monotonic()

    def sometimes(self) -> None:
        if time.monotonic() - self._last > _SAVE_EVERY_S:
            self.now()


@contextmanager
def _tables_kept(output: Path, cases: Sequence[Case], rows: dict[str, Row]) -> Iterator[_Save]:
    """Writes the tables when the block ends, in whichever way: what was done until then counts."""
    save = _Save(output, cases, rows)
    try:
        yield save
    except OutputError:
        # The tables would have no more room than what failed.
        raise
    except BaseException:
        if rows:
            save.now()
        raise
    save.now()


def _print_plan(cases: Sequence[Case], todo: Sequence[Case], arguments: argparse.Namespace) -> None:
    kinds, left = Counter(case.source for case in cases), Counter(case.source for case in todo)
    rows = tuple((_WORDS[kind], f"{kinds[kind]:,}", f"{left[kind]:,}") for kind in _WORDS if kinds[kind])
    print_tables([Table(f"{len(cases):,} CTs", ("What is done with them", "CTs", "To do"), rows)])
    missing = [(case, path) for case in todo for path in case.files if not path.exists()]
    warn(f"{case.id}: '{path}' does not exist." for case, path in missing[:10])
    if len(missing) > 10:
        warn([f"{len(missing) - 10:,} more files do not exist."])
    where = arguments.scheduler or f"{_workers(arguments)} workers on this computer"
    say(f"They would be done by {where}, into '{arguments.output}'. Nothing was written.")


def _print_summary(cases: Sequence[Case], rows: dict[str, Row], before: int, output: Path) -> None:
    bad = [rows[case.id] for case in cases if rows[case.id]["status"] == FAILED]
    warn(f"{row['id']}: {row['error']}" for row in bad[:5])
    if len(bad) > 5:
        warn([f"{len(bad) - 5:,} more failed; the table tells why."])
    done = sum(row["status"] == DONE for row in rows.values())
    say(f"{done:,} of {len(cases):,} CTs done, {before:,} of them before; {len(bad):,} failed. {DISCLAIMER}")
    say(f"Written to {output}: {CSV}, {PARQUET}, {SHEET} and cases/. Look at {SHEET} first.")
