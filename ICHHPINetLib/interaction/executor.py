"""Where rounds are computed: in one thread of their own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Protocol

Job = Callable[[], None]


class Executor(Protocol):
    """Runs jobs one after the other, in the order in which they were submitted."""

    def submit(self, job: Job) -> None: ...

    def shutdown(self, timeout: float) -> bool:
        """Accept no more jobs; False where a job was still running after ``timeout`` seconds."""
        ...


class Inbox:
    """What the computing thread reports, in order, for the thread that asks."""

    def __init__(self) -> None:
        self._reports: queue.SimpleQueue = queue.SimpleQueue()
        self.put = self._reports.put

    def fetch(self, wait: float) -> list:
        """All reports there are; ``wait`` seconds at most for the first one."""
        reports = []
        try:
            reports.append(self._reports.get(timeout=wait) if wait else self._reports.get_nowait())
            while True:
                reports.append(self._reports.get_nowait())
        except queue.Empty:
            return reports


class ThreadExecutor:
    """Runs jobs in one persistent thread, started by the first of them.

    One thread for all rounds, because cuDNN keeps its plans per thread: a new thread
    every round would look for them anew. It is a daemon, so that a job which does not
    return in time cannot keep the application from closing.
    """

    def __init__(self, name: str = "ICHHPINet") -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, job: Job) -> None:
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()

    def shutdown(self, timeout: float) -> bool:
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        self._jobs.put(None)
        thread.join(timeout)
        return not thread.is_alive()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            # What it holds, a CT among it, is not kept until the next one.
            del job
