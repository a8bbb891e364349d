"""Scribbles from files: Slicer segmentations and plain label maps, on any voxel grid."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InvalidScribblesError, InvalidVolumeError
from ..interaction.scribbles import Scribbles, settle
from ..words import tr as _
from .ct import CT, FileGeometry
from .label_files import LabelFile, check_series, read_labels
from .scribbles_grid import index_to_world, transfer
from .segment_kinds import BACKGROUND, FOREGROUND

# In voxels; positions in files are rounded to about this.
_SAME_GRID = 1e-2
_FOREGROUND_NAMES = {
    FOREGROUND.name.lower(),
    "haemorrhage scribble",
    "foreground scribble",
    "foreground",
    "fg",
}
_BACKGROUND_NAMES = {BACKGROUND.name.lower(), "background", "bg"}


def read_scribbles(path: str | os.PathLike, ct: CT, require_foreground: bool = False) -> Scribbles:
    """Read the scribbles of one round onto the CT's voxel grid.

    Parameters
    ----------
    path: a segmentation of Slicer (.seg.nrrd) with segments named "Hemorrhage scribble" and
        "Background scribble" (or "foreground" and "background"; other segments are left
        alone), or a label map, 1 = bleed, 2 = other tissue.
    ct: the CT, read from a file. Scribbles painted on another grid are moved to the CT's: a CT
        voxel is marked where the center of a scribble voxel lies in it or its own center in
        one, so that a thin scribble is never lost.
    require_foreground: refuse a file without a scribble on the bleed.

    Returns
    -------
    Scribbles on the voxels of ``ct.hu``.

    Raises
    ------
    InputFileError
        If the file is missing or unreadable.
    InvalidScribblesError
        If it has neither of the two segments or other labels, no scribble, no scribble
        inside the CT, or none on the bleed where one is required.
    """
    path = Path(path)
    try:
        file = read_labels(path)
    except InvalidVolumeError as error:
        raise InvalidScribblesError(f"{error} {_wanted()}") from error
    image, geometry = file.grid, ct.file_geometry
    check_series(file, geometry)
    foreground, background = _scribbles(file)
    if not foreground.any() and not background.any():
        raise InvalidScribblesError(
            _("'{path}' holds no scribble. {wanted}").format(path=path, wanted=_wanted())
        )
    if require_foreground and not foreground.any():
        raise InvalidScribblesError(
            _(
                "'{path}' marks no bleed: '{foreground}' (label 1) is empty or missing. Draw at "
                "least one scribble on the bleed."
            ).format(path=path, foreground=FOREGROUND.name)
        )
    grid = geometry.image
    shape = grid.GetSize()[::-1]
    matrix = np.linalg.solve(index_to_world(grid), index_to_world(image))
    own_grid = image.GetSize()[:3] == grid.GetSize() and np.allclose(matrix, np.eye(4), atol=_SAME_GRID)
    by_slice = not own_grid and _is_of_acquired_slices(image, geometry)
    if geometry.sheared_mm and not own_grid and not by_slice:
        raise InvalidScribblesError(
            _(
                "The gantry of this CT was tilted, and scribbles on another grid than its own, as "
                "'{path}' has, would be read up to {aside:.0f} mm beside their place. Save the CT on "
                "which they were painted as NRRD, and name that instead of the DICOM folder."
            ).format(path=path, aside=geometry.sheared_mm)
        )
    if file.warnings and not own_grid:
        raise InvalidScribblesError(
            _(
                "Where the scribbles in '{path}' lie is in doubt. {warnings} Draw or save them on "
                "the CT's own grid."
            ).format(path=path, warnings=" ".join(file.warnings))
        )
    bleed, tissue = (
        np.repeat(scribbles, geometry.repeats, axis=0) if by_slice else transfer(scribbles, matrix, shape)
        for scribbles in (foreground, background)
    )
    if not bleed.any() and not tissue.any():
        raise InvalidScribblesError(
            _(
                "No scribble of '{path}' lies inside the CT: scribbles at {scribbles}, the CT at "
                "{ct} (mm, LPS). Paint on the CT that is to be segmented."
            ).format(path=path, scribbles=_extent(image, foreground | background), ct=_extent(grid))
        )
    if require_foreground and not bleed.any():
        raise InvalidScribblesError(
            _("The scribbles on the bleed in '{path}' all lie outside the CT. Draw one inside it.").format(
                path=path
            )
        )
    on_ct = geometry.reorientation.apply(bleed), geometry.reorientation.apply(tissue)
    if not (foreground & background).any():
        # On a coarser grid, neighbors may share a voxel.
        return settle(*on_ct)
    return Scribbles(*on_ct)


def _scribbles(file: LabelFile) -> tuple[np.ndarray, np.ndarray]:
    """Foreground and background, bool (Z, Y, X) on the file's own grid."""
    if file.segments:
        return _from_segments(file)
    labels = file.label_map()
    odd = np.setdiff1d(np.unique(labels), (0, 1, 2))
    if odd.size:
        found = ", ".join(f"{value:g}" for value in odd[:5])
        raise InvalidScribblesError(
            _(
                "The label map '{path}' has other labels than 1 (bleed) and 2 (other tissue): "
                "{found}. {wanted}"
            ).format(path=file.path, found=found, wanted=_wanted())
        )
    return labels == 1, labels == 2


def _from_segments(file: LabelFile) -> tuple[np.ndarray, np.ndarray]:
    marks = np.zeros((2, *file.layers.shape[:3]), bool)
    known = False
    for segment in file.segments:
        for index, names in enumerate((_FOREGROUND_NAMES, _BACKGROUND_NAMES)):
            if segment.name.strip().lower() in names:
                known = True
                marks[index] |= file.marks(segment)
    if not known:
        found = ", ".join(f"'{segment.name}'" for segment in file.segments)
        raise InvalidScribblesError(
            _("'{path}' has no scribble segments; it has {found}. {wanted}").format(
                path=file.path, found=found, wanted=_wanted()
            )
        )
    return marks[0], marks[1]


def _is_of_acquired_slices(image: sitk.Image, geometry: FileGeometry) -> bool:
    """Whether ``image`` has one plane for each slice of the CT's DICOM series, as programs load it.

    They know one slice distance, and no tilt of the gantry: their planes are the CT's, their places are not.
    """
    grid, repeats = geometry.image, geometry.repeats
    if image.GetSize()[:3] != (*grid.GetSize()[:2], len(repeats)):
        return False
    own, other = index_to_world(grid), index_to_world(image)
    normal = np.cross(own[:3, 0], own[:3, 1])
    apart = other[:3, 3] - own[:3, 3]
    along = apart @ normal / np.linalg.norm(normal)
    beside = np.linalg.norm(apart - along * normal / np.linalg.norm(normal))
    # The first slice is as thick as its planes together.
    return (
        np.allclose(own[:3, :2], other[:3, :2], atol=_SAME_GRID * min(grid.GetSpacing()))
        and beside < min(grid.GetSpacing()[:2])
        and abs(along) <= repeats[0] * grid.GetSpacing()[2]
    )


def _wanted() -> str:
    return _(
        "Paint two segments named '{foreground}' and '{background}', or save a label map with 1 "
        "on the bleed and 2 on other tissue."
    ).format(foreground=FOREGROUND.name, background=BACKGROUND.name)


def _extent(image: sitk.Image, marks: np.ndarray | None = None) -> str:
    """Where marked voxels lie, all if None, as text: lowest to highest mm of each axis."""
    bounds = np.array([[0, size - 1] for size in image.GetSize()])
    if marks is not None:
        bounds = np.array([[axis.min(), axis.max()] for axis in np.nonzero(marks)[::-1]])
    corners = np.stack(np.meshgrid(*bounds, [1.0], indexing="ij"), axis=-1).reshape(-1, 4)
    points = corners @ index_to_world(image).T
    pairs = zip("xyz", points.min(axis=0), points.max(axis=0), strict=False)
    return ", ".join(f"{axis} {low:.0f}..{high:.0f}" for axis, low, high in pairs)
