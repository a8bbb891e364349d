"""What the controller asks of a scene; the module and the effect each bring one."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import numpy as np

from .round_log import RoundLog
from .scribbles import Scribbles


class ScenePort(Protocol):
    """Called from the main thread only.

    Arrays are (Z, Y, X) on the grid of the CT. What is returned is a copy: the computing
    thread keeps it while the user goes on working in the scene.
    """

    def ct_key(self) -> Hashable | None:
        """Identity of the chosen CT and of its voxels; None where none is chosen."""

    def check_ct(self) -> list[str]:
        """Doubts about the CT; an ICHHPINetError where no round can be computed on it."""

    def read_ct(self) -> tuple[np.ndarray, tuple[float, float, float]]:
        """HU and spacing in mm (z, y, x)."""

    def has_scribbles(self) -> bool:
        """Whether anything is painted; asked often, so answer without reading voxels twice."""

    def read_scribbles(self) -> Scribbles:
        """All scribbles there are now; where they cross, ``settle`` decides."""

    def write_scribbles(self, scribbles: Scribbles) -> None:
        """Replace the painted scribbles."""

    def has_result(self) -> bool:
        """Whether there is something that a result, or its preview, is shown in; asked often."""

    def read_mask(self) -> np.ndarray | None:
        """uint8 result as it is in the scene, edits of the user included; None without one."""

    def show(self, mask: np.ndarray, is_preview: bool) -> None:
        """Show a uint8 mask without counting it as a round: a preview, or what was there before one."""

    def load_rounds(self) -> RoundLog:
        """The rounds that led to the result in the scene, which is shown in place of a saved preview."""

    def write_rounds(self, log: RoundLog) -> None:
        """Show the mask of ``log`` and keep its rounds; without rounds and mask, forget the result."""
