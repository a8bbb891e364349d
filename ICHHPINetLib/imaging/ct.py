"""A head CT that was checked and calibrated, once, wherever it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InvalidVolumeError
from ..words import tr as _
from .acquisition import check_spacing, check_volume
from .hu_calibration import to_hu
from .orientation import Reorientation, to_canonical
from .skull import BONE_HU, cut_off_skull

if TYPE_CHECKING:
    import SimpleITK as sitk

    from .dicom_slices import Slice

_LOOKED_AT = 32


@dataclass(frozen=True)
class FileGeometry:
    """How a CT lies in its file or DICOM series.

    ``image`` is the SimpleITK image, in the order of the file. ``sheared_mm`` is how far its last slice lies
    beside the place that it gives it, after a tilt of the gantry. ``repeats`` says, for a DICOM series, how
    many planes of ``image`` each acquired slice fills, in order: 1, but for slices of several thicknesses.
    ``slices`` tells in a few words, for a caption, what is unusual about them; ``acquired`` are the slices
    themselves, in that order.
    """

    image: sitk.Image
    sheared_mm: float = 0.0
    repeats: tuple[int, ...] = ()
    slices: str = ""
    acquired: tuple[Slice, ...] = field(default=(), repr=False, compare=False)

    @cached_property
    def reorientation(self) -> Reorientation:
        """Order of the file to canonical order and back."""
        shape, direction = self.image.GetSize()[::-1], np.array(self.image.GetDirection()).reshape(3, 3)
        return to_canonical(np.broadcast_to(np.uint8(0), shape), direction)[1]


@dataclass(frozen=True, eq=False)
class CT:
    """What sessions, measurements and pictures work on.

    Attributes
    ----------
    hu: HU, float32 (Z, Y, X) in canonical order: feet to head, front to back, patient's right to left.
    spacing: mm (z, y, x).
    geometry: how it lies in its file; None where it comes from elsewhere.
    warnings: what was odd about it but could be worked with, and what had to be assumed.
    name: for people.
    lost_skull: bool (Z, Y, X), where HU were cut off below bone though a skull is there; None where not.
    """

    hu: np.ndarray
    spacing: tuple[float, float, float]
    geometry: FileGeometry | None = None
    warnings: tuple[str, ...] = ()
    name: str = ""
    lost_skull: np.ndarray | None = None

    @classmethod
    def of_array(
        cls,
        volume: np.ndarray,
        spacing: Sequence[float] | None,
        geometry: FileGeometry | None = None,
        warnings: Sequence[str] = (),
        name: str = "",
    ) -> CT:
        """Check and calibrate ``volume``, (Z, Y, X) in canonical order and of any real dtype.

        ``spacing`` is mm (z, y, x), ``warnings`` what its reader has to say. Raises InvalidVolumeError where
        it cannot be a CT; the message says what to do.
        """
        doubts = check_volume(volume, spacing)
        hu, assumed = to_hu(volume)
        lost_skull, lost = cut_off_skull(hu)
        steps = check_spacing(spacing)
        return cls(hu, steps, geometry, (*warnings, *doubts, *assumed, *lost), name, lost_skull)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Z, Y, X)."""
        return self.hu.shape

    @property
    def file_geometry(self) -> FileGeometry:
        """``geometry`` of a CT from a file; InvalidVolumeError for one from elsewhere."""
        if self.geometry is None:
            raise InvalidVolumeError(_("The CT was not read from a file, whose geometry others could share."))
        return self.geometry

    @property
    def network_hu(self) -> np.ndarray:
        """As the network should see it: HU (Z, Y, X), a skull that was cut off as dense as bone again."""
        return self.hu if self.lost_skull is None else np.where(self.lost_skull, np.float32(BONE_HU), self.hu)


def as_ct(volume: np.ndarray | CT, spacing: Sequence[float] | None = None) -> CT:
    """A CT as it is, an array as ``CT.of_array`` makes one."""
    return volume if isinstance(volume, CT) else CT.of_array(volume, spacing)


def first_look(volume: np.ndarray, spacing: Sequence[float]) -> list[str]:
    """Nearly the warnings of the CT of an array, before there is one; raises as ``CT.of_array`` does.

    Quick on CTs of any size: what the values mean is judged by some of many slices.
    """
    doubts = check_volume(volume, spacing)
    hu, assumed = to_hu(volume[:: max(1, len(volume) // _LOOKED_AT)])
    return [*doubts, *assumed, *cut_off_skull(hu)[1]]
