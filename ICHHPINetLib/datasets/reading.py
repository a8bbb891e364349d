"""Arrays of a case in canonical axial order, whatever way its files store them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import ICHHPINetError, InputFileError
from ..imaging.acquisition_words import sheared_header
from ..imaging.ct import CT
from ..imaging.ct_files import read_ct
from ..imaging.dicom_seg import is_dicom
from ..imaging.integrity import alone, check_regular
from ..imaging.label_files import is_segmentation, read_labels
from ..imaging.orientation import to_canonical
from ..imaging.scribbles_grid import Grid, on_grid
from .case import BLEED_TYPES, Case
from .label_names import labels_beside_blood

# A mask that lies less than this part of a voxel beside its CT differs by rounding.
_TOLERANCE = 0.5
_MOST_LISTED = 10


@dataclass(frozen=True)
class CaseImages:
    """A case, read.

    Attributes
    ----------
    name: of the case.
    ct: its CT.
    mask: uint8 (Z, Y, X) on the voxels of ``ct.hu``, 1 where blood of any type is; None where the case has
        no mask.
    bleed_types: those in the mask where it tells types apart, or else what the tables of the data set
        say; None where nothing tells.
    notes: what a user should know about the case.
    """

    name: str
    ct: CT
    mask: np.ndarray | None
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
    mask, bleed_types, said = _read_mask(case)
    try:
        ct = read_ct(case.ct)
    except ICHHPINetError as error:
        raise type(error)(f"Case {case.name}: {error}") from error
    return CaseImages(case.name, ct, mask, bleed_types, (*case.notes, *said, *ct.warnings))


def read_mask(case: Case) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """``mask`` and ``bleed_types`` of ``read_case`` without the time to read the CT; raises the same."""
    return _read_mask(case)[:2]


def _read_mask(case: Case) -> tuple[np.ndarray | None, tuple[str, ...] | None, list[str]]:
    """As ``read_mask``, and what a user should know about the masks."""
    check_cases([case])
    if not case.masks:
        return None, case.bleed_types, []
    try:
        ct = _header(case.ct)
        read = [_labels(path, ct, case.ct.name) for path in case.masks]
        votes = [_blood(labels, case, names) for labels, names in read]
    except ICHHPINetError as error:
        raise type(error)(f"Case {case.name}: {error}") from error
    mask = _majority(votes).astype(np.uint8)
    left_out = sorted({names[value] for _, names in read for value in _beside_blood(names)})
    said = [f"Segments not counted as blood: {', '.join(left_out)}."] if left_out else []
    if not case.classes:
        return mask, case.bleed_types, said
    found = {
        kind for value, kind in case.classes.items() if _majority([one == value for one, _ in read]).any()
    }
    return mask, tuple(kind for kind in BLEED_TYPES if kind in found), said


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
    problem = _apart(mask, ct, path.name, case.ct.name)
    if problem and (is_segmentation(mask) or is_dicom(path)):
        # Of a part of the CT, or of segments whose place the header alone does not tell.
        _labels(path, ct, case.ct.name)
        return None
    return problem


def _apart(mask: Grid, ct: sitk.ImageFileReader, name: str, ct_name: str) -> str | None:
    if _unplaced(mask):
        # Nothing but the stored size can be compared.
        here, there, apart = ct.GetSize()[:3], mask.GetSize()[:3], 0.0
    else:
        (here, corners), (there, corners_there) = _grid(ct), _grid(mask)
        apart = float(np.linalg.norm(corners - corners_there, axis=1).max())
    if here != there:
        return f"{name} has {_by(there)} voxels, {ct_name} has {_by(here)}"
    if apart > _TOLERANCE * min(ct.GetSpacing()[:3]):
        return f"{name} lies up to {apart:.1f} mm beside {ct_name}"
    return None


def _header(path: Path) -> sitk.ImageFileReader:
    check_regular(path)
    reader = sitk.ImageFileReader()
    try:
        with alone(path) as own:
            reader.SetFileName(os.fspath(own))
            reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise InputFileError(sheared_header(path=path)) from error
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


def _labels(path: Path, ct: sitk.ImageFileReader, ct_name: str) -> tuple[np.ndarray, dict[int, str]]:
    """Labels (Z, Y, X) in canonical order on the CT's voxels, and the names of those that the file names."""
    file = read_labels(path)
    labels = file.label_map()
    if _unplaced(_header(path)):
        return to_canonical(labels, _direction(ct))[0], file.names
    problem = _apart(file.grid, ct, path.name, ct_name)
    if problem is None:
        return to_canonical(labels, _direction(file.grid))[0], file.names
    whole = np.zeros(ct.GetSize()[:3][::-1], np.int32)
    for value in np.unique(labels[labels > 0]):
        # Programs keep of a segmentation what is marked.
        marks = on_grid(labels == value, file.grid, ct) if file.segments else None
        if marks is None:
            raise InputFileError(problem)
        whole[marks] = value
    return to_canonical(whole, _direction(ct))[0], file.names


def _blood(labels: np.ndarray, case: Case, names: dict[int, str]) -> np.ndarray:
    """Bool: where blood is. InputFileError where the file's own names say that none of it is."""
    other = _beside_blood(names)
    if other and other.issuperset(names):
        raise InputFileError(
            f"None of the segments is a bleed: {', '.join(names.values())}. Name the bleed's segment "
            "hematoma, or by its type."
        )
    blood = labels > 0
    return blood & ~np.isin(labels, list(other | case.not_blood)) if other or case.not_blood else blood


def _beside_blood(names: dict[int, str]) -> frozenset[int]:
    return labels_beside_blood({value: [name] for value, name in names.items()})


def _majority(votes: list[np.ndarray]) -> np.ndarray:
    """Bool (Z, Y, X): where more than half of the raters' bool arrays are true."""
    return 2 * np.sum(votes, axis=0, dtype=np.int16) > len(votes)


def _by(size: Sequence[int]) -> str:
    return " x ".join(map(str, size))
