"""Interactive segmentation of intracranial hemorrhage on head CT (ICH-HPINet).

The public names below are imported on first use, so that ``import ICHHPINetLib``
works, and can explain itself, where PyTorch is not installed yet.

>>> import ICHHPINetLib as hpi
>>> network = hpi.load_network("default", device="auto")
>>> session = hpi.InteractiveSession(network, volume, spacing)  # HU (Z, Y, X); mm (z, y, x)
>>> result = session.refine(hpi.Scribbles(foreground, background))
>>> hpi.measure(result.mask, spacing).volume_ml
"""

from __future__ import annotations

import importlib
import os

# Threads of PyTorch that wait for each other by spinning take a busy computer's cores away from the thread
# that they wait for. It is read when PyTorch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"

_EXPORTS = {
    "InteractiveSession": "interaction.session",
    "Progress": "interaction.result",
    "RoundResult": "interaction.result",
    "Scribbles": "interaction.scribbles",
    "load_network": "weights.loading",
    "measure": "measurement",
    "Measurement": "measurement",
    "ICHHPINetError": "errors",
    "InvalidVolumeError": "errors",
    "InvalidScribblesError": "errors",
    "InputFileError": "errors",
    "OutputError": "errors",
    "WeightsError": "errors",
    "DeviceError": "errors",
    "SessionBusyError": "errors",
    "MissingPackageError": "errors",
    "TorchMissingError": "errors",
    "RoundCancelled": "errors",
}

__all__ = ["__version__"]
__all__ += list(_EXPORTS)


def __getattr__(name: str):
    try:
        module = _EXPORTS[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
