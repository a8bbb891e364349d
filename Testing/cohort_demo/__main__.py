"""``python -m Testing.cohort_demo``: phantoms on one worker, on two, and on two that are killed.

It checks that each CT is done once and that all three runs have the same results, measures how fast they
were, and renews the table of docs/scaling.md. The computer should do nothing else meanwhile.

>>> python -m Testing.cohort_demo --cts 12    # a small one, for development; writes no document
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ICHHPINetLib.cohort.record import FAILED
from ICHHPINetLib.evaluation.machine import describe_machine
from ICHHPINetLib.reporting.tables import Table, markdown

from .cluster import Cluster
from .compare import differences, rows_of
from .registry import make

CTS = 200
WORKERS = 2
_LEAST_EFFICIENCY = 0.85
_DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"
_MARKS = re.compile(r"(?<=<!-- cohort-demo: begin -->\n).*(?=<!-- cohort-demo: end -->)", re.DOTALL)


@dataclass(frozen=True)
class Run:
    """One run: its name, seconds from command to exit, and largest memory of a worker in MiB."""

    name: str
    seconds: float
    memory: float

    def row(self, cts: int, alone: Run) -> tuple[str, ...]:
        workers = 1 if self is alone else WORKERS
        efficiency = alone.seconds / (workers * self.seconds)
        rate = f"{60 * cts / self.seconds:.1f}"
        return self.name, f"{self.seconds:.0f}", rate, f"{efficiency:.2f}", f"{self.memory:,.0f}"


def main() -> int:
    """0 where every CT was done once, with the same results, and fast enough."""
    parser = argparse.ArgumentParser(
        prog="python -m Testing.cohort_demo", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--cts", type=int, default=CTS, metavar="N", help=f"how many (default: {CTS})")
    parser.add_argument("--folder", type=Path, default=Path("demo/cohort"), help="default: demo/cohort")
    parser.add_argument("--weights", default="default", help="network (default: the shipped one)")
    given = parser.parse_args()
    folder: Path = given.folder / str(given.cts)
    bad = make(folder / "registry", given.cts, WORKERS)
    print(f"{given.cts} CTs, {bad} of them damaged. Load of the computer before: {os.getloadavg()[0]:.1f}")

    def run(name: str, place: str, *words: str, meanwhile: Callable[[Path], None] | None = None) -> Run:
        output = folder / place
        if output.exists():
            raise SystemExit(f"{output} is there from an earlier run: remove it first.")
        command = [sys.executable, "-m", "ICHHPINetLib", "cohort", folder / "registry", "-o", output, *words]
        start = time.monotonic()
        process = subprocess.Popen([*map(str, command), "--weights", given.weights, "--device", "cpu"])
        while process.poll() is None:
            if meanwhile:
                meanwhile(output)
            time.sleep(0.1)
        seconds = time.monotonic() - start
        _check(process.returncode == 0, f"{name} ended with {process.returncode}")
        rows = rows_of(output)
        ids = [row["id"] for row in rows]
        _check(len(ids) == len(set(ids)) == given.cts, f"{name}: {len(ids)} rows of {len(set(ids))} CTs")
        failed = sum(row["status"] == FAILED for row in rows)
        _check(failed == bad, f"{name}: {failed} CTs failed, {bad} were damaged")
        return Run(name, seconds, max(row["peak_memory_mib"] or 0 for row in rows))

    alone = run("one worker", "one", "--workers", "1")
    both = run(f"{WORKERS} workers", "both", "--workers", str(WORKERS))
    with Cluster(WORKERS) as cluster:
        attack = _Attack(cluster, given.cts)
        name = f"{WORKERS} workers, one killed, the scheduler started anew"
        killed = run(name, "killed", "--scheduler", cluster.address, meanwhile=attack)
    _check(not attack.left, f"the run ended before: {', '.join(attack.left)}")
    for one in ("both", "killed"):
        found = differences(folder / "one", folder / one)
        _check(not found, f"{one}: {'; '.join(found[:5])}")
    columns = ("Run", "Seconds", "CTs a minute", "Efficiency", "Memory of a worker (MiB)")
    rows = tuple(one.row(given.cts, alone) for one in (alone, both, killed))
    machine = describe_machine()
    title = f"{given.cts} CTs ({bad} damaged), {machine['processor']}, {machine['cores']} cores"
    text = markdown([Table(title, columns, rows)])
    print(text)
    if given.cts == CTS and given.weights == "default":
        document = _DOCUMENT.read_text(encoding="utf-8")
        _DOCUMENT.write_text(_MARKS.sub(lambda _: text, document), encoding="utf-8")
        slow = alone.seconds / (WORKERS * both.seconds) < _LEAST_EFFICIENCY
        _check(not slow, f"an efficiency below {_LEAST_EFFICIENCY}: was the computer busy otherwise?")
    print("Every CT was done once, and all runs have the same results.")
    return 0


class _Attack:
    """Kills a worker after three tenths of the CTs, and the scheduler after six; called again and again."""

    def __init__(self, cluster: Cluster, cts: int) -> None:
        self._cluster, self._cts = cluster, cts
        self.left = ["the kill of a worker", "the kill of the scheduler"]

    def __call__(self, output: Path) -> None:
        self._cluster.tend()
        done = sum(1 for _ in output.glob("cases/*/report.json"))
        if len(self.left) == 2 and done >= 0.3 * self._cts:
            print(f"{done} CTs done: worker {self._cluster.kill_a_worker()} killed", flush=True)
            self.left.pop(0)
        elif len(self.left) == 1 and done >= 0.6 * self._cts:
            self._cluster.restart_the_scheduler()
            print(f"{done} CTs done: scheduler killed and started anew", flush=True)
            self.left.pop(0)


def _check(right: bool, otherwise: str) -> None:
    if not right:
        raise SystemExit(f"Not as promised: {otherwise}")


if __name__ == "__main__":
    sys.exit(main())
