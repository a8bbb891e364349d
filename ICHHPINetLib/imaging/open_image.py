"""An image file opened by ITK, whole and the one that was named, or a sentence that says why not."""

from __future__ import annotations

import gzip
import os
import re
import struct
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from .integrity import FORMATS, alone, check_whole
from .nifti_header import check_places
from .validation import MAX_SHEAR

_NIFTI_ENDINGS = (".nii", ".nii.gz")
# By the size of the header: where its datatype and its vox_offset stand, and the format of the latter.
_NIFTI_FIELDS = {348: (70, 108, "f"), 540: (12, 168, "q")}
_LONGEST_HEADER = 1 << 20
_SIZE_FIELDS = {
    **dict.fromkeys((".nrrd", ".nhdr"), (rb"spacings\s*:", rb"space directions\s*:")),
    **dict.fromkeys((".mha", ".mhd"), (rb"ElementSpacing\s*=", rb"ElementSize\s*=")),
}
_NIFTI_FLOATS = {16: "f4", 64: "f8"}


def open_image(path: str | os.PathLike) -> sitk.Image:
    """The image in a file, of any dimension and number of values a voxel; a single time point as 3D.

    Raises InputFileError, which names the file, where it is missing, damaged or contradicts itself.
    """
    path = Path(path)
    check_whole(path)
    try:
        with alone(path) as own:
            image = sitk.ReadImage(str(own))
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise InputFileError(
                f"The axes of '{path}' are not perpendicular: its slices are sheared, as of a tilted gantry, "
                "or its directions badly rounded. Convert the DICOM series again, or name its folder."
            ) from error
        raise InputFileError(
            f"'{path}' could not be read ({_reason(error)}). "
            f"Check that the file is complete and its format is one of {FORMATS}."
        ) from error
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if path.name.lower().endswith(_NIFTI_ENDINGS):
        _check_finite(path)
    nifti_doubts(path, image)
    return image


def nifti_doubts(path: Path, image: sitk.Image) -> list[str]:
    """What ``check_places`` warns of and raises, for a NIfTI file; nothing for others."""
    return check_places(path, image) if path.name.lower().endswith(_NIFTI_ENDINGS) else []


def doubts_about_size(image: sitk.Image, path: Path) -> list[str]:
    """A warning where the file of a 3D image may not have stated how large its voxels are."""
    # ITK reads it so where a file says nothing.
    if image.GetSpacing() != (1.0, 1.0, 1.0):
        return []
    unplaced = not any(image.GetOrigin()) and np.array_equal(np.abs(image.GetDirection()), np.eye(3).ravel())
    if not unplaced and _states_size(path):
        return []
    return ["Its voxels are 1 x 1 x 1 mm, or their size is not stated: check it before any volume."]


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
    if np.abs(axes.T @ axes - np.eye(size)).max() > MAX_SHEAR:
        raise InputFileError(
            f"The slices of '{path}' are sheared, as of a tilted gantry, and volumes would come out wrong. "
            "Resample the image to perpendicular axes first, or name the DICOM folder, which can be read "
            "as it is."
        )


def _check_finite(path: Path) -> None:
    """InputFileError for a NIfTI file with NaN or infinite voxels, of which ITK makes zeros."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rb") as file:
        header = file.read(max(_NIFTI_FIELDS))
        size, order = next(
            (size, order)
            for size in _NIFTI_FIELDS
            for order in "<>"
            if struct.unpack_from(f"{order}i", header)[0] == size
        )
        type_at, offset_at, kind = _NIFTI_FIELDS[size]
        code = struct.unpack_from(f"{order}h", header, type_at)[0]
        if code not in _NIFTI_FLOATS:
            return
        file.seek(max(size, int(struct.unpack_from(f"{order}{kind}", header, offset_at)[0])))
        content = file.read()
    dtype = np.dtype(order + _NIFTI_FLOATS[code])
    values = np.frombuffer(content, dtype, len(content) // dtype.itemsize)
    count = int(values.size - np.count_nonzero(np.isfinite(values)))
    if count:
        raise InputFileError(
            f"'{path}' has {count} voxels that are not finite (NaN or infinite), which would be read as 0. "
            "Save it again with a number in each voxel."
        )


def _reason(error: RuntimeError) -> str:
    """The last line of an ITK error, without the path of the source file."""
    return str(error).strip().splitlines()[-1].split("): ")[-1].rstrip(".")
