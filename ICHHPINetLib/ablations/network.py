"""An ablation is the same network built from other parts.

They have the weights of the parts in whose place they are, by name, so that weights of the whole network
fit; what is left out is not trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from ..networks import hpinet
from ..networks.affinity import read_slices
from ..networks.blocks import NO_BLOOD
from ..weights import loading
from . import (
    FULL,
    SLICE_PRO,
    VARIANTS,
    VOLUME_PRO,
    WITHOUT_AFFINITY,
    WITHOUT_CUES,
    WITHOUT_FUSION,
    WITHOUT_MEMORY,
)

if TYPE_CHECKING:
    from ..networks.hpinet import HPINet, HPINetConfig
    from ..networks.paper.config import PaperConfig


@dataclass(frozen=True)
class Ablation:
    """Configuration of a network of which ``variant`` leaves a part out, one of ``VARIANTS``."""

    whole: HPINetConfig | PaperConfig
    variant: str

    @property
    def name(self) -> str:
        """As that of the whole network."""
        return self.whole.name

    @property
    def cut(self) -> float:
        """As that of the whole network."""
        return self.whole.cut

    @property
    def least_weights(self) -> int:
        """As that of the whole network."""
        return self.whole.least_weights

    def as_dict(self) -> dict:
        """Entries for a file's header; ``read_config`` reads them."""
        return {**self.whole.as_dict(), "variant": self.variant}

    def modules(self) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
        """VIM, SIM, FCM and MPFFM, or what stands in their places."""
        vim, sim, fcm, mpffm = self.whole.modules()
        if self.variant == VOLUME_PRO:
            sim, mpffm = _VolumeAlone(sim, fcm.finest), _VolumeAtSlices(mpffm, fcm.finest)
        elif self.variant == SLICE_PRO:
            vim, fcm = _NoVIM(vim, fcm.finest), _NoFCM(fcm, fcm.finest)
        elif self.variant == WITHOUT_MEMORY:
            mpffm.read = _read_neighbor
        elif self.variant == WITHOUT_AFFINITY:
            mpffm.read = _read_same_place
        elif self.variant == WITHOUT_FUSION:
            mpffm.register_forward_pre_hook(_without_volume)
        elif self.variant == WITHOUT_CUES:
            vim.register_forward_pre_hook(_without_cues)
        return vim, sim, fcm, mpffm


def ablated(config: HPINetConfig | PaperConfig, variant: str) -> HPINetConfig | PaperConfig | Ablation:
    """``config`` without what ``variant`` leaves out; ValueError unless it is one of ``VARIANTS``."""
    if variant not in VARIANTS:
        raise ValueError(
            f"There is no variant '{variant}' of the network; choose one of {', '.join(VARIANTS)}."
        )
    return config if variant == FULL else Ablation(config, variant)


def variant_of(network: HPINet) -> str:
    """Which of ``VARIANTS`` a network is."""
    return getattr(network.config, "variant", FULL)


def read_config(entries: dict) -> HPINetConfig | PaperConfig | Ablation:
    """As ``networks.hpinet.read_config``, of ablations too."""
    whole = hpinet.read_config({**entries, "variant": FULL})
    return ablated(whole, entries.get("variant", FULL))


def load_network(name_or_path: str | Path = "default", device: str = "auto") -> HPINet:
    """As ``ICHHPINetLib.load_network``, of ablations too."""
    return loading.load_network(name_or_path, device, config_of=read_config)


class _Instead(nn.Module):
    """In the place of a part, with its weights by name."""

    def __init__(self, part: nn.Module, stride: int) -> None:
        vars(self).update(vars(part))
        self.stride = stride  # of VIM's logits on the plane


class _NoVIM(_Instead):
    """Sees no blood; in the place of its maps is the input, of which ``_NoFCM`` reads the size alone."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        depth, height, width = x.shape[2:]
        return x.new_full((1, 1, depth, height // self.stride, width // self.stride), NO_BLOOD), x


class _NoFCM(_Instead):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        depth, height, width = x.shape[2:]
        strides = (self.stride * 2**level for level in range(3))
        return tuple(
            x.new_zeros(depth, layer.out_channels, height // stride, width // stride)
            for layer, stride in zip(self.convs, strides, strict=True)
        )


class _VolumeAlone(_Instead):
    """In the place of SIM, answers with VIM's logits."""

    def forward(self, x: torch.Tensor, volume_logits: torch.Tensor) -> torch.Tensor:
        return F.interpolate(
            volume_logits.float(), scale_factor=self.stride, mode="bilinear", align_corners=False
        )


class _VolumeAtSlices(_VolumeAlone):
    """The same in the place of MPFFM, which has other arguments."""

    def forward(self, slices, keys, values, features, volume_logits: torch.Tensor) -> torch.Tensor:
        return super().forward(features, volume_logits)


def _read_neighbor(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, *top) -> torch.Tensor:
    """As ``read_slices``, of the last slice in each memory: the neighbor just done."""
    return read_slices(query, keys[:, -1:], values[:, -1:], *top)


def _read_same_place(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, *top) -> torch.Tensor:
    """The mean of the memory's slices at the pixel itself, (N, C, y, x)."""
    return values.mean(1)


def _without_volume(mpffm: nn.Module, given: tuple) -> tuple:
    """MPFFM's arguments, knowing nothing of the volume."""
    *others, features, logits = given
    return *others, tuple(map(torch.zeros_like, features)), torch.full_like(logits, NO_BLOOD)


def _without_cues(vim: nn.Module, given: tuple) -> tuple:
    """VIM's arguments, with zeros for the cues where it takes any."""
    stacked, *others = given
    return stacked, *map(torch.zeros_like, others[:1]), *others[1:]
