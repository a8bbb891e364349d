"""What a run was computed on, for reports that are compared later."""

from __future__ import annotations

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
