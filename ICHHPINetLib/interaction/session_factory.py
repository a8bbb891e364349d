"""Opens sessions for the controller and keeps the network in between."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np

from .round_job import Settings

if TYPE_CHECKING:
    from .session import InteractiveSession


def torch_is_installed() -> bool:
    """Whether PyTorch can be imported, without importing it."""
    return importlib.util.find_spec("torch") is not None


class SessionFactory:
    """Loads a network once per weights and device; call it in the computing thread.

    Raises what ``load_network`` and ``InteractiveSession`` raise.
    """

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._network = None

    def __call__(
        self, volume: np.ndarray, spacing: tuple[float, float, float], settings: Settings
    ) -> InteractiveSession:
        """Session on ``volume``, HU (Z, Y, X), with ``spacing`` in mm (z, y, x)."""
        from ..weights.loading import load_network
        from .session import InteractiveSession

        if settings != self._settings:
            self._network = load_network(settings.weights, device=settings.device)
            self._settings = settings
        return InteractiveSession(self._network, volume, spacing)
