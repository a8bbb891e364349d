"""CT files: NRRD, NIfTI, MetaImage and DICOM, through SimpleITK; results are written by ``writing``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from ..words import tr as _
from .acquisition_words import color_file, single_slice_file, time_series_file
from .ct import CT, FileGeometry
from .dicom import is_dicom_file, read_dicom_file, read_dicom_files, read_dicom_folder
from .integrity import formats
from .label_files import is_segmentation
from .open_image import check_perpendicular, doubts_about_size, open_image

_CT_ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")


def read_ct(path: str | os.PathLike, series: str | None = None) -> CT:
    """Read a CT from an NRRD, NIfTI or MetaImage file, a DICOM folder or a multi-frame DICOM file.

    ``series`` is the UID of the series to read where the folder holds several.

    Raises
    ------
    InputFileError
        If the path does not exist, cannot be read, holds several series, lacks slices
        or is a color picture or a time series.
    InvalidVolumeError
        If what was read is no CT volume (see ``acquisition``).
    """
    path = Path(path)
    if not path.exists():
        raise InputFileError(
            _("'{path}' does not exist. Name a CT: {formats}.").format(path=path, formats=formats())
        )
    if series and not path.is_dir():
        raise InputFileError(
            _("'{path}' is a file; a series is chosen from a DICOM folder.").format(path=path)
        )
    if path.is_dir():
        geometry, warnings = read_dicom_folder(path, series)
    elif is_dicom_file(path):
        geometry, warnings = read_dicom_file(path)
    else:
        geometry, warnings = _read_file(path)
    return _ct(geometry, warnings, _short_name(path))


def read_ct_of_files(paths: Sequence[Path], name: str) -> CT:
    """Read a CT from the DICOM files of its slices, or from the one of a multi-frame series.

    Raises as ``read_ct`` does for a folder.
    """
    read = read_dicom_files if len(paths) > 1 else lambda one: read_dicom_file(one[0])
    return _ct(*read(paths), name)


def _ct(geometry: FileGeometry, warnings: Sequence[str], name: str) -> CT:
    order = geometry.reorientation
    volume = np.ascontiguousarray(order.apply(sitk.GetArrayFromImage(geometry.image)))
    spacing = order.spacing(geometry.image.GetSpacing()[::-1])
    return CT.of_array(volume, spacing, geometry, warnings, name)


def _read_file(path: Path) -> tuple[FileGeometry, list[str]]:
    image, warnings = read_image(path)
    if not path.name.lower().endswith(_CT_ENDINGS):
        raise InputFileError(
            _("The format of '{path}' says too little of its voxels. Name a CT: {formats}.").format(
                path=path, formats=formats()
            )
        )
    check_perpendicular(image, path)
    if image.GetDimension() == 2 or image.GetSize()[2] < 2:
        raise InputFileError(single_slice_file(path=path))
    return FileGeometry(image), [*warnings, *doubts_about_size(image, path)]


def read_image(path: str | os.PathLike) -> tuple[sitk.Image, list[str]]:
    """Read a file of one gray value a voxel, in two or three dimensions; and doubts about its place.

    Raises InputFileError, which names the file, for everything else.
    """
    image, doubts = open_image(path)
    if is_segmentation(image):
        raise InputFileError(
            _("'{path}' is a segmentation, not a CT. Name the CT on which it was drawn.").format(path=path)
        )
    values, dimensions = image.GetNumberOfComponentsPerPixel(), image.GetDimension()
    if values > 1:
        raise InputFileError(color_file(path=path, values=values))
    if dimensions > 3:
        sizes = " x ".join(str(size) for size in image.GetSize())
        raise InputFileError(time_series_file(path=path, dimensions=dimensions, sizes=sizes))
    return image, doubts


def _short_name(path: Path) -> str:
    name = path.resolve().name
    if path.is_dir():
        return name
    for ending in (*_CT_ENDINGS, ".dcm"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name
