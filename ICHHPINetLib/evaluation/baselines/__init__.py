"""Classical methods under the same scribbles as the network, each behind the session's interface."""

from __future__ import annotations

import importlib

from ..scribbled_session import ScribbledSession

_SESSIONS = {
    "growcut": "GrowCutSession",
    "threshold": "ThresholdSession",
    "random_walker": "RandomWalkerSession",
    "watershed": "WatershedSession",
}
BASELINE_NAMES = tuple(_SESSIONS)


def baseline(name: str) -> type[ScribbledSession]:
    """Session class of one of ``BASELINE_NAMES``.

    Raises
    ------
    MissingPackageError
        If the package that the method runs on is not installed.
    """
    return getattr(importlib.import_module(f".{name}", __package__), _SESSIONS[name])
