"""Arrays of a case in canonical axial order, whatever way its files store them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import ICHHPINetError, InputFileError
from ..imaging.io import read_ct, read_image
from ..imaging.orientation import to_canonical
from .case import BLEED_TYPES, Case

# A mask that lies less than this part of a voxel beside its CT differs by rounding.
_TOLERANCE = 0.5
_MOST_LISTED = 10


@dataclass(frozen=True)
class CaseImages:
    """A case, read: axis 0 feet to head, axis 1 front to back, axis 2 patient's right to left.

    Attributes
    ----------
    name: of the case.
    volume: HU (Z, Y, X), of the type that the file stores.
    mask: uint8 (Z, Y, X), 1 where blood of any type is; None where the case has no mask.
    spacing: mm (z, y, x).
    bleed_types: those in the mask where it tells types apart, or else what the tables of the data set
        say; None where nothing tells.
    notes: what a user should know about the case.
    """

    name: str
    volume: np.ndarray
    mask: np.ndarray | None
    spacing: tuple[float, float, float]
    bleed_types: tuple[str, ...] | None
    notes: tuple[str, ...]


def read_case(case: Case) -> CaseImages:
    """Read CT and masks of a case.

    Of several raters' masks, blood is what more than half of them call blood.

    Raises
    ------
    InputFileError
        If a file is missing or cannot be read, or a mask does not lie on its CT; names the case.
    InvalidVolumeError
        If the CT is no CT volume.
    """
    mask, bleed_types = read_mask(case)
    try:
        ct = read_ct(case.ct)
    except ICHHPINetError as error:
        raise type(error)(f"Case {case.name}: {error}") from error
    volume, reorientation = to_canonical(ct.array, ct.direction)
    return CaseImages(
        case.name,
        np.ascontiguousarray(volume),
        mask,
        reorientation.spacing(ct.spacing),
        bleed_types,
        (*case.notes, *ct.warnings),
    )


def read_mask(case: Case) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """``mask`` and ``bleed_types`` of ``read_case`` without the time to read the CT; raises the same."""
    check_cases([case])
    if not case.masks:
        return None, case.bleed_types
    try:
        labels = [_labels(path, _direction(_header(case.ct))) for path in case.masks]
    except ICHHPINetError as error:
        raise type(error)(f"Case {case.name}: {error}") from error
    mask = _majority([_blood(one, case) for one in labels]).astype(np.uint8)
    if not case.classes:
        return mask, case.bleed_types
    found = {
        kind for value, kind in case.classes.items() if _majority([one == value for one in labels]).any()
    }
    return mask, tuple(kind for kind in BLEED_TYPES if kind in found)


def check_cases(cases: Sequence[Case]) -> None:
    """Check by the headers alone that every mask lies on its CT.

    Raises
    ------
    InputFileError
        Names each case whose mask has another grid, or whose files cannot be read.
    """
    problems = [f"case {case.name}: {problem}" for case in cases for problem in _problems(case)]
    if problems:
        more = f"; and {len(problems) - _MOST_LISTED} more" if len(problems) > _MOST_LISTED else ""
        raise InputFileError(
            f"CT and mask do not go together: {'; '.join(problems[:_MOST_LISTED])}{more}. Resample the "
            "masks that lie elsewhere to their CTs, replace unreadable files, or move these cases away."
        )


def _problems(case: Case) -> list[str]:
    try:
        ct = _header(case.ct)
        return [problem for path in case.masks if (problem := _mismatch(case, ct, path))]
    except ICHHPINetError as error:
        return [str(error)]


def _mismatch(case: Case, ct: sitk.ImageFileReader, path: Path) -> str | None:
    mask = _header(path)
    if _unplaced(mask):
        # Nothing but the stored size can be compared.
        here, there, apart = ct.GetSize()[:3], mask.GetSize()[:3], 0.0
    else:
        (here, corners), (there, corners_there) = _grid(ct), _grid(mask)
        apart = float(np.linalg.norm(corners - corners_there, axis=1).max())
    if here != there:
        return f"{path.name} has {_by(there)} voxels, {case.ct.name} has {_by(here)}"
    if apart > _TOLERANCE * min(ct.GetSpacing()[:3]):
        return f"{path.name} lies up to {apart:.1f} mm beside {case.ct.name}"
    return None


def _header(path: Path) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    reader.SetFileName(os.fspath(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise InputFileError(
                f"the axes of {path} are not perpendicular, as of a tilted gantry; convert its DICOM "
                "series again"
            ) from error
        raise InputFileError(f"{path} is missing or no image file; get it again from its source") from error
    if reader.GetDimension() < 3:
        raise InputFileError(f"{path} holds a single slice, not a volume")
    return reader


def _direction(header: sitk.ImageFileReader) -> np.ndarray:
    dimension = header.GetDimension()
    return np.array(header.GetDirection()).reshape(dimension, dimension)[:3, :3]


def _grid(header: sitk.ImageFileReader) -> tuple[tuple[int, ...], np.ndarray]:
    """Size (x, y, z) and the centers of the 8 corner voxels (8, 3) in mm, both in canonical order."""
    size, spacing = np.array(header.GetSize()[:3]), np.array(header.GetSpacing()[:3])
    direction = _direction(header)
    ends = np.stack(np.meshgrid(*([0, 1],) * 3, indexing="ij"), -1).reshape(8, 3)[:, ::-1]
    corners = np.array(header.GetOrigin()[:3]) + (ends * (size - 1) * spacing) @ direction.T
    order, reorientation = to_canonical(np.arange(8).reshape(2, 2, 2), direction)
    canonical = tuple(int(size[2 - axis]) for axis in reversed(reorientation.axes))
    return canonical, corners[order.ravel()]


def _unplaced(header: sitk.ImageFileReader | sitk.Image) -> bool:
    """Whether a NIfTI file states no place in space; such a mask can only mean its CT's voxels."""
    codes = ("qform_code", "sform_code")
    return all(header.HasMetaDataKey(code) and header.GetMetaData(code) == "0" for code in codes)


def _labels(path: Path, ct_direction: np.ndarray) -> np.ndarray:
    image = read_image(path)
    direction = ct_direction if _unplaced(image) else np.array(image.GetDirection()).reshape(3, 3)
    return to_canonical(sitk.GetArrayFromImage(image), direction)[0]


def _blood(labels: np.ndarray, case: Case) -> np.ndarray:
    blood = labels > 0
    return blood & ~np.isin(labels, list(case.not_blood)) if case.not_blood else blood


def _majority(votes: list[np.ndarray]) -> np.ndarray:
    """Bool (Z, Y, X): where more than half of the raters' bool arrays are true."""
    return 2 * np.sum(votes, axis=0, dtype=np.int16) > len(votes)


def _by(size: Sequence[int]) -> str:
    return " x ".join(map(str, size))
