"""What the controller asks of a scene; the module and the effect each bring one."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import numpy as np

from .round_job import Outcome
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

    def has_strokes(self) -> bool:
        """Whether anything is painted; asked often, so answer without reading voxels twice."""

    def read_scribbles(self) -> Scribbles:
        """All strokes there are now; where they cross, ``settle`` decides, and the scene is made to agree."""

    def finished_scribbles(self) -> Scribbles:
        """The strokes that the last finished round knew."""

    def write_scribbles(self, strokes: Scribbles) -> None:
        """Replace the painted strokes."""

    def has_result(self) -> bool:
        """Whether there is something that a result, or its preview, is shown in; asked often."""

    def read_mask(self) -> np.ndarray | None:
        """uint8 result as it is in the scene, edits of the user included; None without one."""

    def edited_ml(self) -> float | None:
        """Volume of a result that the user changed by hand since the last round; None where nobody did."""

    def rounds(self) -> int:
        """Number of rounds that led to the result in the scene."""

    def show_preview(self, mask: np.ndarray) -> None:
        """Show an unfinished uint8 mask, without counting it as a round."""

    def restore_mask(self, mask: np.ndarray) -> None:
        """Show again what was there before the preview of a round that came to nothing."""

    def drop_preview(self) -> None:
        """Put the last round in place of a preview that a scene was saved with."""

    def write_round(self, outcome: Outcome) -> None:
        """Write a finished round: result, labelmap, row of the table."""

    def remove_last_round(self, mask: np.ndarray) -> None:
        """Go back to ``mask``, the result of the round before the last."""

    def clear_rounds(self) -> None:
        """Forget the result and every round; the strokes stay."""

    def clear_strokes(self) -> None:
        """Remove every stroke."""
