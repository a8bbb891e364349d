"""Weights of the methods that are fine-tuned here: the authors' files, and ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from ...errors import WeightsError
from ...imaging.output_files import write_bytes
from ...weights.tensors import check_finite, check_fit
from . import COMPARATORS, code, expected
from .method import Method, State

_SUFFIX = ".safetensors"


def read_method(name: str, path: Path) -> Method:
    """A method with the weights to evaluate it with, in evaluation mode on the CPU.

    Raises
    ------
    WeightsError
        If they are no such weights; says which are expected.
    """
    known = COMPARATORS[name]
    try:
        if path.suffix == _SUFFIX:
            return _ours(name, path).eval()
        if known.authors is None:
            raise ValueError("its authors have published none for hemorrhage")
        return _started(name, path).eval()
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise WeightsError(
            f"'{path}' holds no weights of {known.title} ({_first_line(error)}). It takes {expected(name)}."
        ) from error


def start_method(name: str, path: Path) -> Method:
    """A method to fine-tune, from the weights of what it was made of, or from our own file of it.

    Raises
    ------
    WeightsError
        If they are no such weights; says which are expected.
    """
    known = COMPARATORS[name]
    try:
        return _ours(name, path) if path.suffix == _SUFFIX else _started(name, path)
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{known.title} cannot begin with '{path}' ({_first_line(error)}). It begins with "
            f"{' or '.join(known.start)}."
        ) from error


def write_method(method: Method, path: Path, about: Mapping[str, str]) -> None:
    """Write all tensors and the configuration; ``about`` are free texts for the header."""
    state = {key: tensor.detach().cpu().clone().contiguous() for key, tensor in method.state_dict().items()}
    header = {"comparator": method.name, "config": json.dumps(method.config), **about}
    write_bytes(path, safetensors.torch.save(state, header))


def _ours(name: str, path: Path) -> Method:
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise ValueError(_first_line(error)) from error
    if header.get("comparator") != name:
        raise ValueError(f"it is of {header.get('comparator', 'another network')}")
    method = code(name).Network(json.loads(header["config"]))
    check_finite(state)
    check_fit(state, method.state_dict())
    method.load_state_dict(state)
    return method


def _started(name: str, path: Path) -> Method:
    base = _tensors(path)
    network = code(name).Network
    return network(network.config_of(base), base)


def _tensors(path: Path) -> State:
    """Tensors of an authors' file, also where they are inside "model" or were saved from several GPUs."""
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of as many kinds as there are ways to damage a pickle
        raise ValueError("it is damaged, or no file of PyTorch with weights alone") from error
    if isinstance(state, Mapping) and isinstance(state.get("model"), Mapping):
        state = state["model"]
    if not isinstance(state, Mapping) or not all(isinstance(one, torch.Tensor) for one in state.values()):
        raise ValueError("it holds no state dict")
    check_finite(state)
    return {str(key).removeprefix("module."): tensor for key, tensor in state.items()}


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
