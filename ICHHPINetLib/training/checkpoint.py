"""Files that a training goes on from, and files that it begins with."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from ..errors import InputFileError
from ..imaging.output_files import whole_file
from ..networks.hpinet import HPINet, HPINetConfig, read_config
from ..networks.paper.config import PaperConfig

_ORIGINAL, _GAIN = ".parametrizations.weight.original", ".parametrizations.weight.0.gain"


def read_checkpoint(path: Path, config: HPINetConfig | PaperConfig, device: torch.device) -> dict:
    """The state that ``write_checkpoint`` wrote.

    Raises
    ------
    InputFileError
        If it is none, or of another network than ``config``.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        found = read_config(state["config"])
    except (
        OSError,
        EOFError,
        RuntimeError,
        KeyError,
        TypeError,
        ValueError,
        pickle.UnpicklingError,
    ) as error:
        raise InputFileError(
            f"{path} is no checkpoint that can be read ({error}). Name a checkpoint.pt that "
            "`ichhpinet train` wrote."
        ) from error
    _check_config(path, found, config)
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
    with whole_file(path, lambda draft: _is_whole(draft, state)) as draft:
        torch.save(state, draft)


def _is_whole(path: Path, state: dict) -> bool:
    # The archive has a checksum of every tensor.
    with zipfile.ZipFile(path) as archive:
        undamaged = archive.testzip() is None
    return (
        undamaged
        and torch.load(path, map_location="cpu", weights_only=True, mmap=True).keys() == state.keys()
    )


def load_states(path: Path, targets: Iterable[tuple[nn.Module, dict]]) -> None:
    """Loads each module's state; InputFileError where it does not fit."""
    try:
        for module, state in targets:
            module.load_state_dict(state)
    except RuntimeError as error:
        raise InputFileError(
            f"{path} is of another version of this network. Train anew in another folder, or go on "
            "with the version that wrote it."
        ) from error


def check_same_run(path: Path, state: dict, given: dict) -> None:
    """InputFileError where a checkpoint is of other training cases, of another seed or recipe than ``given``.

    A fold whose training went on from another one's checkpoint would have learned from its own test cases.
    """
    differing = [name for name, value in given.items() if state.get(name, value) != value]
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
    from ..weights.loading import load_network

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
