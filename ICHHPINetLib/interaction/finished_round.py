"""A finished round that can be put away small: eight rounds of a thin-slice CT would not fit into memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..imaging.working_grid import WorkingGrid
from .result import RoundResult
from .scribbles import Scribbles, read_only

_NOTHING = np.empty(0)


@dataclass(frozen=True)
class FinishedRound:
    """A round with all strokes up to it.

    Attributes
    ----------
    result: its arrays are those of the grid of the CT.
    scribbles: all strokes that the round knew.
    coarse: probability on the working grid, float32, before the strokes were enforced.
    """

    result: RoundResult
    scribbles: Scribbles
    coarse: np.ndarray

    def packed(self) -> PackedRound:
        """The same in a small part of the memory."""
        arrays = self.result.mask, self.scribbles.foreground, self.scribbles.background
        return PackedRound(
            replace(self.result, mask=_NOTHING, likely=_NOTHING),
            self.result.mask.shape,
            tuple(np.packbits(array) for array in arrays),
            self.coarse,
        )


@dataclass(frozen=True)
class PackedRound:
    """What ``FinishedRound.packed`` keeps: masks as bits, the probability as coarse as it was computed."""

    header: RoundResult
    shape: tuple[int, int, int]
    bits: tuple[np.ndarray, ...]
    coarse: np.ndarray

    def unpacked(self, grid: WorkingGrid) -> FinishedRound:
        """The round as it was, to the bit."""
        mask, foreground, background = (
            np.unpackbits(bits, count=int(np.prod(self.shape))).reshape(self.shape) for bits in self.bits
        )
        scribbles = Scribbles(foreground, background).frozen()
        likely = partial(lifted, grid, self.coarse, scribbles)
        result = replace(self.header, mask=read_only(mask), likely=likely)
        return FinishedRound(result, scribbles, self.coarse)


def lifted(grid: WorkingGrid, coarse: np.ndarray, scribbles: Scribbles) -> np.ndarray:
    """Probability (Z, Y, X) on the grid of the CT, float32, from that on the working grid; read-only."""
    return read_only(scribbles.clamp(grid.lift(coarse)))
