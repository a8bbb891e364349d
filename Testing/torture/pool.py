"""Attacks in processes of their own: a crash or a hang is a loss, and the next attack goes on."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType

from .attempt import Attempt, LostError

# Forked, so that torch and Slicer are imported once.
_FORK = multiprocessing.get_context("fork")
_CHUNK = 25


@dataclass(frozen=True)
class Task:
    """Attempts of one kind that one process makes, one after the other."""

    kind: str
    module: ModuleType
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """``lost`` says what, or is None."""

    kind: str
    number: int
    lost: str | None


@dataclass
class _Worker:
    task: Task
    process: multiprocessing.Process
    pipe: Connection
    running: int | None = None
    since: float = 0.0
    left: list[int] = field(default_factory=list)


def tasks(kind: str, module: ModuleType, numbers: Sequence[int]) -> list[Task]:
    """``numbers`` in pieces small enough to share the work evenly."""
    return [
        Task(kind, module, tuple(numbers[start : start + _CHUNK])) for start in range(0, len(numbers), _CHUNK)
    ]


def run(todo: Sequence[Task], workers: int, seed: int, base: Path) -> Iterator[Outcome]:
    """Outcome of every attempt as it comes, ``workers`` of them at a time, in folders below ``base``."""
    waiting, active = list(todo), []
    while waiting or active:
        while waiting and len(active) < workers:
            active.append(_start(waiting.pop(0), seed, base))
        ready = wait([one.pipe for one in active], timeout=0.5)
        for one in list(active):
            yield from _listen(one, one.pipe in ready)
            if one.process.exitcode is None:
                continue
            one.process.join()
            active.remove(one)
            if one.left:
                waiting.insert(0, Task(one.task.kind, one.task.module, tuple(one.left)))


def apart(work: Callable[[], None], name: str) -> None:
    """Do ``work`` in a process of its own; RuntimeError where it fails."""
    process = _FORK.Process(target=work, name=name)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{name} ended with {process.exitcode}")


def _start(task: Task, seed: int, base: Path) -> _Worker:
    here, there = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_work, args=(task, there, seed, base), name=task.kind)
    process.start()
    there.close()
    return _Worker(task, process, here, left=list(task.numbers))


def _listen(worker: _Worker, has_news: bool) -> Iterator[Outcome]:
    kind = worker.task.kind
    try:
        while has_news and worker.pipe.poll():
            number, done, lost = worker.pipe.recv()
            worker.running, worker.since = number, time.monotonic()
            if done:
                worker.running = None
                worker.left.remove(number)
                yield Outcome(kind, number, lost)
    except EOFError:
        worker.process.join()
        if worker.running is not None:
            worker.left.remove(worker.running)
            yield Outcome(kind, worker.running, f"the process died with {_code(worker.process.exitcode)}")
        elif worker.left:
            # It never began: beginning again and again would not end.
            number = worker.left.pop(0)
            yield Outcome(kind, number, f"no process for it, {_code(worker.process.exitcode)}")
        return
    limit = getattr(worker.task.module, "SECONDS", 300)
    if worker.running is not None and time.monotonic() - worker.since > limit:
        worker.process.kill()
        worker.process.join()
        worker.left.remove(worker.running)
        yield Outcome(kind, worker.running, f"no answer within {limit} seconds")


def _code(exitcode: int | None) -> str:
    return signal.Signals(-exitcode).name if exitcode and exitcode < 0 else f"exit code {exitcode}"


def _work(task: Task, pipe: Connection, seed: int, base: Path) -> None:
    name = f"{task.kind}-{os.getpid()}"
    _log_to(base / f"{name}.log")
    for number in task.numbers:
        folder = base / name / str(number)
        (folder / "tmp").mkdir(parents=True)
        work = folder / "work"
        work.mkdir()
        os.environ["TMPDIR"] = str(folder / "tmp")
        _forget_temporary_folder()
        pipe.send((number, False, None))
        pipe.send((number, True, _attack(task, Attempt.of(seed, task.kind, number, work, base / "shared"))))
        shutil.rmtree(folder, ignore_errors=True)
    pipe.close()
    # What VTK and torch do at the end of a process is no part of any attempt.
    os._exit(0)


def _attack(task: Task, attempt: Attempt) -> str | None:
    home = os.getcwd()
    try:
        task.module.attack(attempt)
    except LostError as error:
        return str(error)
    except BaseException as error:
        traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    finally:
        os.chdir(home)
    return None


def _log_to(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _forget_temporary_folder() -> None:
    import tempfile

    tempfile.tempdir = None
