"""Segmentations on slices as a head scanner takes them: a tilted gantry, or slices of several thicknesses.

Their frames become a volume by the rules by which the slices of such a CT do, and so lie on its voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from ..words import tr as _
from .dicom_slices import Slice, slices_of
from .dicom_stack import aside_mm, stack

_BINARY = "1.2.840.10008.5.1.4.1.1.66.4"
# Frames that lie further beside each other are of a tilted gantry; positions are rounded to about this.
_ASIDE_MM = 0.1
# Of a thickness or a distance, as files state them.
_TOLERANCE = 0.05


def is_stacked(path: Path, data: Any) -> bool:
    """Whether the frames of a binary segmentation lie beside each other or differ in thickness."""
    if str(data.get("SOPClassUID")) != _BINARY or str(data.get("SegmentationType")) != "BINARY":
        return False
    try:
        slices = _distinct(slices_of(path, data))
        thick = {one.thickness for one in slices if one.thickness}
        return len(slices) > 1 and (len(thick) > 1 or aside_mm(path, slices) > _ASIDE_MM)
    except InputFileError:
        # Whoever reads it as an even volume says what is missing.
        return False


def read_stack(path: Path, seg: Any, numbers: Sequence[int]) -> tuple[sitk.Image, np.ndarray]:
    """An empty image with the geometry of all frames, and uint8 (Z, Y, X, segments) on it.

    Raises InputFileError where slices are missing between frames.
    """
    frames = slices_of(path, seg)
    stacked = stack(path, _distinct(frames))
    slices = stacked.slices
    _check_distance(path, seg, stacked.step, len(stacked.blocks))
    places = {_place(one): index for index, one in enumerate(slices)}
    columns, rows = slices[0].size
    layers = np.zeros((len(slices), rows, columns, len(numbers)), np.uint8)
    pixels = seg.pixel_array.reshape(-1, rows, columns)
    for group, one, plane in zip(seg.PerFrameFunctionalGroupsSequence, frames, pixels, strict=True):
        # Where there is one segment, it may be named once for all frames.
        named = group if "SegmentIdentificationSequence" in group else seg.SharedFunctionalGroupsSequence[0]
        number = int(named.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        layers[places[_place(one)], :, :, numbers.index(number)] |= plane
    first = slices[0]
    size = (columns, rows, sum(stacked.repeats))
    grid = sitk.Image([int(one) for one in size], sitk.sitkUInt8)
    grid.SetOrigin((first.origin + stacked.start * first.direction[:, 2]).tolist())
    grid.SetDirection(first.direction.ravel().tolist())
    grid.SetSpacing((*first.spacing, stacked.step))
    return grid, np.repeat(layers, stacked.repeats, axis=0)


def _distinct(frames: Sequence[Slice]) -> list[Slice]:
    """One frame of each place, ascending."""
    found = {_place(one): one for one in frames}
    return sorted(found.values(), key=lambda one: float(one.origin @ one.direction[:, 2]))


def _place(one: Slice) -> tuple[float, ...]:
    return tuple(np.round(one.origin, 3).tolist())


def _check_distance(path: Path, seg: Any, step: float, blocks: int) -> None:
    """InputFileError where frames of one thickness lie further apart than they are thick."""
    if blocks > 1:
        return
    measures = seg.SharedFunctionalGroupsSequence[0].get("PixelMeasuresSequence") or [{}]
    stated = [float(measures[0].get(name) or 0) for name in ("SpacingBetweenSlices", "SliceThickness")]
    if not any(abs(step - one) <= _TOLERANCE * one for one in stated if one):
        raise InputFileError(
            _(
                "The frames of the DICOM segmentation '{path}' lie {step:g} mm apart, which is "
                "neither their distance nor their thickness: frames may be left out. Save it as "
                ".seg.nrrd in the program that made it, and name that."
            ).format(path=path, step=step)
        )
