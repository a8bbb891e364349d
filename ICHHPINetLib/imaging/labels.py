"""What counts as labels: one rule for every mask, whatever program made it."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidVolumeError
from ..words import tr as _

# Files keep labels as scaled bytes, so that a 1 comes back as 1.0000153, or as 1.0039 from eight bits.
_ROUNDING = 0.01
# A mask has few values, or regions of one value; a CT has many that change from voxel to voxel.
_FEW, _UNLIKE_NEIGHBORS = 16, 0.3


def whole_labels(values: np.ndarray) -> np.ndarray:
    """The labels of a mask (Z, Y, X) as bool or integers, rounding noise of its file removed.

    Raises
    ------
    InvalidVolumeError
        If the values are no labels: fractions, NaN, negative numbers, or an image such as a CT.
    """
    values = np.asarray(values)
    if values.dtype.kind == "b":
        return values
    if values.dtype.kind not in "iuf":
        raise InvalidVolumeError(
            _("The mask's voxels are of type {kind}; pass labels.").format(kind=values.dtype)
        )
    if values.dtype.kind == "f":
        values = _rounded(values)
    if _looks_like_an_image(values):
        raise InvalidVolumeError(
            _(
                "It looks like a CT or another image, not like a mask: its values run from {low:g} "
                "to {high:g} and change from voxel to voxel. Name the mask."
            ).format(low=values.min(), high=values.max())
        )
    if values.size and values.min() < 0:
        raise InvalidVolumeError(
            _(
                "The mask holds negative values ({low:g}), which are no labels; set what is unmarked to 0."
            ).format(low=values.min())
        )
    return values


def check_mask(mask: np.ndarray) -> np.ndarray:
    """Bool of a mask of any shape: True wherever it is not 0. InvalidVolumeError where it holds no labels."""
    return whole_labels(mask) != 0


def _rounded(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        whole = np.rint(values)
        # Not finite: their difference is NaN, and no comparison with it holds.
        near = np.abs(values - whole) <= _ROUNDING
    if not near.all():
        raise InvalidVolumeError(
            _("The mask holds fractions or NaN, not labels; pass a mask, for example probability >= 0.5.")
        )
    if whole.size and np.abs(whole).max() > np.iinfo(np.int32).max:
        raise InvalidVolumeError(
            _("The mask holds {value:g}, which is no label.").format(value=np.abs(whole).max())
        )
    return whole.astype(np.int32)


def _looks_like_an_image(values: np.ndarray) -> bool:
    if values.ndim != 3 or not values.size or int(values.max()) - min(int(values.min()), 0) <= _FEW:
        return False
    one, other = values[..., :-1], values[..., 1:]
    both = (one != 0) & (other != 0)
    pairs = np.count_nonzero(both)
    unlike = np.count_nonzero(both & (one != other))
    return bool(pairs and unlike > _UNLIKE_NEIGHBORS * pairs and len(np.unique(one[both])) > _FEW)
