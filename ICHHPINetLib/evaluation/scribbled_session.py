"""What all methods beside our network share: scribbles that accumulate, a head crop, obeyed scribbles."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from scipy import ndimage

from ..errors import InvalidScribblesError
from ..imaging.ct import CT
from ..interaction.result import RoundResult
from ..interaction.scribbles import Scribbles

_AIR_HU = -200.0
_BOX_STEP = 4


class ScribbledSession(ABC):
    """A session of another method than ours: every round starts from all scribbles so far.

    Parameters
    ----------
    ct: the CT.

    Attributes
    ----------
    warnings: what had to be assumed about the volume.
    scribbles: all scribbles so far; a later one wins over an earlier one.
    """

    name: ClassVar[str]
    needs_background: ClassVar[bool]
    needs_foreground: ClassVar[bool] = True
    device = "cpu"

    def __init__(self, ct: CT) -> None:
        hu = ct.network_hu
        self.warnings = list(ct.warnings)
        self.scribbles = Scribbles.empty(ct.shape)
        self._box = head_box(hu)
        self._hu = np.ascontiguousarray(hu[self._box])
        self._spacing = ct.spacing
        self._mask = np.zeros(ct.shape, np.uint8)
        self._round = 0

    def refine(self, scribbles: Scribbles) -> RoundResult:
        """Segment from these scribbles and all earlier ones.

        Without any foreground scribble the mask is empty, but of methods that need none. Grow-cut
        and watershed need background scribbles as well: until there are some, the mask is the
        foreground scribbles alone and the result's notes say so.

        Raises
        ------
        InvalidScribblesError
            If the scribbles are not on the grid of the volume.
        """
        if scribbles.shape != self._mask.shape:
            raise InvalidScribblesError(
                f"The scribbles are on a grid of {scribbles.shape}, the CT on one of {self._mask.shape}. "
                "Paint both on the grid of the CT."
            )
        start = time.perf_counter()
        together = self.scribbles.merged(scribbles)
        mask = np.zeros(together.shape, np.uint8)
        foreground, background = together.foreground[self._box], together.background[self._box]
        notes = ()
        enough = foreground.any() or not self.needs_foreground
        if enough and (background.any() or not self.needs_background):
            mask[self._box] = self._segment(foreground, background)
        elif foreground.any():
            notes = (f"{self.name} needs background scribbles too; the mask is the scribbles alone.",)
        together.clamp(mask)
        changed = np.flatnonzero((mask != self._mask).any(axis=(1, 2))).tolist()
        self.scribbles, self._mask = together, mask
        self._round += 1
        return RoundResult(
            mask=mask.copy(),
            likely=mask.astype(np.float32),
            round=self._round,
            seconds=time.perf_counter() - start,
            changed_slices=changed,
            device=self.device,
            model=self.name,
            notes=notes,
        )

    @abstractmethod
    def _segment(self, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
        """Bleed (bool) from scribbles, all three (Z, Y, X) on the head crop ``self._hu``."""


def head_box(hu: np.ndarray) -> tuple[slice, slice, slice]:
    """Bounding box of the largest thing that is not air, all slices included.

    ``hu`` is (Z, Y, X). The bleed lies inside whatever the scribbles are, the table and
    the air around the head mostly do not.
    """
    solid = hu[:, ::_BOX_STEP, ::_BOX_STEP] > max(_AIR_HU, float(hu.min()))
    labels, count = ndimage.label(solid)
    if not count:
        return tuple(slice(0, size) for size in hu.shape)
    largest = int(np.bincount(labels.ravel())[1:].argmax()) + 1
    _, rows, columns = ndimage.find_objects(labels)[largest - 1]
    # One coarse voxel of margin makes up for what the strides skipped.
    in_plane = (
        slice(max(0, (side.start - 1) * _BOX_STEP), (side.stop + 1) * _BOX_STEP) for side in (rows, columns)
    )
    return (slice(0, hu.shape[0]), *in_plane)
