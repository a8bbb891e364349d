"""Full disks: the command says so in one line, and the old results are as they were."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import jobs, kills
from .attempt import Attempt, promise
from .child import Child

TITLE = "full disks"
COUNT = 100
SECONDS = 600
_PAGE = 4096

prepare, preload = jobs.prepare, kills.preload


def attack(attempt: Attempt) -> None:
    """Write results over older ones where the room for them ends somewhere, or is just enough."""
    job, shared = jobs.TURNS[attempt.number % len(jobs.TURNS)], attempt.shared
    jobs.rehearse(job, shared)
    sizes = [path.stat().st_size for path in (shared / "new" / job.name).iterdir() if path.is_file()]
    # Of trainings the log has to fit, too: its files may be larger than a small limit.
    real = _may_mount() and (attempt.number // len(jobs.TURNS) % 3 < 2 or job.name in ("checkpoint", "pack"))
    limit = None
    if real:
        room = int(attempt.rng.integers(0, 1 + int(1.2 * sum(-(-size // _PAGE) for size in sizes))))
        with _disk(attempt.folder, job, shared, room) as folder:
            _write(job, shared, folder, limit, f"{room} pages left")
        return
    limit = int(attempt.rng.integers(0, 1 + int(1.1 * max(sizes))))
    folder = attempt.folder / "disk"
    folder.mkdir()
    jobs.lay_old(job, shared, folder)
    _write(job, shared, folder, limit, f"files of {limit} bytes at most")


def _write(job: jobs.Job, shared: Path, folder: Path, limit: int | None, what: str) -> None:
    answer = Child(job.words(shared, folder), limit).wait()
    jobs.check_foreign(folder)
    jobs.check_results(job, shared, folder, new_alone=answer.code == 0)
    if answer.code:
        answer.check_refused(f"{job.name}, {what}")
    left = jobs.leftovers(job, shared, folder)
    promise(not left, f"{job.name}, {what}: {left[0] if left else ''} is left behind")


def _may_mount() -> bool:
    return os.geteuid() == 0 and os.path.ismount("/proc")


@contextmanager
def _disk(parent: Path, job: jobs.Job, shared: Path, room: int) -> Iterator[Path]:
    """A disk of its own with old results on it, and ``room`` pages left."""
    folder = parent / "disk"
    folder.mkdir()
    old = sum(-(-path.stat().st_size // _PAGE) for path in (shared / "old" / job.name).iterdir())
    pages = old + len(jobs.FOREIGN) + room
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_PAGE * max(pages, 1)}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        jobs.lay_old(job, shared, folder)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
