"""Files that a training goes on from, and files that it begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer

from ..ablations.network import Ablation, load_network, read_config
from ..errors import InputFileError
from ..imaging.output_files import whole_file
from ..networks.hpinet import HPINet, HPINetConfig
from ..networks.paper.config import PaperConfig
from ..weights.tensors import check_finite, check_fit
from .checkpoint_file import another_version, loaded, read_state

_ORIGINAL, _GAIN = ".parametrizations.weight.original", ".parametrizations.weight.0.gain"


def read_checkpoint(path: Path, config: HPINetConfig | PaperConfig | Ablation, device: torch.device) -> dict:
    """The state that ``write_checkpoint`` wrote.

    Raises
    ------
    InputFileError
        If it is none, a field of it is damaged, or it is of another network than ``config``.
    """
    state = read_state(path, device)
    _check_config(path, read_config(state["config"]), config)
    return state


def digest_of(path: Path) -> str:
    """SHA256 of a file to begin with; InputFileError where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputFileError(
            f"{path} cannot be read ({error.strerror}). Name a checkpoint.pt that `ichhpinet train` "
            "wrote, or weights (.safetensors)."
        ) from error


def write_checkpoint(path: Path, state: dict) -> None:
    """Writes ``state`` whole, or leaves the old file; OutputError where it cannot be written."""
    with whole_file(path, lambda draft: loaded(draft).keys() == state.keys()) as draft:
        torch.save(state, draft)


def load_states(path: Path, targets: Iterable[tuple[nn.Module, dict]]) -> None:
    """Loads each module's state; InputFileError where it does not fit."""
    try:
        for module, state in targets:
            check_fit(state, module.state_dict())
            module.load_state_dict(state)
    except (RuntimeError, ValueError) as error:
        raise another_version(path, error) from error


def load_optimizer(path: Path, optimizer: Optimizer, saved: dict) -> None:
    """Loads an optimizer's state; InputFileError where it is not that of the same parameters."""
    own = optimizer.state_dict()["param_groups"]
    try:
        if [_settings(group) for group in saved["param_groups"]] != [_settings(group) for group in own]:
            raise ValueError("its groups of parameters differ")
        parameters = [one for group in optimizer.param_groups for one in group["params"]]
        kernels = [group["kernels"] for group in optimizer.param_groups for _ in group["params"]]
        if not set(saved["state"]) <= set(range(len(parameters))):
            raise ValueError("it knows other parameters")
        for index, state in saved["state"].items():
            averages = {"momentum"} if kernels[index] else {"mean", "square"}
            steps = {} if kernels[index] else {"step": state.get("step")}
            if not all(type(step) is int and step > 0 for step in steps.values()):
                raise ValueError("a step count is damaged")
            tensors = {name: value for name, value in state.items() if name not in steps}
            check_fit(tensors, dict.fromkeys(averages, parameters[index]))
            check_finite(tensors)
        optimizer.load_state_dict(saved)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputFileError(
            f"The state of the optimizer in {path} is damaged ({error}). Begin another training with its "
            "weights: --start, and another --run."
        ) from error


def _settings(group: dict) -> tuple[list[int], bool]:
    if type(group["kernels"]) is not bool or not all(type(index) is int for index in group["params"]):
        raise TypeError("a group of parameters is damaged")
    return group["params"], group["kernels"]


def check_same_run(path: Path, state: dict, given: dict) -> None:
    """InputFileError where a checkpoint is of other training cases, of another seed or recipe than ``given``.

    A fold whose training went on from another one's checkpoint would have learned from its own test cases.
    """
    differing = [name for name, value in given.items() if state[name] != value]
    if differing:
        raise InputFileError(
            f"{path} is of a training with another {' and '.join(differing)}. Give its options again to go "
            "on with it, or another --run for a new training."
        )


def check_unseen(path: Path, seen: Iterable[str] | None, held_out: Iterable[str]) -> None:
    """InputFileError where weights to begin with have learned from a case that is held out now, or may have.

    ``seen`` is None where nobody knows.
    """
    if seen is None and set(held_out):
        raise InputFileError(
            f"{path} does not say which cases its weights have learned from, so that none can be held out. "
            "Begin with the checkpoint.pt of a pretraining, or hold none out."
        )
    leaked = sorted(set(seen or ()) & set(held_out))
    if leaked:
        raise InputFileError(
            f"The weights in {path} have learned from cases that are held out now, {leaked[0]} among them. "
            "Begin with those of a pretraining, or of a training that held out the same fold."
        )


def read_weights(path: Path, network: HPINet) -> dict:
    """State of ``network``, in training, that answers as the weights file does.

    Raises
    ------
    InputFileError, WeightsError
    """
    loaded = load_network(path, "cpu")
    _check_config(path, loaded.config, network.config)
    folded, state = loaded.state_dict(), {}
    for key in network.state_dict():
        if key.endswith((_ORIGINAL, _GAIN)):
            weight = folded[key.removesuffix(_ORIGINAL).removesuffix(_GAIN) + ".weight"]
            # Rows of a standardized weight have no mean, and the gain as their length.
            gain = weight.flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1))
            state[key] = gain if key.endswith(_GAIN) else weight / gain.clamp_min(1e-12)
        else:
            state[key] = folded[key]
    return state


def _check_config(path: Path, found, wanted) -> None:
    if found != wanted:
        raise InputFileError(
            f"{path} is of another network ({found}). Go on with the options it was "
            "started with, or choose another folder."
        )
