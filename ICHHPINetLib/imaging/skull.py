"""Finds the skull where HU were cut off below the density of bone.

A preprocessing or a display window that ends at 80 HU leaves bone as dense as blood, and a network
takes it for blood.
"""

from __future__ import annotations

import numpy as np

from ..words import tr as _

# Below the first, fresh blood is cut off as well; above the second, bone is bone.
BLOOD_HU, BONE_HU = 75.0, 300.0
# Voxels so near the highest value count as cut off, and a skull is more of a CT than this.
_ROUNDING_HU, _LEAST_SHARE = 0.8, 0.002
# A skull spans most of a head both ways, a bright clot in a brain without its skull does not.
_LEAST_SPAN = 0.6
_STEP = 4
# Planes of so many pixels have pixels of about half a millimetre; a skull is thicker than five of these.
_FINE_PLANE = 256


def cut_off_skull(hu: np.ndarray) -> tuple[np.ndarray | None, list[str]]:
    """Where the skull is that was cut off, bool (Z, Y, X), and a warning; None where none is found.

    ``hu`` is (Z, Y, X), float32.
    """
    if not is_cut_off(hu):
        return None, []
    high = float(hu.max())
    cut = hu >= high - _ROUNDING_HU
    if high < BLOOD_HU - _ROUNDING_HU:
        wrong = _(
            "The CT's HU were cut off at {high:g}, so that bone looks like blood: expect a wrong "
            "result. Load the original CT."
        ).format(high=high)
        return None, [wrong]
    skull = _skull(cut)
    if not _spans(skull, hu):
        return None, [
            _("The CT's HU were cut off at {high:g}. Load the original CT where you have it.").format(
                high=high
            )
        ]
    restored = _(
        "The CT's HU were cut off at {high:g}; the skull was given the density of bone again. "
        "Load the original CT where you have it."
    ).format(high=high)
    return skull, [restored]


def is_cut_off(hu: np.ndarray) -> bool:
    """Whether many voxels have the highest value, and that is less than bone has."""
    high = float(hu.max())
    return high < BONE_HU and bool(np.count_nonzero(hu >= high - _ROUNDING_HU) >= _LEAST_SHARE * hu.size)


def _skull(cut: np.ndarray) -> np.ndarray:
    """Bool (Z, Y, X): the largest solid part, and what is cut off within a few pixels of it.

    Blood at the skull is cut off in speckles, where noise carries it over the edge; bone is solid.
    """
    # Not at the top: Slicer's modules import this at every start, and hardly any CT needs it.
    import SimpleITK as sitk

    radius = max(1, round(min(cut.shape[1:]) / _FINE_PLANE))
    image = sitk.GetImageFromArray(cut.astype(np.uint8))
    solid = sitk.BinaryErode(image, (radius, radius, 0), sitk.sitkBox)
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(solid), sortByObjectSize=True)
    near = sitk.BinaryDilate(parts == 1, (radius + 1, radius + 1, 0), sitk.sitkBox)
    return sitk.GetArrayFromImage(near & image) > 0


def _spans(skull: np.ndarray, hu: np.ndarray) -> bool:
    """Whether the skull reaches over the head, the largest thing that is no air, both ways in plane."""
    import SimpleITK as sitk

    solid = sitk.GetImageFromArray((hu[:, ::_STEP, ::_STEP] > 0).astype(np.uint8))
    head = sitk.RelabelComponent(sitk.ConnectedComponent(solid), sortByObjectSize=True) == 1
    ours, whole = _lengths(skull), _lengths(sitk.GetArrayFromImage(head))
    return all(one >= _LEAST_SPAN * _STEP * other for one, other in zip(ours, whole, strict=True))


def _lengths(part: np.ndarray) -> list[int]:
    """Rows and columns from the first to the last one that ``part`` reaches."""
    there = [np.flatnonzero(part.any(axis=axes)) for axes in ((0, 2), (0, 1))]
    return [int(np.ptp(one)) if one.size else 0 for one in there]
