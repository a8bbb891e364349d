"""What a round reports while it runs and when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .doubt import Doubt


@dataclass(frozen=True)
class Progress:
    """One step of a running round.

    Attributes
    ----------
    fraction: done so far, 0 to 1.
    stage: "prepare", "volume", "slice", "propagate" or "done".
    slice_index: slice of the CT that was just segmented, if any. One that was scribbled is told twice: at
        once, and when the volume is known.
    mask_slice: its mask, uint8 (Y, X), 0/1.
    """

    fraction: float
    stage: str
    slice_index: int | None = None
    mask_slice: np.ndarray | None = None


@dataclass(frozen=True)
class RoundResult:
    """Outcome of one round.

    Attributes
    ----------
    mask: uint8 (Z, Y, X), 0/1, in the grid of the CT; read-only, as it is the memory of the next round.
    likely: what ``probability`` returns, or a function that makes it.
    round: number of the round, from 1.
    seconds: wall time of the round.
    changed_slices: slices in which the mask differs from the previous round's.
    device: where the round was computed, as PyTorch names it.
    model: name of the network.
    notes: sentences for the user, such as a retry on another device.
    doubt: where the mask may be wrong; None for a round from a saved scene.
    """

    mask: np.ndarray
    likely: np.ndarray | Callable[[], np.ndarray] = field(repr=False, compare=False)
    round: int
    seconds: float
    changed_slices: list[int]
    device: str
    model: str
    notes: tuple[str, ...] = field(default=())
    doubt: Doubt | None = field(default=None, repr=False, compare=False)

    @property
    def probability(self) -> np.ndarray:
        """float32 (Z, Y, X), 0 to 1; exactly 1 or 0 on scribbled voxels; read-only.

        Made when it is asked for: for a CT of thin slices it is larger than all else together.
        """
        return self.likely() if callable(self.likely) else self.likely
