"""Measures a hematoma mask."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..errors import InvalidVolumeError
from ..imaging.acquisition import check_spacing
from ..imaging.labels import check_mask
from ..words import tr as _
from .abc2 import abc_diameters
from .foci import find_foci


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What a mask says about the hematoma.

    ``volume_ml`` is the sum of voxel volumes. ``abc2_ml`` is the bedside estimate, summed
    over the foci as a reader does; ``a_mm``, ``b_mm`` and ``c_mm`` are those of the
    largest focus. ``foci`` counts 26-connected parts, ``slices`` those with bleed.
    ``hu_mean`` and ``hu_sd`` are None without a volume or without a bleed.
    """

    volume_ml: float
    abc2_ml: float
    a_mm: float
    b_mm: float
    c_mm: float
    foci: int
    slices: int
    hu_mean: float | None
    hu_sd: float | None

    def as_dict(self) -> dict[str, float | int | None]:
        """The fields by name, ready for JSON."""
        return dataclasses.asdict(self)


def measure(mask: np.ndarray, spacing: Sequence[float], volume: np.ndarray | None = None) -> Measurement:
    """Measure a mask (Z, Y, X), bleed wherever it is not 0, axis 0 across the axial slices.

    ``spacing`` is mm (z, y, x); ``volume`` are the HU of the same voxels. Raises
    InvalidVolumeError where shapes or spacing do not fit, or the mask holds fractions. The ABC/2 rule and its
    source are in ``abc2``.
    """
    mask = np.asarray(mask)
    if mask.ndim != 3:
        raise InvalidVolumeError(
            _("The mask has {dimensions} dimensions; pass a single-channel mask of shape (Z, Y, X).").format(
                dimensions=mask.ndim
            )
        )
    steps = check_spacing(spacing)
    bleed = check_mask(mask)
    if volume is not None and np.shape(volume) != bleed.shape:
        raise InvalidVolumeError(
            _(
                "The mask {mask_shape} and the CT {ct_shape} differ in shape; pass both on the same "
                "voxel grid."
            ).format(mask_shape=bleed.shape, ct_shape=np.shape(volume))
        )
    foci = find_foci(bleed)
    diameters = [abc_diameters(focus.part, steps) for focus in foci] or [(0.0, 0.0, 0.0)]
    values = None if volume is None or not foci else np.asarray(volume)[bleed].astype(np.float64)
    return Measurement(
        volume_ml=float(np.count_nonzero(bleed) * np.prod(steps) / 1000.0),
        abc2_ml=float(sum(a * b * c for a, b, c in diameters) / 2.0 / 1000.0),
        a_mm=diameters[0][0],
        b_mm=diameters[0][1],
        c_mm=diameters[0][2],
        foci=len(foci),
        slices=int(bleed.any(axis=(1, 2)).sum()),
        hu_mean=None if values is None else float(values.mean()),
        hu_sd=None if values is None else float(values.std()),
    )
