"""Opens sessions for the controller and keeps the network in between."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import TYPE_CHECKING

from ..imaging.ct import CT
from .round_job import RoundSettings

if TYPE_CHECKING:
    from ..networks.hpinet import HPINet
    from .session import InteractiveSession


_OLDEST_TORCH = (2, 3)


def torch_is_installed() -> bool:
    """Whether a PyTorch that is new enough can be imported, without importing it."""
    return importlib.util.find_spec("torch") is not None and not is_older("torch", _OLDEST_TORCH)


def is_older(package: str, least: tuple[int, int]) -> bool:
    """Whether an installed package has a version before ``least``; False where that is not known."""
    try:
        numbers = importlib.metadata.version(package).split(".")[:2]
        return tuple(int(number) for number in numbers) < least
    except (importlib.metadata.PackageNotFoundError, ValueError, AttributeError, TypeError):
        # What a failed upgrade leaves behind has no version.
        return False


class SessionFactory:
    """Loads a network once per weights and device; call it in the computing thread.

    Raises what ``load_network`` and ``InteractiveSession`` raise.
    """

    def __init__(self) -> None:
        self._settings: RoundSettings | None = None
        self._network: HPINet | None = None

    def __call__(self, ct: CT, settings: RoundSettings) -> InteractiveSession:
        """Session on ``ct``."""
        from ..weights.loading import load_network
        from .session import InteractiveSession

        if self._network is None or settings != self._settings:
            self._network = load_network(settings.weights, device=settings.device)
            self._settings = settings
        return InteractiveSession(self._network, ct)
