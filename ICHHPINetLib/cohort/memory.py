"""How much memory a process has needed."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak_memory() -> None:
    """Where the system can (Linux), begin to count the peak anew: methods run one after the other."""
    with contextlib.suppress(OSError):
        _FORGET.write_text("5")


def peak_memory_mib() -> float | None:
    """Largest resident memory of this process, MiB; None where the system does not tell.

    Since the start, or since ``forget_peak_memory`` where the system can forget.
    """
    with contextlib.suppress(OSError):
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
        peak = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
        if peak is not None:
            return round(int(peak) / 2**10, 1)
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts in bytes, others in KiB.
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
