"""The command line, called in this process, with everything that reaches the terminal."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ICHHPINetLib import cli

from .attempt import promise


@dataclass(frozen=True)
class Answer:
    """Exit code, None after a traceback, and what was written to both streams, by C++ too."""

    code: int | None
    out: str
    err: str

    @property
    def refused(self) -> bool:
        """Whether it is what bad input gets: exit code 2 and one line."""
        lines = self.err.strip().splitlines()
        return self.code == 2 and len(lines) == 1 and lines[0].startswith("ichhpinet: error: ")

    def check_refused(self, what: str) -> None:
        """LostError unless it is a refusal in one line."""
        promise(self.refused, f"{what}: {self.describe()}")

    def describe(self) -> str:
        last = " / ".join(self.err.strip().splitlines()[-3:])
        return f"exit {self.code}, {len(self.err.strip().splitlines())} lines on stderr: {last[-300:]}"


def ichhpinet(*words: object) -> Answer:
    """Run ``ichhpinet`` with ``words``."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = _redirected([str(word) for word in words], out.fileno(), err.fileno())
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    return Answer(code, *texts)


def _redirected(words: Sequence[str], out: int, err: int) -> int | None:
    sys.stdout.flush()
    sys.stderr.flush()
    before, streams = (os.dup(1), os.dup(2)), (sys.stdout, sys.stderr)
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    try:
        return cli.main(list(words))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return None
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        sys.stdout, sys.stderr = streams
        for number, copy in enumerate(before, 1):
            os.dup2(copy, number)
            os.close(copy)
