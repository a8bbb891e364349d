"""The processes of a training: one alone, or several that ``torchrun`` started."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from accelerate import PartialState
from accelerate.utils import gather_object, reduce
from torch import nn

from ..errors import DeviceError, InputFileError

# The first process may pack or validate for hours while the others wait. Who waits for one that has gone
# is ended by its closed connection, or by torchrun.
_PATIENCE = timedelta(days=1)


def joined(device: str) -> PartialState:
    """This process among those that ``torchrun`` started, if it did: gloo on "cpu", NCCL on "cuda".

    Raises
    ------
    DeviceError
        If several processes were to share one device, or they do not find each other.
    """
    if device not in ("cpu", "cuda") and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise DeviceError(
            f"Several processes cannot train on '{device}'. Give --device cuda, where each takes a card of "
            "its own, or --device cpu."
        )
    with _together():
        return PartialState(cpu=device != "cuda", timeout=_PATIENCE)


@contextmanager
def first_alone(processes: PartialState) -> Iterator[None]:
    """The first process runs the block before all others. Raises DeviceError where it fails."""
    if not processes.is_main_process:
        _wait(processes)
    yield
    if processes.is_main_process:
        _wait(processes)


def check_alike(value: Hashable) -> None:
    """InputFileError where the processes do not begin with the same ``value``."""
    with _together():
        values = gather_object([value])
    if len(set(values)) > 1:
        raise InputFileError(
            "The processes do not begin with the same weights and step. Let --run be a folder on a disk that "
            "all computers share, and install the same versions of this software and of PyTorch on them."
        )


def add_gradients(network: nn.Module, processes: PartialState) -> None:
    """Gives each process the sum of all gradients; a parameter that none has used keeps none."""
    if processes.num_processes == 1:
        return
    parameters = list(network.parameters())
    used = parameters[0].new_tensor([one.grad is not None for one in parameters])
    gradients = [torch.zeros_like(one) if one.grad is None else one.grad for one in parameters]
    # One message: of many small ones, each would wait for the slowest process.
    message = torch.cat([used, *(one.flatten() for one in gradients)])
    with _together():
        total = reduce(message, "sum")
    used, *gradients = total.split([len(parameters), *(one.numel() for one in parameters)])
    for parameter, count, gradient in zip(parameters, used.tolist(), gradients, strict=True):
        parameter.grad = gradient.view_as(parameter) if count else None


def any_says(true: bool, processes: PartialState) -> bool:
    """Whether it is true in any process; the same answer in all of them."""
    with _together():
        return bool(reduce(torch.tensor(float(true), device=processes.device), "sum"))


@contextmanager
def told_to_stop() -> Iterator[list[int]]:
    """A list that is empty until a cluster that wants its computer back sends SIGTERM."""
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    try:
        yield told
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait(processes: PartialState) -> None:
    with _together():
        processes.wait_for_everyone()


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise DeviceError(
            "Another process of this training ended, or cannot be reached, and so this one ends too. See "
            "what the other said, then give the same command again: it goes on from the last checkpoint."
        ) from error
