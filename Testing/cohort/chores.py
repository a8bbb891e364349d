"""Work for workers in other processes, which import it by name."""

import os
import signal
from pathlib import Path


def chore(folder: str, number: int, deaths: int = 0) -> int:
    """The square of ``number``; kills its process in the first ``deaths`` tries. Each leaves a line."""
    path = Path(folder) / str(number)
    with path.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if len(path.read_text().splitlines()) <= deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def tries(folder: Path, number: int) -> int:
    """How often a chore was begun."""
    return len((folder / str(number)).read_text().splitlines())
