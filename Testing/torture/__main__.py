"""``python -m Testing.torture``: attacks the product in every way there is, and renews docs/reliability.md.

>>> python -m Testing.torture --quick                # a small share, for development; writes nothing
>>> python -m Testing.torture damaged --number 137   # one attempt again
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from . import document, pool
from .kinds import KINDS

SEED = 0
_QUICK = 20


def main() -> int:
    """0 where nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m Testing.torture", description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a small share of each kind; no document")
    parser.add_argument("--number", type=int, action="append", help="this attempt alone; may be repeated")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, help="folder for the logs of the processes")
    arguments = parser.parse_args()
    unknown = [kind for kind in arguments.kinds if kind not in KINDS]
    if unknown:
        parser.error(f"there is no kind {unknown[0]}")
    chosen = {kind: KINDS[kind] for kind in arguments.kinds or KINDS}
    numbers = {
        kind: arguments.number or range(max(2, module.COUNT // _QUICK) if arguments.quick else module.COUNT)
        for kind, module in chosen.items()
    }
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        base = arguments.keep or Path(folder)
        outcomes = _run(chosen, numbers, arguments, base)
    tallies = document.tallies(chosen, outcomes)
    document.show(tallies, outcomes, time.monotonic() - start)
    if not (arguments.quick or arguments.number or arguments.kinds or arguments.seed != SEED):
        document.write(tallies)
    return int(any(tally.lost for tally in tallies))


def _run(chosen, numbers, arguments, base: Path) -> list[pool.Outcome]:
    import torch

    torch.set_num_threads(1)
    shared = base / "shared"
    shared.mkdir(parents=True, exist_ok=True)
    for kind, module in chosen.items():
        pool.apart(lambda module=module: module.prepare(shared), f"prepare {kind}")
        # Whatever is imported here is not imported again in every process.
        getattr(module, "preload", lambda: None)()
    todo = [task for kind, module in chosen.items() for task in pool.tasks(kind, module, list(numbers[kind]))]
    total, outcomes = sum(len(task.numbers) for task in todo), []
    for outcome in pool.run(todo, arguments.workers, arguments.seed, base):
        outcomes.append(outcome)
        if outcome.lost:
            print(f"lost: {outcome.kind} --number {outcome.number}: {outcome.lost}", flush=True)
        if len(outcomes) % 100 == 0:
            print(f"{len(outcomes)} of {total}", flush=True)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
