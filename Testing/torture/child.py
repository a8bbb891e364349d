"""The command line in a forked process that may be killed or run out of disk."""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections.abc import Callable, Sequence

from .command import Answer


class Child:
    """A process that runs ``ichhpinet`` with ``words``, started by a fork: everything is imported already.

    ``limit`` bounds the size of every file that it writes, as a full disk would.
    """

    def __init__(self, words: Sequence[object], limit: int | None = None) -> None:
        pipes = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become([str(word) for word in words], [write for _, write in pipes], limit)
        for _, write in pipes:
            os.close(write)
        self._streams = [read for read, _ in pipes]
        self._texts = [b"", b""]
        self._code: int | None = None
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether the process has ended by itself; its output is read meanwhile."""
        self._drain()
        if not self._ended:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._ended, self._code = True, os.waitstatus_to_exitcode(status)
        return self._ended

    def kill(self) -> bool:
        """SIGKILL for it and all that it has started; whether it was still running."""
        if self.ended:
            return False
        os.killpg(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        self._ended, self._code = True, os.waitstatus_to_exitcode(status)
        self._close()
        return self._code == -signal.SIGKILL

    def wait(self, every: Callable[[], None] = lambda: None) -> Answer:
        """Its answer when it has ended; ``every`` is called again and again until then."""
        while not self.ended:
            every()
            time.sleep(0.0005)
        self._drain()
        self._close()
        out, err = (text.decode("utf-8", "replace") for text in self._texts)
        return Answer(self._code, out, err)

    def _drain(self) -> None:
        while self._streams and (ready := select.select(self._streams, [], [], 0)[0]):
            for stream in ready:
                text = os.read(stream, 65536)
                self._texts[self._streams.index(stream)] += text
                if not text:
                    return

    def _close(self) -> None:
        for stream in self._streams:
            os.close(stream)
        self._streams = []


def _become(words: list[str], outputs: list[int], limit: int | None) -> None:
    code = 70
    try:
        os.setsid()
        for number, output in enumerate(outputs, 1):
            os.dup2(output, number)
        if limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        code = _main(words)
    finally:
        os._exit(code)


def _main(words: list[str]) -> int:
    import sys
    import traceback

    from ICHHPINetLib import cli

    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    try:
        return cli.main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
