"""What a run was computed on, for reports that are compared later."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "numpy",
    "scipy",
    "SimpleITK",
    "torch",
    "scikit-image",
    "slicer-core",
    "transformers",
    "peft",
    "nnInteractive",
)
_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def describe_machine() -> dict[str, object]:
    """System, processor, cores, and versions of the packages that figures depend on."""
    description: dict[str, object] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": _usable_cores(),
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        description["torch_threads"] = torch.get_num_threads()
        if torch.cuda.is_available():
            description["gpu"] = torch.cuda.get_device_name()
    return description


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


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _usable_cores() -> int | None:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
