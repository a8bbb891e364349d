"""SAM-Med2D (Cheng et al. 2023): adapters in SAM's image encoder; points and mask prompts at 256 x 256."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import nn

from . import losses
from .method import Config, State
from .sam import SAM_BASE, SamNetwork
from .tensors import fitting

# In the names of the authors' tensors.
_ADAPTER = ".Adapter."


class Adapter(nn.Module):
    """Weighs channels by their means, looks around at half the resolution, and normalizes; (n, Y, X, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.channel = nn.Sequential(
            nn.Linear(width, width // 4, bias=False),
            nn.ReLU(),
            nn.Linear(width // 4, width, bias=False),
            nn.Sigmoid(),
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1, bias=False),
            nn.ReLU(),
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        weighed = tokens * self.channel(tokens.mean(dim=(1, 2)))[:, None, None]
        around = self.spatial(weighed.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.norm(tokens + around)


class AdaptedMlp(nn.Module):
    """The perceptron of a layer with an adapter beside it."""

    def __init__(self, mlp: nn.Module, width: int) -> None:
        super().__init__()
        self.mlp, self.adapter = mlp, Adapter(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.mlp(tokens) + self.adapter(tokens)


class Network(SamNetwork):
    """Adapters, prompt encoder and mask decoder learn.

    The authors train the prediction of overlap, too, which chooses among three masks; here there is one.
    """

    FULL: ClassVar = {**SAM_BASE, "image_size": 256}
    RATE = 1e-4
    takes = frozenset({"points", "mask"})

    def load_base(self, base: State) -> None:
        super().load_base({key: value for key, value in base.items() if _ADAPTER not in key})

    def adapt(self, config: Config, base: State | None) -> None:
        trained = any(_ADAPTER in key for key in base or ())
        for number, layer in enumerate(self.sam.vision_encoder.layers):
            layer.mlp = AdaptedMlp(layer.mlp, config["width"])
            if trained:
                start = f"image_encoder.blocks.{number}{_ADAPTER}"
                found = {key.removeprefix(start): base[key] for key in base if key.startswith(start)}
                adapter = layer.mlp.adapter
                adapter.load_state_dict(fitting(adapter.state_dict(), found, str))

    def learning(self) -> Iterable[nn.Module]:
        adapters = [layer.mlp.adapter for layer in self.sam.vision_encoder.layers]
        return (*adapters, *super().learning())

    def criterion(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 20 * losses.focal(logits, target) + losses.dice(logits, target)
