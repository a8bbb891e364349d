"""What is evaluated, by name: networks, classical methods, and those of Table 1."""

from __future__ import annotations

from pathlib import Path

from ..cohort.worker import found_anywhere
from .baselines import BASELINE_NAMES, baseline
from .comparators import digest, is_comparator, load, split
from .protocol import Method, Report


def method_of(name: str, device: str) -> tuple[Method, Report]:
    """Session factory of a method, and what a result says about it; raises as ``evaluate``."""
    if name in BASELINE_NAMES:
        return baseline(name), {"method": name, "sha256": None, "device": "cpu", "parameters": None}
    if is_comparator(name):
        return load(name, device)
    from ..interaction.session import InteractiveSession

    network = _network(name, device)
    # Not the file's name: networks of several folds are one method.
    description = {
        "method": network.config.name,
        "sha256": network.sha256,
        "device": str(network.device),
        "parameters": sum(one.numel() for one in network.parameters()),
    }
    return lambda ct: InteractiveSession(network, ct), description


def weights_digest(name: str, device: str = "auto") -> str | None:
    """SHA256 of the weights of a method, None of a classical one; raises as ``evaluate``."""
    if is_comparator(name):
        return digest(name)
    return None if name in BASELINE_NAMES else _network(name, device).sha256


def known_anywhere(name: str) -> str:
    """The name of a method for workers in other folders, with the whole path of its weights."""
    if is_comparator(name):
        kind, weights = split(name)
        return f"{kind}:{Path(weights).absolute()}"
    return name if name in BASELINE_NAMES else found_anywhere(name)


def _network(name: str, device: str):
    from ..ablations.network import load_network

    return load_network(name, device)
