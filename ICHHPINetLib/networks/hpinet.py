"""The hybrid propagation interaction network: four modules and how they feed each other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import nn

from .box import Box, box_of_round
from .config_checks import check_kind, check_widths
from .cues import scribble_cues
from .fcm import FCM
from .mpffm import MPFFM, SliceFeatures
from .paper.config import ARCHITECTURE as PAPER
from .paper.config import PaperConfig
from .sim import SIM
from .vim import VIM, OnStage


@dataclass(frozen=True)
class HPINetConfig:
    """Widths of the compact network, and where its masks end.

    Attributes
    ----------
    name: tells users which network they see.
    cut: probability from which on a voxel is blood. The training's loss makes the network's probabilities of
        blood too high; at 0.6 volumes are nearly right, and Dice is that of 0.5 (docs/model_card.md).
    """

    name: str = "default"
    volume_widths: tuple[int, int, int, int] = (32, 64, 96, 128)
    slice_widths: tuple[int, int, int] = (32, 64, 96)
    key_channels: int = 64
    cut: float = 0.6

    def __post_init__(self) -> None:
        check_kind("name", self.name, str)
        check_widths("volume_widths", self.volume_widths, 4)
        check_widths("slice_widths", self.slice_widths, 3)
        check_widths("key_channels", (self.key_channels,), 1)
        check_kind("cut", self.cut, float)
        if not 0 < self.cut < 1:
            raise ValueError(f"The cut {self.cut!r} does not lie between 0 and 1.")

    def as_dict(self) -> dict:
        """Entries for a file's header; ``read_config`` reads them."""
        return asdict(self)

    @property
    def least_weights(self) -> int:
        """A number of weights that any network of these widths exceeds: one kernel of the widest level."""
        return 9 * max(*self.volume_widths, *self.slice_widths, self.key_channels) ** 2

    def modules(self) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
        """VIM, SIM, FCM and MPFFM."""
        return (
            VIM(self.volume_widths),
            SIM(self.slice_widths),
            FCM(self.volume_widths[:3]),
            MPFFM(self.slice_widths, self.key_channels, self.volume_widths[:3]),
        )


def read_config(entries: dict) -> HPINetConfig | PaperConfig:
    """The configuration that ``as_dict`` of either class wrote, as JSON may have changed it.

    Entries that are missing have their defaults. Raises TypeError for entries that neither class
    knows, ValueError for values that no network has.
    """
    entries = {key: tuple(value) if isinstance(value, list) else value for key, value in entries.items()}
    architecture = entries.pop("architecture", None)
    variant = entries.pop("variant", "full")
    if variant != "full":
        raise ValueError(f"'{variant}' leaves a part of it out: only `ichhpinet evaluate` reads such weights")
    # Files had it as an option, which nobody used.
    if entries.get("image_pooling") is False:
        del entries["image_pooling"]
    return PaperConfig(**entries) if architecture == PAPER else HPINetConfig(**entries)


class VolumeFeatures(NamedTuple):
    """What one round's VIM and FCM say of every slice.

    logits (Z, 1, Y', X'), converted: three maps (Z, C_i, Y_i, X_i). Compact: Y' = Y/2 and maps at
    1/2, 1/4, 1/8; paper: Y' = Y and maps at 1, 1/2, 1/4.
    """

    logits: torch.Tensor
    converted: tuple[torch.Tensor, ...]

    def at(self, index) -> VolumeFeatures:
        """The same for some of the slices."""
        return VolumeFeatures(self.logits[index], tuple(x[index] for x in self.converted))


class Look(NamedTuple):
    """What VIM says of a CT without any scribble or mask: logits (1, 1, Z, Y/2, X/2), and D1 to D3."""

    logits: torch.Tensor
    maps: tuple[torch.Tensor, ...]


class HPINet(nn.Module):
    """ICH-HPINet (paper, figure 1) on the working grid.

    All tensors are float32 or the autocast type; slices run along the first axis:
    image (Z, 2, Y, X) from ``imaging.windowing``, scribbles (Z, 2, Y, X) with channel 0
    foreground and 1 background, masks (Z, 1, Y, X) in 0..1. Y and X are multiples of 16.
    ``config`` chooses the compact modules or those at the paper's scale.

    Attributes
    ----------
    name, device, sha256, about: what ``load_network`` knows of the file and of where the network is; a
        network that was built otherwise has none of them.
    """

    name: str
    device: torch.device
    sha256: str
    about: dict[str, str]

    def __init__(self, config: HPINetConfig | PaperConfig = HPINetConfig()) -> None:
        super().__init__()
        self.config = config
        self.vim, self.sim, self.fcm, self.mpffm = config.modules()
        for module in (self.sim, self.fcm, self.mpffm):
            module.to(memory_format=torch.channels_last)
        self.vim.to(memory_format=torch.channels_last_3d)

    def encode_slices(self, image: torch.Tensor) -> SliceFeatures:
        """Shared query encoder on every slice. Depends on the image alone: once per volume."""
        return self.mpffm.query_encoder(image.contiguous(memory_format=torch.channels_last))

    def segment_volume(
        self,
        image: torch.Tensor,
        scribbles: torch.Tensor,
        previous: torch.Tensor,
        look: Look | None = None,
        on_stage: OnStage = lambda share: None,
    ) -> VolumeFeatures:
        """VIM, then FCM (equation 1) for every slice (Algorithm 1, lines 5, 6 and 9).

        With a ``look`` at the CT, VIM reads the part of the head in which the round can change something;
        elsewhere what it saw then stands. ``on_stage`` is called with the share of VIM's work that is
        done; an exception from it ends the work.
        """
        stacked = torch.cat([image, widen(scribbles), previous], 1).transpose(0, 1).unsqueeze(0)
        cues = self._cues(image, scribbles)
        if not cues:
            on_stage(0.0)
            logits, maps = self.vim(stacked.contiguous(memory_format=torch.channels_last_3d))
        elif look is None:
            logits, maps = self.vim(stacked.contiguous(memory_format=torch.channels_last_3d), *cues, on_stage)
        else:
            box = box_of_round(image, scribbles, previous, look.logits)
            logits, maps = self._looked_again(look, stacked, cues[0], box, on_stage)
        return VolumeFeatures(logits[0].transpose(0, 1), self.fcm(maps))

    def _looked_again(self, look: Look, stacked, cues, box: Box, on_stage: OnStage):
        """VIM's logits and maps of a round, made anew in the box."""
        inside = stacked[box.at(1)].contiguous(memory_format=torch.channels_last_3d)
        logits, maps = self.vim(inside, cues[box.at(2)], on_stage)

        def pasted(before: torch.Tensor, now: torch.Tensor, stride: int) -> torch.Tensor:
            after = before.clone()
            after[box.at(stride)] = now.to(before.dtype)
            return after

        levels = enumerate(zip(look.maps, maps, strict=True), 1)
        return pasted(look.logits, logits, 2), tuple(pasted(*pair, 2**level) for level, pair in levels)

    def look(self, image: torch.Tensor, on_stage: OnStage = lambda share: None) -> Look | None:
        """VIM's answer without scribbles, once per CT; None for any but the compact VIM."""
        if not isinstance(self.vim, VIM):
            return None
        nothing = torch.zeros_like(image)
        stacked = torch.cat([image, nothing, nothing[:, :1]], 1).transpose(0, 1).unsqueeze(0)
        stacked = stacked.contiguous(memory_format=torch.channels_last_3d)
        return Look(*self.vim(stacked, *self._cues(image, nothing), on_stage))

    def _cues(self, image: torch.Tensor, scribbles: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What the compact VIM gets beside its input, (1, 2, Z, Y/2, X/2); the paper's gets nothing."""
        if not isinstance(self.vim, VIM):
            return ()
        cues = scribble_cues(image[:, 0], scribbles[:, 0])
        return (cues.transpose(0, 1).unsqueeze(0).to(image.dtype),)

    def segment_slices(
        self,
        image: torch.Tensor,
        scribbles: torch.Tensor,
        previous: torch.Tensor,
        volume_logits: torch.Tensor,
    ) -> torch.Tensor:
        """SIM: logits (R, 1, Y, X) of R scribbled slices (Algorithm 1, line 8)."""
        context = nn.functional.interpolate(volume_logits.sigmoid(), size=image.shape[2:], mode="nearest")
        stacked = torch.cat([image, widen(scribbles), previous, context.to(image.dtype)], 1)
        return self.sim(stacked.contiguous(memory_format=torch.channels_last), volume_logits)

    def calibrated(self, probability: torch.Tensor) -> torch.Tensor:
        """Probabilities of any shape, scaled so that the network's ``cut`` becomes 0.5; 0 and 1 stay."""
        blood, other = probability * (1 - self.config.cut), (1 - probability) * self.config.cut
        return blood / (blood + other)

    def remember(self, image: torch.Tensor, mask: torch.Tensor, slices: SliceFeatures) -> torch.Tensor:
        """Memory encoder (equation 2): values (R, C, y, x) of R slices with their masks."""
        return self.mpffm.memory_encoder(image.contiguous(memory_format=torch.channels_last), mask, slices.f3)

    def propagate(
        self, slices: SliceFeatures, keys: torch.Tensor, values: torch.Tensor, volume: VolumeFeatures
    ) -> torch.Tensor:
        """MPFFM (equations 3 to 5): logits (N, 1, Y, X) of N slices, each with its own memory.

        ``keys`` (N, T, d, y, x), ``values`` (N, T, C, y, x); y is Y/8, in the paper's configuration Y/16.
        """
        return self.mpffm(slices, keys, values, volume.converted, volume.logits)


def widen(scribbles: torch.Tensor) -> torch.Tensor:
    """Scribbles three pixels wide at least, so that no convolution with a stride steps over one."""
    return nn.functional.max_pool2d(scribbles, 3, stride=1, padding=1)
