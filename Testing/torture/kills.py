"""SIGKILL while results are written over older ones: each file is the old or the new one, and whole."""

from __future__ import annotations

import os
import time
from pathlib import Path

from . import jobs
from .attempt import Attempt, promise
from .child import Child

TITLE = "kills while results are written"
COUNT = 100
SECONDS = 600
_TRIES = 12

prepare = jobs.prepare


def preload() -> None:
    """What the commands import at the moment of writing, so that it happens before the forks."""
    import ICHHPINetLib.commands.segment
    import ICHHPINetLib.interaction.session
    import ICHHPINetLib.reporting.contact_sheet
    import ICHHPINetLib.reporting.drawing
    import ICHHPINetLib.scene.headless

    ICHHPINetLib.reporting.drawing.require_matplotlib()


def attack(attempt: Attempt) -> None:
    """Kill a command between its first and its last change of the folder, then run it again."""
    job, shared = jobs.TURNS[attempt.number % len(jobs.TURNS)], attempt.shared
    seconds = jobs.rehearse(job, shared)
    for number in range(_TRIES):
        folder = attempt.folder / str(number)
        folder.mkdir()
        jobs.lay_old(job, shared, folder)
        # The machine may be quicker now than it was at the rehearsal.
        if _kill(job, shared, folder, 0.7**number * seconds * attempt.rng.random()):
            break
    else:
        raise RuntimeError(f"{job.name} has ended before each of {_TRIES} kills")
    jobs.check_foreign(folder)
    jobs.check_results(job, shared, folder, new_alone=False)
    if job.name in ("pack", "checkpoint", "demo") and attempt.chance(0.7):
        # They take seconds to begin.
        return
    _age(folder, jobs.leftovers(job, shared, folder))
    answer = Child(job.words(shared, folder)).wait()
    promise(answer.code == 0, f"{job.name} again after a kill: {answer.describe()}")
    jobs.check_results(job, shared, folder, new_alone=True)
    jobs.check_foreign(folder)
    left = jobs.leftovers(job, shared, folder)
    promise(not left, f"{job.name}: the next run left {left[0] if left else ''} of the killed one behind")


def _kill(job: jobs.Job, shared: Path, folder: Path, delay: float) -> bool:
    """Whether the command was killed ``delay`` seconds after it began to write."""
    before = jobs.state(folder)
    child = Child(job.words(shared, folder))
    while jobs.state(folder) == before:
        if child.ended:
            child.wait()
            return False
        time.sleep(0.0005)
    time.sleep(delay)
    hit = child.kill()
    if not hit:
        child.wait()
    return hit


def _age(folder: Path, names: list[str]) -> None:
    """Make what a killed run left behind a month old."""
    month_ago = time.time() - 30 * 86400
    for name in names:
        path = folder / name
        for one in [*(path.rglob("*") if path.is_dir() else ()), path]:
            os.utime(one, (month_ago, month_ago))
