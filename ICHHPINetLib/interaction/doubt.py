"""Where a mask may be wrong: the slice to look at next, and how sure its milliliters are.

A voxel is in doubt as far as VIM and the whole network are undecided about it, or disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ..imaging.working_grid import WorkingGrid

# The interval reaches as far as if this many times the blood in doubt were wrong on one side.
_REACH = 1.5
# Less is found in every slice of a bleed, along its border.
_WORTH_A_LOOK_MM2 = 20.0
# Where somebody has scribbled already, the network is less wrong than it is unsure.
_SCRIBBLED = 0.5
_OUTLINED = 0.3
_NEIGHBORHOOD = 4


@dataclass(frozen=True)
class Doubt:
    """What a round is unsure of.

    Attributes
    ----------
    areas: float32 (Z,), mm2 of each slice of the CT that are expected to be wrong.
    interval_ml: between which volumes the true one is expected.
    """

    areas: np.ndarray
    interval_ml: tuple[float, float]
    _grid: WorkingGrid = field(repr=False)
    _coarse: np.ndarray = field(repr=False)

    @property
    def slices(self) -> list[int]:
        """Slices that are worth a look, the most doubtful first; of thin ones the middle of each group."""
        groups = [self._grid.source_slices(index) for index in range(self._grid.depth)]
        middles = [group[len(group) // 2] for group in groups]
        order = sorted(middles, key=lambda index: -self.areas[index])
        return [index for index in order if self.areas[index] >= _WORTH_A_LOOK_MM2]

    def plane(self, index: int) -> np.ndarray:
        """How likely each voxel of a slice is wrong, float32 (Y, X)."""
        return self._grid.slice_on_ct(self._coarse[index // self._grid.group].astype(np.float32))

    def outline(self, index: int) -> np.ndarray:
        """The part of a slice that is in doubt, bool (Y, X)."""
        return self.plane(index) >= _OUTLINED

    def place(self, index: int) -> tuple[int, int]:
        """Row and column of a slice, about which there is most doubt."""
        plane = self.plane(index)
        # Sums over a neighborhood from sums over everything above and to the left.
        side = 2 * _NEIGHBORHOOD + 1
        sums = np.pad(plane, _NEIGHBORHOOD).cumsum(0).cumsum(1)
        sums = np.pad(sums, ((1, 0), (1, 0)))
        around = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
        row, column = np.unravel_index(around.argmax(), plane.shape)
        return int(row), int(column)


def doubt_of(
    probability: np.ndarray,
    volume_probability: np.ndarray,
    grid: WorkingGrid,
    spacing: tuple[float, float, float],
    volume_ml: float,
    scribbled: Iterable[int] = (),
) -> Doubt:
    """The doubt about a round.

    Parameters
    ----------
    probability, volume_probability: of the whole network, and of VIM alone, (Z, Y, X) on the working grid.
    spacing: of the CT, mm (z, y, x).
    volume_ml: of the round's mask.
    scribbled: slices of the CT with scribbles.
    """
    least, most = np.minimum(probability, volume_probability), np.maximum(probability, volume_probability)
    # Of two that agree, the distance to certainty; of two that are certain and disagree, one.
    coarse = np.minimum(most, 1 - least)
    pixel_mm2 = grid.pixel_mm2(spacing)
    depths_mm = np.array([len(grid.source_slices(index)) * spacing[0] for index in range(grid.depth)])
    marked = probability >= 0.5
    surplus, missing = (
        float((np.where(part, coarse, 0).sum((1, 2)) * depths_mm).sum() * pixel_mm2 / 1000)
        for part in (marked, ~marked)
    )
    areas = coarse.sum((1, 2), dtype=np.float32) * np.float32(pixel_mm2)
    areas[sorted({index // grid.group for index in scribbled})] *= _SCRIBBLED
    areas = np.repeat(areas, grid.group)[: grid.shape[0]]
    interval = max(0.0, volume_ml - _REACH * surplus), volume_ml + _REACH * missing
    areas.setflags(write=False)
    return Doubt(areas, interval, grid, coarse.astype(np.float16))
