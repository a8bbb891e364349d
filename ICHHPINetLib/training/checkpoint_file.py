"""Reads a training checkpoint and checks every field of it, once for all that go on from one."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..ablations.network import Ablation, read_config
from ..errors import InputFileError
from ..networks.hpinet import HPINet, HPINetConfig
from ..networks.paper.config import PaperConfig
from ..weights.tensors import check_finite, check_fit, check_room


def read_state(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """The fields of a checkpoint that ``ichhpinet train`` wrote, its tensors on ``device``.

    Raises
    ------
    InputFileError
        If it cannot be read, or a field is missing or damaged.
    """
    try:
        state = loaded(path, device)
    except Exception as error:  # of as many kinds as there are ways to damage a pickle
        raise _no_checkpoint(path, error) from error
    try:
        if not isinstance(state, dict):
            raise ValueError("it holds no fields")
        for name, check in _FIELDS.items():
            if name not in state:
                raise ValueError(f"'{name}' is missing")
            if not check(state[name]):
                raise ValueError(f"'{name}' is damaged")
        read_config(state["config"])
        for name in ("network", "average"):
            check_finite(state[name])
    except (TypeError, ValueError, AttributeError, RuntimeError, RecursionError) as error:
        raise _no_checkpoint(path, error) from error
    return state


def loaded(path: Path, device: torch.device | str = "cpu") -> Any:
    """What ``torch.save`` wrote, checksums compared, of which PyTorch itself takes no notice.

    Raises whatever a damaged archive or pickle makes others raise.
    """
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise ValueError(f"'{damaged}' in it is damaged")
    return torch.load(path, map_location=device, weights_only=True)


def built(
    config: HPINetConfig | PaperConfig | Ablation, path: Path, state: Mapping[str, torch.Tensor]
) -> HPINet:
    """A network with the weights of the checkpoint ``path``; InputFileError where they are of another one."""
    try:
        check_room(config, state)
        network = HPINet(config)
        check_fit(state, network.state_dict())
        network.load_state_dict(state)
    except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError) as error:
        raise another_version(path, error) from error
    return network


def another_version(path: Path, error: Exception) -> InputFileError:
    """What to say of weights that do not fit this version of the network."""
    return InputFileError(
        f"{path} is of another version of this network ({str(error).partition(chr(10))[0]}). Train anew in "
        "another folder, or go on with the version that wrote it."
    )


def _no_checkpoint(path: Path, error: Exception) -> InputFileError:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return InputFileError(
        f"{path} is no checkpoint that can be read ({reason}). "
        "Name a checkpoint.pt that `ichhpinet train` wrote."
    )


def _natural(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _tensors(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(key, str) and isinstance(one, torch.Tensor) for key, one in value.items())
    )


def _rates(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(type(one) in (int, float) and math.isfinite(one) and one >= 0 for one in value)
    )


def _optimizer(value: Any) -> bool:
    """Whether it has the form of an optimizer's state; ``training.checkpoint`` compares it with one."""
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("state"), Mapping)
        and all(_natural(key) and isinstance(one, Mapping) for key, one in value["state"].items())
        and isinstance(value.get("param_groups"), list)
        and all(isinstance(group, Mapping) for group in value["param_groups"])
    )


# Everything that ``training.loop.Trainer.save`` writes.
_FIELDS = {
    "network": _tensors,
    "average": _tensors,
    "optimizer": _optimizer,
    "step": _natural,
    "config": lambda value: isinstance(value, dict) and bool(value),
    "seen": lambda value: value is None or _texts(value),
    "train": _texts,
    "seed": _natural,
    "recipe": lambda value: isinstance(value, str),
    "learning rate": _rates,
    "start": lambda value: isinstance(value, str),
}
