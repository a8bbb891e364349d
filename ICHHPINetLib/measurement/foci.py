"""The separate parts of a hematoma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class Focus:
    """A 26-connected part of a mask.

    Attributes
    ----------
    start: index (z, y, x) of its bounding box.
    part: bool (Z, Y, X), the focus in its bounding box.
    """

    start: tuple[int, int, int]
    part: np.ndarray

    @property
    def voxels(self) -> int:
        return int(np.count_nonzero(self.part))

    @property
    def middle(self) -> tuple[int, int, int]:
        """The voxel of the focus that is closest to the middle of its largest slice, (z, y, x)."""
        z = int(self.part.sum(axis=(1, 2)).argmax())
        places = np.argwhere(self.part[z])
        y, x = places[np.linalg.norm(places - places.mean(axis=0), axis=1).argmin()].tolist()
        return self.start[0] + z, self.start[1] + y, self.start[2] + x


def find_foci(bleed: np.ndarray) -> list[Focus]:
    """The foci of a mask (Z, Y, X), bleed wherever it is not 0, the largest first."""
    bleed = np.asarray(bleed) != 0
    if not bleed.any():
        return []
    # Labels of a whole thin-slice CT take a second, and four times its memory.
    box = tuple(_range(bleed.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1)))
    labels, _ = ndimage.label(bleed[box], structure=np.ones((3, 3, 3), dtype=bool))
    foci = [
        Focus(_start(within, box), labels[within] == index)
        for index, within in enumerate(ndimage.find_objects(labels), start=1)
    ]
    return sorted(foci, key=lambda focus: -focus.voxels)


def _range(present: np.ndarray) -> slice:
    where = np.flatnonzero(present)
    return slice(int(where[0]), int(where[-1]) + 1)


def _start(within: tuple[slice, ...], box: tuple[slice, ...]) -> tuple[int, int, int]:
    z, y, x = (outer.start + inner.start for inner, outer in zip(within, box, strict=True))
    return z, y, x
