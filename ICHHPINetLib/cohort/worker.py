"""What a worker process needs to know of itself, and of the computers that its orders come from."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path


def dask_setup(worker) -> None:
    """Run by Dask in each worker of this computer: leaves Ctrl-C to the process that started the workers."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def own_device(device: str) -> str:
    """``device``, and which card of it: of several in a computer each worker has its own."""
    import torch

    if device not in ("auto", "cuda") or not torch.cuda.is_available():
        return device
    from distributed import get_worker

    # As Dask numbers the workers of a computer: 3, or SLURMCluster-7-3.
    number = re.search(r"(\d+)$", str(get_worker().name))
    return f"cuda:{int(number[1]) % torch.cuda.device_count() if number else 0}"


def found_anywhere(weights: str) -> str:
    """The name of shipped weights as it is; of a file the path that workers in other folders need."""
    path = Path(weights).expanduser()
    return str(path.absolute()) if path.suffix or path.name != weights else weights
