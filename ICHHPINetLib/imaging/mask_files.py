"""Masks in files: which voxels are meant, and where they lie on a CT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from ..words import tr as _
from .ct import FileGeometry
from .label_files import LabelFile, check_series, read_labels
from .scribbles_grid import on_grid
from .segment_kinds import HEMATOMA


def marked(file: LabelFile, label: int | None) -> tuple[np.ndarray, list[str]]:
    """Bool (Z, Y, X): what is measured; and a warning that names the labels where several are added up."""
    chosen = [segment for segment in file.segments if segment.number == label]
    if chosen and file.marks(chosen[0]).any():
        return file.marks(chosen[0]), []
    labels = file.label_map()
    present = [int(value) for value in np.unique(labels) if value]
    listed = ", ".join(
        f"{value} ({file.names[value]})" if value in file.names else str(value) for value in present[:10]
    )
    if label is None:
        added = [
            _(
                "All labels were added up: {listed}. Choose one with --label where only one of them is blood."
            ).format(listed=listed)
        ]
        return labels != 0, added if len(present) > 1 else []
    if label not in present:
        raise InputFileError(
            _("'{path}' holds no voxel of label {label}; its labels are {listed}. Check the file.").format(
                path=file.path, label=label, listed=listed or _("none")
            )
        )
    return labels == label, []


def on_ct(marks: np.ndarray, file: LabelFile, ct: sitk.Image, ct_path: Path) -> np.ndarray:
    """``marks`` of a file on the voxels of its CT, which may have another extent or order of axes.

    InputFileError where it is another CT.
    """
    moved = on_grid(marks, file.grid, ct)
    if moved is None:
        raise InputFileError(
            _(
                "'{path}' and '{ct}' lie on different voxel grids. "
                "Name the CT on which the mask was drawn, or leave the CT out."
            ).format(path=file.path, ct=ct_path)
        )
    return moved


def read_start(path: Path, geometry: FileGeometry, ct: str, series: str = "") -> np.ndarray:
    """A mask to go on from, uint8 (Z, Y, X) on the voxels of a CT, which messages call ``ct``.

    Of several segments the one called "Hematoma" is taken. ``series`` is the UID of the CT's DICOM series,
    where ``geometry`` does not know it. InputFileError where no segment is meant, nothing is marked, or the
    mask was drawn on another CT.
    """
    file = read_labels(path)
    check_series(file, geometry, series)
    own = [one.number for one in file.segments if one.name.strip().lower() == HEMATOMA.name.lower()]
    marks, several = marked(file, own[0] if len(own) == 1 else None)
    if several:
        raise InputFileError(
            _(
                "'{path}' holds several labels or segments, none of them called '{name}'. Save the one "
                "to go on from as a file of its own."
            ).format(path=path, name=HEMATOMA.name)
        )
    if not marks.any():
        raise InputFileError(
            _("Nothing is marked in '{path}': there is nothing to go on from.").format(path=path)
        )
    moved = on_grid(marks, file.grid, geometry.image)
    if moved is None:
        raise InputFileError(
            _(
                "'{path}' does not lie on the voxels of '{ct}': it was drawn on another CT, or resampled. "
                "Name the CT that it was drawn on."
            ).format(path=path, ct=ct)
        )
    return np.ascontiguousarray(geometry.reorientation.apply(moved)).astype(np.uint8)
