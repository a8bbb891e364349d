"""An image file opened by ITK, or a sentence that says why it cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import SimpleITK as sitk

from ..errors import InputFileError


def open_image(path: str | os.PathLike, wanted: str) -> sitk.Image:
    """The image in a file, whatever its dimension and number of values a voxel.

    ``wanted`` says what to name instead, for example "a CT". Raises InputFileError, which names the file.
    """
    path = Path(path)
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise InputFileError(f"'{path}' {what}. Name {wanted}.")
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise InputFileError(
                f"The axes of '{path}' are not perpendicular: its slices are sheared, as of a tilted gantry, "
                "or its directions badly rounded. Convert the DICOM series again, or name its folder."
            ) from error
        raise InputFileError(
            f"'{path}' could not be read ({_reason(error)}). Check that the file is complete, or name {wanted}."
        ) from error


def _reason(error: RuntimeError) -> str:
    """The last line of an ITK error, without the path of the source file."""
    return str(error).strip().splitlines()[-1].split("): ")[-1].rstrip(".")
