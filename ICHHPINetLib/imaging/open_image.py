"""An image file opened by ITK, whole and the one that was named, or a sentence that says why not."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from ..words import tr as _
from .acquisition import is_sheared
from .acquisition_words import sheared_file, sheared_header, size_unstated
from .integrity import alone, check_whole, formats
from .nifti_header import LONGEST_HEADER, NIFTI_ENDINGS, NiftiHeader, check_places, open_nifti

_LONGEST_HEADER = 1 << 20
_SIZE_FIELDS = {
    **dict.fromkeys((".nrrd", ".nhdr"), (rb"spacings\s*:", rb"space directions\s*:")),
    **dict.fromkeys((".mha", ".mhd"), (rb"ElementSpacing\s*=", rb"ElementSize\s*=")),
}
_NIFTI_FLOATS = {16: "f4", 64: "f8"}


def open_image(path: str | os.PathLike) -> tuple[sitk.Image, list[str]]:
    """The image in a file, of any dimension and number of values a voxel; a single time point as 3D.

    With it comes what is doubtful about its place. Raises InputFileError, which names the file, where it is
    missing, damaged or contradicts itself.
    """
    path = Path(path)
    check_whole(path)
    try:
        with alone(path) as own:
            image = sitk.ReadImage(str(own))
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise InputFileError(sheared_header(path=path)) from error
        raise InputFileError(
            _(
                "'{path}' could not be read ({reason}). Check that the file is complete and its "
                "format is one of {formats}."
            ).format(path=path, reason=_reason(error), formats=formats())
        ) from error
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if not path.name.lower().endswith(NIFTI_ENDINGS):
        return image, []
    _check_finite(path)
    return image, check_places(path, image)


def doubts_about_size(image: sitk.Image, path: Path) -> list[str]:
    """A warning where the file of a 3D image may not have stated how large its voxels are."""
    # ITK reads it so where a file says nothing.
    if image.GetSpacing() != (1.0, 1.0, 1.0):
        return []
    unplaced = not any(image.GetOrigin()) and np.array_equal(np.abs(image.GetDirection()), np.eye(3).ravel())
    if not unplaced and _states_size(path):
        return []
    return [size_unstated()]


def _states_size(path: Path) -> bool:
    """Whether the header of an NRRD or MetaImage file has a field for it; True for other files."""
    name = path.name.lower()
    words = next((words for ending, words in _SIZE_FIELDS.items() if name.endswith(ending)), None)
    if words is None:
        return True
    with open(path, "rb") as file:
        header = file.read(_LONGEST_HEADER)
    return any(re.search(rb"(?m)^\s*" + word, header) for word in words)


def check_perpendicular(image: sitk.Image, path: str | os.PathLike) -> None:
    """InputFileError for a sheared grid, as of a tilted gantry: slices lie closer than the spacing says."""
    size = image.GetDimension()
    axes = np.array(image.GetDirection()).reshape(size, size)
    if is_sheared(axes):
        raise InputFileError(sheared_file(path=path))


def _check_finite(path: Path) -> None:
    """InputFileError for a NIfTI file with NaN or infinite voxels, of which ITK makes zeros."""
    with open_nifti(path) as file:
        header = NiftiHeader(file.read(LONGEST_HEADER))
        if header.datatype not in _NIFTI_FLOATS:
            return
        file.seek(int(header.offset))
        content = file.read()
    dtype = np.dtype(header.order + _NIFTI_FLOATS[header.datatype])
    values = np.frombuffer(content, dtype, len(content) // dtype.itemsize)
    count = int(values.size - np.count_nonzero(np.isfinite(values)))
    if count:
        raise InputFileError(
            _(
                "'{path}' has {count} voxels that are not finite (NaN or infinite), which would be "
                "read as 0. Save it again with a number in each voxel."
            ).format(path=path, count=count)
        )


def _reason(error: RuntimeError) -> str:
    """The last line of an ITK error, without the path of the source file."""
    return str(error).strip().splitlines()[-1].split("): ")[-1].rstrip(".")
