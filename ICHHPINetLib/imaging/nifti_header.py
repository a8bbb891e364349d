"""What ITK leaves unsaid about a NIfTI file: that its two statements of place disagree."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from .validation import MAX_SHEAR

_HEADER_BYTES = 348
_UNITS, _SFORM_CODE, _SFORM_ROWS = 123, 254, 280
# Place in the scanner, and aligned with another image, which may shear; others may be atlases, which scale.
_SCANNER, _ALIGNED = 1, 2
# Millimeters in the units of length that a header may state, by their code.
_MILLIMETERS = {1: 1000.0, 3: 0.001}
_SAME_SIZE = 0.01


def check_sform(path: Path, image: sitk.Image) -> None:
    """Compare the affine of a NIfTI-1 file with the voxel size that ``image`` was read with.

    ITK reads one of them, and of a sheared affine nothing at all.

    Raises
    ------
    InputFileError
        If they give other volumes, or the affine is sheared.
    """
    code, affine = _affine(path)
    if affine is None or image.GetDimension() < 3:
        return
    sizes = np.linalg.norm(affine, axis=0)
    spacing = np.array(image.GetSpacing()[:3])
    if not np.allclose(sizes, spacing, rtol=_SAME_SIZE, atol=0):
        raise InputFileError(
            f"'{path}' gives two voxel sizes, {_mm(spacing)} and {_mm(sizes)}: its volumes cannot be known. "
            "Convert the DICOM series again, or name its folder."
        )
    axes = affine / sizes
    if code == _SCANNER and np.abs(axes.T @ axes - np.eye(3)).max() > MAX_SHEAR:
        raise InputFileError(
            f"The slices of '{path}' are sheared, as of a tilted gantry, and volumes would come out wrong. "
            "Name the DICOM folder, which can be read as it is."
        )


def _affine(path: Path) -> tuple[int, np.ndarray | None]:
    """Code of the sform and its 3 x 3 in mm, None where there is none that keeps sizes."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return 0, None
    if len(header) < _HEADER_BYTES:
        return 0, None
    order = "<" if struct.unpack_from("<i", header)[0] == _HEADER_BYTES else ">"
    if struct.unpack_from(f"{order}i", header)[0] != _HEADER_BYTES:
        return 0, None
    code = struct.unpack_from(f"{order}h", header, _SFORM_CODE)[0]
    if code not in (_SCANNER, _ALIGNED):
        return code, None
    unit = _MILLIMETERS.get(header[_UNITS] & 7, 1.0)
    rows = unit * np.array(struct.unpack_from(f"{order}12f", header, _SFORM_ROWS)).reshape(3, 4)
    usable = np.isfinite(rows).all() and np.abs(rows[:, :3]).sum(axis=0).all()
    return code, rows[:, :3] if usable else None


def _mm(size: np.ndarray) -> str:
    return " x ".join(f"{value:.3g}" for value in size) + " mm"
