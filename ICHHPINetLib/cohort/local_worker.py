"""Run by Dask in each worker process of this computer, before it takes up work."""

import signal
import threading


def dask_setup(worker) -> None:
    """Leave Ctrl-C, which the terminal sends to every process, to the one that started the workers."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
