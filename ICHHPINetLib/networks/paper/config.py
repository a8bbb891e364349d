"""Which network the ``paper`` configuration builds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

from torch import nn

from ..config_checks import check_kind, check_widths
from .fcm import FCM
from .mpffm import MPFFM
from .sim import SIM
from .vim import VIM

ARCHITECTURE = "paper"
_BRIGHTEST = 1e5


@dataclass(frozen=True)
class PaperConfig:
    """Options of the network at the paper's scale.

    Attributes
    ----------
    name: tells users which network they see.
    width: feature maps of the finest level; everything else is a multiple of it (key 1, value 8).
    volume_norm: VIM's normalization, "batch" as in the authors' code, or "group", which does not
        depend on how many volumes a training step holds.
    memory_top: how many memory entries a pixel reads: None is the softmax over all of them
        (paper, equation 4), a number that many of the most similar ones.
    gray_range: what the ends of the brain window become as network input.
    cut: probability from which on a voxel is blood.
    """

    name: str = "paper"
    width: int = 64
    volume_norm: str = "batch"
    memory_top: int | None = None
    gray_range: tuple[float, float] = (-1.0, 1.0)
    cut: ClassVar[float] = 0.5

    def __post_init__(self) -> None:
        check_kind("name", self.name, str)
        check_widths("width", (self.width,), 1)
        if self.volume_norm not in ("batch", "group"):
            raise ValueError(f"The volume_norm {self.volume_norm!r} is neither batch nor group.")
        if self.memory_top is not None:
            check_widths("memory_top", (self.memory_top,), 1)
        low, high = self.gray_range
        if not -_BRIGHTEST <= low < high <= _BRIGHTEST:
            raise ValueError(f"The gray_range {self.gray_range!r} does not run upwards between two numbers.")

    def as_dict(self) -> dict:
        """Entries for a file's header; ``networks.hpinet.read_config`` reads them."""
        return {"architecture": ARCHITECTURE, **asdict(self)}

    @property
    def least_weights(self) -> int:
        """A number of weights that any network of this width exceeds; it has about 20 times as many."""
        return 1000 * self.width**2

    def modules(self) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
        """VIM, SIM, FCM and MPFFM."""
        return (
            VIM(self.width, self.volume_norm, self.gray_range),
            SIM(self.width, self.gray_range),
            FCM(self.width),
            MPFFM(self.width, self.memory_top, self.gray_range),
        )
