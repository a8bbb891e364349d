"""Work spread over the workers of Dask: of this computer, or of a cluster that is running already.

Dask starts workers, hands out tasks, notices dead workers and shows all that on its dashboard. Here is what
it leaves to its users: to keep no more tasks at the scheduler than there are workers, so that a task
that kills its worker takes no other one along; to try such a task again, in the end alone; and to outlive a
scheduler that is started anew.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputFileError, MissingPackageError

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

# What a worker needs at least: network, CT of thin slices, and libraries.
LEAST_MEMORY = 2 << 30
# A task whose worker dies is tried again with others, then alone, then given up.
_DEATHS = 3
_FIRST_CONNECTION_S = 20
# A scheduler that is gone may be started anew for so long.
_PATIENCE_S = 900
_ASK_AGAIN_S = 2.0
# Two classes before Python 3.11.
_TIMEOUTS = (TimeoutError, asyncio.TimeoutError)

# Of every command that can spread its work, by flag.
OPTIONS: dict[str, dict[str, Any]] = {
    "--workers": {
        "type": int,
        "metavar": "N",
        "help": "spread the work over N processes of this computer, each on one core or one GPU",
    },
    "--scheduler": {
        "metavar": "ADDRESS",
        "help": "spread it over the workers of a running Dask scheduler, tcp://host:8786, or its .json file",
    },
}


@dataclass(frozen=True)
class WorkerLost:
    """In the place of a result: the worker died each time that the task was tried."""

    deaths: int


class Pool:
    """Runs functions on workers; see ``open_pool``.

    Functions and arguments are pickled; every worker must have this library installed.

    Attributes
    ----------
    memory: bytes that a worker of this computer may use; None where others decide.
    dashboard: address of Dask's dashboard.
    """

    def __init__(
        self,
        connect: Callable[[float], Client],
        memory: int | None = None,
        mend: Callable[[int], object] = lambda threads: None,
    ) -> None:
        self._connect, self._mend = connect, mend
        self._client = connect(_FIRST_CONNECTION_S)
        self._threads, self._asked = 0, float("-inf")
        self.memory = memory
        self.dashboard: str = self._client.dashboard_link

    def close(self) -> None:
        """Leave the cluster; what was running for us is cancelled."""
        # One that is gone needs no farewell.
        with suppress(Exception):
            self._client.close(timeout=2)

    @property
    def threads(self) -> int:
        """How many tasks the workers can run at once now; 0 where there is no worker."""
        if time.monotonic() - self._asked > _ASK_AGAIN_S:
            with suppress(OSError, ValueError, *_TIMEOUTS):
                self._threads = sum(self._client.nthreads().values())
                self._mend(self._threads)
            self._asked = time.monotonic()
        return self._threads

    def run(self, function: Callable, items: Sequence[tuple]) -> Iterator[tuple[int, Any]]:
        """Call ``function(*item)`` for each of ``items``; index and result of each, once, as they finish.

        The result is ``WorkerLost`` where the worker died three times, the last time with no other task
        in the cluster that is ours. An exception of the function ends the whole run.

        Raises
        ------
        InputFileError
            If the scheduler is gone and does not come back within a quarter of an hour.
        """
        tasks = _Tasks(len(items))
        try:
            while tasks.unfinished:
                if self._client.status not in ("running", "connecting"):
                    # Its own tries to find the scheduler again have ended.
                    tasks.all_again()
                    self._reconnect()
                while (index := tasks.next(max(1, self.threads))) is not None:
                    # A key of its own: a task is to be done again where its worker has died.
                    future = self._client.submit(function, *items[index], pure=False, retries=0)
                    tasks.began(index, future)
                try:
                    index, future = tasks.finished(_ASK_AGAIN_S)
                except queue.Empty:
                    continue
                result = self._result(future)
                if result is _GONE:
                    tasks.again(index)
                    if self._client.status != "running" or future.status == "cancelled":
                        tasks.all_again()
                        self._reconnect()
                elif result is not _DIED or tasks.died(index):
                    yield index, WorkerLost(_DEATHS) if result is _DIED else result
        finally:
            tasks.cancel()

    def _result(self, future: Future) -> Any:
        from distributed import KilledWorker
        from distributed.client import CancelledError
        from distributed.comm import CommClosedError

        try:
            return future.result(timeout=_FIRST_CONNECTION_S)
        except KilledWorker:
            return _DIED
        except (CancelledError, CommClosedError, *_TIMEOUTS):
            # Of the scheduler; or of the worker, before its result was fetched.
            return _GONE

    def _reconnect(self) -> None:
        self.close()
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._client = self._connect(_FIRST_CONNECTION_S)
                return
            except (OSError, ValueError, *_TIMEOUTS) as error:
                if time.monotonic() > end:
                    raise InputFileError(
                        "The scheduler is gone. Start it again, and give the command again: what was "
                        "finished is kept."
                    ) from error
                time.sleep(_ASK_AGAIN_S)


_DIED, _GONE = object(), object()


class _Tasks:
    """Which tasks wait, and which are at the scheduler; by their numbers."""

    def __init__(self, count: int) -> None:
        self._waiting, self._alone = deque(range(count)), deque[int]()
        self._running: dict[int, Future] = {}
        self._deaths: Counter[int] = Counter()
        self._done: queue.SimpleQueue[tuple[int, Future]] = queue.SimpleQueue()

    @property
    def unfinished(self) -> bool:
        return bool(self._waiting or self._alone or self._running)

    def next(self, room: int) -> int | None:
        """The task to hand out now, if any, where ``room`` of them may be at the scheduler."""
        if self._waiting:
            return self._waiting.popleft() if len(self._running) < room else None
        return self._alone.popleft() if self._alone and not self._running else None

    def began(self, index: int, future: Future) -> None:
        self._running[index] = future
        future.add_done_callback(lambda done: self._done.put((index, done)))

    def finished(self, timeout: float) -> tuple[int, Future]:
        """The next that has ended in any way; queue.Empty where none has within ``timeout`` seconds."""
        while True:
            index, future = self._done.get(timeout=timeout)
            # One that was handed out anew since tells nothing any more.
            if self._running.get(index) is future:
                del self._running[index]
                return index, future

    def again(self, index: int) -> None:
        self._waiting.appendleft(index)

    def all_again(self) -> None:
        self._waiting.extendleft(self._running)
        self._running.clear()

    def died(self, index: int) -> bool:
        """Counts that the worker of a task has died; whether it has been tried often enough."""
        self._deaths[index] += 1
        if self._deaths[index] < _DEATHS:
            (self._waiting if self._deaths[index] == 1 else self._alone).append(index)
        return self._deaths[index] >= _DEATHS

    def cancel(self) -> None:
        for future in self._running.values():
            with suppress(Exception):
                future.cancel()


@contextmanager
def open_pool(workers: int | None = None, scheduler: str | None = None) -> Iterator[Pool]:
    """A pool on the workers of ``scheduler``, or on so many new ones of this computer.

    Each of these is a process that computes on one core, so that results do not depend on their number,
    and has an equal share of the memory.

    Raises
    ------
    MissingPackageError
        Without Dask.
    InputFileError
        If no scheduler answers, or the options make no sense.
    """
    dask, distributed = _packages()
    if (workers is None) == (scheduler is None) or (workers is not None and workers < 1):
        raise InputFileError("Give --workers a number from 1 on, and only without --scheduler.")
    for name in ("distributed", "distributed.client"):
        # What they tell is either expected here, or told in words.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS))
        if workers is None:
            try:
                pool = Pool(lambda seconds: _client_of(scheduler, seconds))
            except (OSError, ValueError, *_TIMEOUTS) as error:
                raise InputFileError(
                    f"No Dask scheduler answers at '{scheduler}'. Start one with `dask scheduler`, and name "
                    "the address that it prints."
                ) from error
        else:
            memory = distributed.system.MEMORY_LIMIT // workers
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=memory,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
                preload=["ICHHPINetLib.cohort.worker"],
                env={"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"},
            )
            stack.enter_context(_closing(cluster))

            def mend(threads: int) -> None:
                # Dask gives a worker up that is slow to come back, or dies as soon as it has.
                if threads < workers:
                    cluster.scale(workers)

            pool = Pool(lambda seconds: distributed.Client(cluster, timeout=seconds), memory, mend)
        stack.callback(pool.close)
        yield pool


@contextmanager
def _closing(cluster: LocalCluster) -> Iterator[None]:
    try:
        yield
    finally:
        # What has not ended by then on a busy computer ends with this process.
        with suppress(*_TIMEOUTS):
            cluster.close(timeout=20)


@contextmanager
def given_pool(arguments: argparse.Namespace) -> Iterator[Pool | None]:
    """The pool that a command's options ask for; None where they ask for none. Raises as ``open_pool``."""
    if arguments.workers is None and arguments.scheduler is None:
        yield None
        return
    with open_pool(arguments.workers, arguments.scheduler) as pool:
        yield pool


# Of a cluster of our own; that of others has its own.
_SETTINGS = {
    # The pool tries again by itself, where no other task can be hurt.
    "distributed.scheduler.allowed-failures": 0,
    # On a busy computer a worker may need so long to start.
    "distributed.deploy.lost-worker-timeout": "60s",
    # Nothing that a worker holds is Dask's to spill, and one that pauses would never go on.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
}


def local_workers(device: str) -> int:
    """How many workers suit this computer: one a GPU, else one a core as far as each has 2 GiB."""
    dask, distributed = _packages()
    import torch

    if device in ("auto", "cuda") and torch.cuda.is_available():
        return torch.cuda.device_count()
    return max(1, min(dask.system.CPU_COUNT, distributed.system.MEMORY_LIMIT // LEAST_MEMORY))


def _packages() -> tuple[Any, Any]:
    try:
        import dask.system
        import distributed
        import distributed.system
    except ImportError as error:
        name = str(error.name).partition(".")[0]
        raise MissingPackageError(
            f"Workers need the package {name}. Run: pip install 'ichhpinet[cohort]'"
        ) from error
    return dask, distributed


def _client_of(scheduler: str, seconds: float) -> Client:
    from distributed import Client

    file = {"scheduler_file": scheduler} if Path(scheduler).suffix == ".json" else {"address": scheduler}
    return Client(**file, timeout=seconds)
