"""Fine-tuning of a method: stops and resumes at any minute from one checkpoint file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...errors import InputFileError
from ...imaging.output_files import whole_file
from ...weights.tensors import check_fit
from .clips import Clip
from .method import Method

_WARMUP = 0.05
_CLIP = 1.0
_AUGMENTED = 0.5
_SAVE_MINUTES = 5.0
_TOLD_STEPS = 50


@dataclass(frozen=True)
class Settings:
    """What a fine-tuning depends on besides the slices.

    The learning rate rises to the method's own over the first twentieth of the ``steps`` and falls to
    zero from there. ``run`` says in words what is trained on, so that no other training goes on from its
    checkpoint. ``minutes`` ends this call early, to be resumed later.
    """

    checkpoint: Path
    run: str
    steps: int = 8000
    batch: int = 4
    minutes: float = float("inf")
    seed: int = 0


class Trainer:
    """A method in training. Goes on from the checkpoint where there is one.

    Raises InputFileError if the checkpoint is damaged, of another method, or of another training.
    """

    def __init__(self, method: Method, clips: Sequence[Clip], settings: Settings) -> None:
        self.method, self.settings = method, settings
        self.clips = [clip for clip in clips if clip.truth.any()] if method.needs_bleed else list(clips)
        self.bleeding = [clip for clip in self.clips if clip.truth[clip.center].any()]
        if not self.bleeding:
            raise InputFileError("No case to learn from has a bleed. Add some.")
        parameters = [one for one in method.parameters() if one.requires_grad]
        self.optimizer = torch.optim.AdamW(parameters, lr=method.RATE, weight_decay=1e-4)
        self.step = 0
        if settings.checkpoint.exists():
            self._resume()

    def run(self, tell: Callable[[str], None] = lambda line: None) -> bool:
        """Train until the steps or the minutes are over; whether all steps are done."""
        begun = saved = time.monotonic()
        losses: list[float] = []
        while self.step < self.settings.steps:
            losses.append(self._one_step())
            now = time.monotonic()
            if self.step % _TOLD_STEPS == 0:
                tell(f"step {self.step} of {self.settings.steps}: loss {np.mean(losses):.3f}")
                losses.clear()
            if now - begun > 60 * self.settings.minutes:
                break
            if now - saved > 60 * _SAVE_MINUTES:
                self.save()
                saved = now
        self.save()
        return self.step >= self.settings.steps

    def save(self) -> None:
        """Write the checkpoint whole, or leave the old one."""
        state = {
            "run": self._run(),
            "step": self.step,
            "network": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        with whole_file(self.settings.checkpoint, lambda draft: _read(draft)["step"] == self.step) as draft:
            torch.save(state, draft)

    def _one_step(self) -> float:
        # Of seed and step, so that a training that was stopped goes on as if it had not been.
        rng = np.random.default_rng([self.settings.seed, self.step])
        torch.manual_seed(int(rng.integers(2**31)))
        # Half of the slices bleed, however few do.
        pools = [self.bleeding if number % 2 == 0 else self.clips for number in range(self.settings.batch)]
        batch = [_augmented(pool[rng.integers(len(pool))], rng) for pool in pools]
        for group in self.optimizer.param_groups:
            group["lr"] = self.method.RATE * self._share_of_rate()
        self.method.train()
        loss = self.method.batch_loss(batch, rng)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.optimizer.param_groups[0]["params"], _CLIP)
        self.optimizer.step()
        self.step += 1
        return loss.item()

    def _share_of_rate(self) -> float:
        done = (self.step + 1) / (self.settings.steps + 1)
        return min(done / _WARMUP, (1 - done) / (1 - _WARMUP))

    def _run(self) -> str:
        return f"{self.method.name}, {self.settings.run}, seed {self.settings.seed}"

    def _resume(self) -> None:
        path = self.settings.checkpoint
        try:
            state = _read(path)
            run, step, network = state["run"], state["step"], state["network"]
            if run == self._run():
                check_fit(network, self.method.state_dict())
                self.method.load_state_dict(network)
                self.optimizer.load_state_dict(state["optimizer"])
                self.step = int(step)
        except Exception as error:  # of as many kinds as there are ways to damage a pickle
            raise InputFileError(
                f"'{path}' is no checkpoint that this training can go on from "
                f"({str(error).partition(chr(10))[0]}). Move it away to begin anew, or name another --run."
            ) from error
        if run != self._run():
            raise InputFileError(
                f"'{path}' is of another training ({run}). Give its options again to go on with it, or "
                "another --run for a new training."
            )


def _read(path: Path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=True)


def _augmented(clip: Clip, rng: np.random.Generator) -> Clip:
    """Half of the slices are mirrored left to right, or a little brighter or darker."""
    gray, truth = clip.gray, clip.truth
    if rng.random() < _AUGMENTED:
        gray, truth = gray[:, :, ::-1].copy(), truth[:, :, ::-1].copy()
    if rng.random() < _AUGMENTED:
        gray = np.clip(gray * rng.uniform(0.9, 1.1) + rng.uniform(-0.05, 0.05), 0, 1).astype(np.float32)
    return Clip(gray, truth, clip.center, clip.pixel)
