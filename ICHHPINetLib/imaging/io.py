"""CT files: NRRD, NIfTI, MetaImage and DICOM, through SimpleITK; results are written by ``writing``.

Arrays keep the order in which the file stores them; the SimpleITK image beside them
carries the geometry, so that results land on exactly the same voxels.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from .dicom import is_dicom_file, read_dicom_file, read_dicom_folder
from .integrity import FORMATS
from .label_files import is_segmentation
from .open_image import check_perpendicular, doubts_about_size, nifti_doubts, open_image
from .output_files import check_writable
from .scribble_files import read_scribbles
from .validation import check_volume
from .writing import write_labelmap, write_segmentation

__all__ = [
    "CTImage",
    "check_writable",
    "read_ct",
    "read_image",
    "read_scribbles",
    "write_labelmap",
    "write_segmentation",
]

_CT_ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")


@dataclass(frozen=True)
class CTImage:
    """A CT as it lies in its file.

    ``array`` is (Z, Y, X) in stored order, ``spacing`` mm (z, y, x), ``image`` the
    SimpleITK image with the full geometry, ``name`` a short name for people and
    ``warnings`` what was odd about the file but could be worked with. ``sheared_mm`` is how far
    the last slice lies beside the place that ``image`` gives it, after a tilt of the gantry.
    ``repeats`` says, for a DICOM series, how many planes of ``image`` each acquired slice fills, and
    ``slices`` what is unusual about them, for a caption.
    """

    array: np.ndarray
    spacing: tuple[float, float, float]
    image: sitk.Image
    name: str
    warnings: list[str] = field(default_factory=list)
    sheared_mm: float = 0.0
    repeats: tuple[int, ...] = ()
    slices: str = ""

    @property
    def direction(self) -> np.ndarray:
        """3 x 3, in its columns the LPS directions of the index axes i, j, k."""
        return np.array(self.image.GetDirection()).reshape(3, 3)


def read_ct(path: str | os.PathLike, series: str | None = None) -> CTImage:
    """Read a CT from an NRRD, NIfTI or MetaImage file, a DICOM folder or a multi-frame DICOM file.

    ``series`` is the UID of the series to read where the folder holds several.

    Raises
    ------
    InputFileError
        If the path does not exist, cannot be read, holds several series, lacks slices
        or is a color picture or a time series.
    InvalidVolumeError
        If what was read is no CT volume (see ``check_volume``).
    """
    path = Path(path)
    if not path.exists():
        raise InputFileError(f"'{path}' does not exist. Name a CT: {FORMATS}.")
    if series and not path.is_dir():
        raise InputFileError(f"'{path}' is a file; a series is chosen from a DICOM folder.")
    geometry: dict[str, Any] = {}
    if path.is_dir() or is_dicom_file(path):
        volume = read_dicom_folder(path, series) if path.is_dir() else read_dicom_file(path)
        image, warnings = volume.image, volume.warnings
        geometry = {name: getattr(volume, name) for name in ("sheared_mm", "repeats", "slices")}
    else:
        image, warnings = _read_file(path)
    array = sitk.GetArrayFromImage(image)
    x, y, z = image.GetSpacing()
    spacing = (z, y, x)
    warnings += check_volume(array, spacing)
    return CTImage(array, spacing, image, _short_name(path), warnings, **geometry)


def _read_file(path: Path) -> tuple[sitk.Image, list[str]]:
    image = read_image(path)
    if not path.name.lower().endswith(_CT_ENDINGS):
        raise InputFileError(f"The format of '{path}' says too little of its voxels. Name a CT: {FORMATS}.")
    check_perpendicular(image, path)
    if image.GetDimension() == 2 or image.GetSize()[2] < 2:
        raise InputFileError(
            f"'{path}' holds a single 2D slice, but a volume is needed. Load the whole series."
        )
    return image, [*nifti_doubts(path, image), *doubts_about_size(image, path)]


def read_image(path: str | os.PathLike) -> sitk.Image:
    """Read a file of one gray value a voxel, in two or three dimensions.

    Raises InputFileError, which names the file, for everything else.
    """
    image = open_image(path)
    if is_segmentation(image):
        raise InputFileError(f"'{path}' is a segmentation, not a CT. Name the CT on which it was drawn.")
    values = image.GetNumberOfComponentsPerPixel()
    if values > 1:
        raise InputFileError(
            f"'{path}' has {values} values a voxel, as a color (RGB) picture has. "
            "Load the original gray-value CT series."
        )
    if image.GetDimension() > 3:
        raise InputFileError(
            f"'{path}' has {image.GetDimension()} dimensions ({_size(image)}), as a time series has. "
            "Save one time point as a file of its own and load that."
        )
    return image


def _short_name(path: Path) -> str:
    name = path.resolve().name
    if path.is_dir():
        return name
    for ending in (*_CT_ENDINGS, ".dcm"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _size(image: sitk.Image) -> str:
    return " x ".join(str(size) for size in image.GetSize())
