"""The training loop: stops and resumes at any minute from one checkpoint file."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, IterableDataset

from ..ablations.network import Ablation
from ..errors import ICHHPINetError, InputFileError
from ..networks.hpinet import HPINet, HPINetConfig
from ..networks.paper.config import PaperConfig
from .checkpoint import (
    check_same_run,
    check_unseen,
    digest_of,
    load_optimizer,
    load_states,
    read_checkpoint,
    read_weights,
    write_checkpoint,
)
from .episode import episode
from .losses import HPINetLoss
from .optimizer import optimizer_of
from .packed import Pack
from .processes import add_gradients, any_says, check_alike, joined, told_to_stop
from .recipe import Recipe
from .sampling import Sampler
from .validation import validate

T = TypeVar("T")

_WARMUP = 200
_CLIP = 2.0
# A training that starts from another's weights needs no plateau.
DECAY_OF_STARTED = 0.8
_EMA = 0.995
# Cases that a look at unseen ones takes at most.
_VALIDATED = 60
# Episodes that take turns.
_EPISODES = 4


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that a run depends on besides the pack.

    ``steps`` are optimizer steps; the learning rate falls linearly over the last ``decay`` share of
    them. A step averages the gradients of ``batch`` rounds, each of other episodes, which all
    processes share; None is one a process. ``minutes`` ends this call early, to be resumed later.
    ``start`` is a checkpoint or a weights file that a new training begins with.
    """

    checkpoint: Path
    train: list[str]
    validation: list[str]
    steps: int = 8000
    batch: int | None = None
    learning_rate: float = 7e-4
    decay: float = 0.4
    minutes: float = float("inf")
    seed: int = 0
    device: str = "cpu"
    save_minutes: float = 5.0
    validate_minutes: float = 15.0
    log_folder: Path | None = None
    start: Path | None = None
    recipe: Recipe = field(default_factory=Recipe)


class _Stream(IterableDataset):
    """Samples without end; drawn in a worker process while the network computes."""

    def __init__(self, pack: Pack, settings: TrainingConfig, seed: Sequence[int]) -> None:
        self.arguments = (pack, settings.train, settings.recipe.mixture, seed)

    def __iter__(self):
        if hasattr(os, "setpgrp"):
            # torchrun tells a whole group of processes to stop; the last step still needs its samples.
            os.setpgrp()
        threading.Thread(target=_end_with_parent, daemon=True).start()
        sampler = Sampler(*self.arguments)
        while True:
            try:
                yield sampler.draw()
            except ICHHPINetError as error:
                # Raised here, it would come out as a page of text.
                yield error
                return


def _end_with_parent() -> None:
    """Ends a worker whose training was killed: PyTorch's would wait forever to hand over a sample, and keep
    the connections of the dead process open."""
    multiprocessing.parent_process().join()
    os._exit(1)


class Trainer:
    """A network in training, with its average, optimizer and step count.

    Goes on from the checkpoint where there is one, on any number of processes. Raises InputFileError if it
    is of another network or of another training, if the weights to begin with have learned from a bleed
    that is held out now, or if the processes cannot share the batch; DeviceError as ``processes.joined``.

    Attributes
    ----------
    seen: names of the bleeding cases that the weights have learned from, before they came here as well;
        None where nobody knows.
    """

    def __init__(
        self,
        pack: Pack,
        settings: TrainingConfig,
        config: HPINetConfig | PaperConfig | Ablation | None = None,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.pack, self.settings = pack, settings
        self.processes = joined(settings.device)
        count = self.processes.num_processes
        self.batch = settings.batch or count
        if self.batch % count:
            raise InputFileError(
                f"{count} processes cannot share a batch of {self.batch} rounds: give --batch a multiple of "
                f"{count}."
            )
        cards = count > 1 and settings.device == "cuda"
        self.device = self.processes.device if cards else torch.device(settings.device)
        self.network = HPINet(config or HPINetConfig()).to(self.device)
        self.average = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(_EMA))
        self.optimizer = optimizer_of(self.network, settings.learning_rate, settings.recipe.kernel_steps)
        self.loss = HPINetLoss(settings.recipe.weights)
        self.step = 0
        self.given = {
            "train": sorted(settings.train),
            "seed": settings.seed,
            "recipe": repr(settings.recipe),
            "learning rate": (settings.learning_rate, settings.decay),
            "start": digest_of(settings.start) if settings.start else "",
        }
        self.seen: set[str] | None = set(settings.train) & pack.bleeding
        if settings.checkpoint.exists():
            self._resume(settings.checkpoint)
        elif settings.start:
            self._start(settings.start)
        if count > 1:
            check_alike((self.step, _checksum(self.network)))
            # Where the network drops features at random, each process drops others.
            torch.manual_seed(settings.seed + self.processes.process_index)

    def _resume(self, path: Path) -> None:
        state = read_checkpoint(path, self.network.config, self.device)
        check_same_run(path, state, self.given)
        load_states(path, [(self.network, state["network"]), (self.average, state["average"])])
        load_optimizer(path, self.optimizer, state["optimizer"])
        self.step = state["step"]
        self._has_also_seen(state["seen"])

    def _start(self, path: Path) -> None:
        held_out = self.pack.bleeding - set(self.settings.train)
        if path.suffix == ".safetensors":
            check_unseen(path, None, held_out)
            weights = read_weights(path, self.network)
            load_states(path, [(self.network, weights), (self.average.module, weights)])
            self._has_also_seen(None)
            return
        state = read_checkpoint(path, self.network.config, self.device)
        check_unseen(path, state["seen"], held_out)
        load_states(path, [(self.network, state["network"]), (self.average, state["average"])])
        self._has_also_seen(state["seen"])

    def _has_also_seen(self, names: list[str] | None) -> None:
        self.seen = None if names is None or self.seen is None else self.seen | set(names)

    def save(self) -> None:
        """Writes the checkpoint whole, or leaves the old one; OutputError where it cannot be written.

        Of several processes, the first one writes.
        """
        if not self.processes.is_main_process:
            return
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "config": self.network.config.as_dict(),
            "seen": None if self.seen is None else sorted(self.seen),
            **self.given,
        }
        write_checkpoint(self.settings.checkpoint, state)

    def rate(self) -> float:
        """Learning rate of this step: warm-up, plateau, linear decay."""
        warm_up = max(1, min(_WARMUP, self.settings.steps // 10))
        done = self.step / self.settings.steps
        fall = min(1.0, (1.0 - done) / self.settings.decay) if self.settings.decay else 1.0
        return self.settings.learning_rate * min(1.0, (self.step + 1) / warm_up) * max(fall, 0.0)

    def run(self, report=print, until: int | None = None) -> None:
        """Trains until the steps or the minutes are over, or SIGTERM asks for an end.

        ``report`` takes a line of text; of several processes, the first one reports. ``until`` ends this call
        at an earlier step than ``settings.steps``, which the learning rate follows.
        """
        end = self.settings.steps if until is None else until
        if self.step >= end:
            return
        first = self.processes.is_main_process
        report = report if first else lambda line: None
        writer = _writer(self.settings.log_folder) if first else None
        start = saved = validated = time.monotonic()
        meters: dict[str, list[float]] = defaultdict(list)
        with told_to_stop() as told:
            streams = self._streams()
            while True:
                self.optimizer.zero_grad(set_to_none=True)
                for rounds in streams:
                    total, parts = next(rounds)
                    (total / self.batch).backward()
                    _note(meters, parts)
                self._step()
                now = time.monotonic()
                if len(meters["total"]) >= 200:
                    _log(writer, report, self.step, meters, now - start)
                    meters.clear()
                over = self.step >= end or now - start > 60 * self.settings.minutes
                # Each process has a clock of its own.
                over = any_says(over or bool(told), self.processes)
                if over or now - saved > 60 * self.settings.save_minutes:
                    self.save()
                    saved = now
                if told:
                    report(f"Told to stop at step {self.step}; the same command goes on from there.")
                elif over or now - validated > 60 * self.settings.validate_minutes:
                    self._validate(writer, report)
                    validated = time.monotonic()
                if over:
                    return

    def _streams(self) -> list[Iterator]:
        """Losses of rounds without end, one iterator for each round of a step that is this process' share.

        What they draw depends on their number in the batch alone, not on the process.
        """
        share = self.batch // self.processes.num_processes
        streams = []
        for number in range(share * self.processes.process_index, share * (self.processes.process_index + 1)):
            # NumPy takes no notice of a last 0.
            seed = [self.settings.seed + 7919 * self.step, number]
            rng = np.random.default_rng([self.settings.seed + self.step, number])
            streams.append(in_turn(self._episodes(seed, rng), _EPISODES))
        return streams

    def _episodes(self, seed: Sequence[int], rng: np.random.Generator) -> Iterator[Iterator]:
        stream = _Stream(self.pack, self.settings, seed)
        for sample in DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=4):
            if isinstance(sample, ICHHPINetError):
                raise sample
            yield episode(self.network, self.loss, sample, self.settings.recipe, rng, self.device)

    def _step(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        add_gradients(self.network, self.processes)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        self.step += 1

    def _validate(self, writer, report) -> None:
        names = [name for name in self.settings.validation if name in self.pack.bleeding]
        if not names or not self.processes.is_main_process:
            return
        some = names[:: -(-len(names) // _VALIDATED)]
        dice = validate(self.average.module, (self.pack.cases[name] for name in some), self.device)
        report(f"step {self.step}  validation Dice by round: " + "  ".join(f"{value:.3f}" for value in dice))
        for number, value in enumerate(dice, 1):
            if writer:
                writer.add_scalar(f"validation/Dice round {number}", value, self.step)


def in_turn(episodes: Iterator[Iterator[T]], count: int) -> Iterator[T]:
    """Rounds without end, of ``count`` episodes in turn: rounds of one alone are too alike."""
    running: deque[Iterator[T]] = deque()
    while True:
        while len(running) < count:
            running.append(next(episodes))
        one = running.popleft()
        step = next(one, None)
        if step is not None:
            yield step
            running.append(one)


def _writer(folder: Path | None):
    if folder is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))


def _checksum(network: nn.Module) -> int:
    total = 0
    for parameter in network.parameters():
        total = zlib.crc32(parameter.detach().cpu().numpy().tobytes(), total)
    return total


def _note(meters: dict[str, list[float]], parts: dict[str, float]) -> None:
    for name, value in parts.items():
        meters[name].append(value)
    if parts["round"] in (0, 1, 3):
        meters[f"Dice round {parts['round']}"].append(parts["Dice"])


def _log(writer, report, step: int, meters: dict[str, list[float]], seconds: float) -> None:
    means = {name: float(np.mean(values)) for name, values in meters.items() if values}
    report(
        f"step {step}  {seconds:.0f} s  " + "  ".join(f"{name} {value:.3f}" for name, value in means.items())
    )
    if writer:
        for name, value in means.items():
            writer.add_scalar(f"train/{name}", value, step)
