"""A scheduler and its workers as processes that are killed, and started again as in a cluster."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from types import TracebackType


class Cluster:
    """``workers`` of one thread each; ``tend`` starts again what has ended."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self._scratch = tempfile.TemporaryDirectory(prefix="cohort-demo-")
        self._scheduler, self._nannies = self._start_scheduler(), self._start_workers()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in (self._nannies, self._scheduler):
            process.terminate()
        for process in (self._nannies, self._scheduler):
            process.wait()
        self._scratch.cleanup()

    def kill_a_worker(self) -> int:
        """SIGKILL for one of the processes that compute; its number."""
        from distributed import Client

        with Client(self.address, timeout=20) as client:
            process = min(client.run(os.getpid).values())
        os.kill(process, signal.SIGKILL)
        return process

    def restart_the_scheduler(self) -> None:
        """SIGKILL for the scheduler, and a new one at the same address."""
        self._scheduler.kill()
        self._scheduler.wait()
        self._scheduler = self._start_scheduler()

    def tend(self) -> None:
        """Start the workers again where they have ended, as they do when their scheduler is gone."""
        if self._nannies.poll() is not None:
            self._nannies = self._start_workers()

    def _start_scheduler(self) -> subprocess.Popen:
        host, port = self.address.removeprefix("tcp://").split(":")
        return self._start("scheduler", "--host", host, "--port", port)

    def _start_workers(self) -> subprocess.Popen:
        count = str(self._workers)
        return self._start("worker", self.address, "--nworkers", count, "--nthreads", "1")

    def _start(self, *words: str) -> subprocess.Popen:
        # The library is found from the checkout.
        environment = {
            **os.environ,
            "PYTHONPATH": os.getcwd(),
            "DASK_TEMPORARY_DIRECTORY": self._scratch.name,
        }
        command = [sys.executable, "-m", "dask", *words, "--dashboard-address", "127.0.0.1:0"]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
