"""What fine-tuning and evaluation ask of a method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from ...imaging.ct import CT
from ..scribbled_session import ScribbledSession
from .clips import Clip

Config = Mapping[str, Any]
State = Mapping[str, torch.Tensor]


class Method(nn.Module, ABC):
    """A network with parts that learn and parts that are frozen.

    Parameters
    ----------
    config: ``FULL``, ``TINY`` or another of their form, made of what JSON can hold.
    base: tensors under the names of the file that the method starts from; None for random weights.
        ValueError where they do not fit.

    Attributes
    ----------
    FULL, TINY: configuration of the paper, and one for trying out on any machine.
    RATE: peak of the learning rate in fine-tuning.
    needs_bleed: whether a slice teaches it something only where it or a neighbor bleeds.
    """

    FULL: ClassVar[Config]
    TINY: ClassVar[Config]
    RATE: ClassVar[float]
    needs_bleed: ClassVar[bool] = True

    def __init__(self, config: Config, base: State | None = None) -> None:
        super().__init__()
        self.config = dict(config)
        self.size: int = config["image_size"]
        self.build(config, base)
        self.requires_grad_(False)
        for module in self.learning():
            module.requires_grad_(True)

    @classmethod
    def config_of(cls, base: State) -> Config:
        """Configuration of the authors' file with these tensors."""
        return cls.FULL

    @abstractmethod
    def build(self, config: Config, base: State | None) -> None:
        """Make the modules and load ``base``; ValueError where it does not fit."""

    @abstractmethod
    def learning(self) -> Iterable[nn.Module]:
        """The modules that fine-tuning changes."""

    @abstractmethod
    def batch_loss(self, clips: Sequence[Clip], rng: np.random.Generator) -> torch.Tensor:
        """Mean loss of some clips, with scribbles drawn by ``rng``."""

    @abstractmethod
    def session(self, ct: CT) -> ScribbledSession:
        """What is scribbled on."""

    @property
    def name(self) -> str:
        """Its name on the command line, which is that of its file."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device
