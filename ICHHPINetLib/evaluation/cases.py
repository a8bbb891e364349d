"""Cases with a known mask: ``<id>_ct.nii.gz`` beside ``<id>_mask.nii.gz`` in one folder.

A ``cases.csv`` beside them may say more: a row per ``id``, and one column per bleed type
that holds the number of slices with this type.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from ..imaging.io import read_ct, read_image
from ..imaging.orientation import to_canonical

_CT, _MASK = "_ct.nii.gz", "_mask.nii.gz"
_NO_BLEED_TYPES = {"id", "slices", "bleed_slices", "bleed_voxels"}
FOLDS_FILE = Path(__file__).resolve().parents[1] / "training" / "folds.json"


@dataclass(frozen=True)
class LoadedCase:
    """Arrays of a case in axial order: feet to head, front to back, right to left.

    ``volume`` (Z, Y, X) as stored, HU where the file holds HU; ``truth`` bool (Z, Y, X);
    ``spacing`` mm (z, y, x).
    """

    volume: np.ndarray
    truth: np.ndarray
    spacing: tuple[float, float, float]


@dataclass(frozen=True)
class Case:
    """Files of a case and the bleed types that ``cases.csv`` names for it."""

    id: str
    ct_path: Path
    mask_path: Path
    bleed_types: tuple[str, ...] = ()

    @cached_property
    def bleeding_slices(self) -> int:
        """Number of axial slices with a bleed. Raises InputFileError if the mask cannot be read."""
        truth, _ = _axial(read_image(self.mask_path))
        return int(np.count_nonzero(truth.any(axis=(1, 2))))

    def load(self) -> LoadedCase:
        """Read CT and mask.

        Raises
        ------
        InputFileError, InvalidVolumeError
            If a file cannot be read or the two are not on one grid.
        """
        ct, mask = read_ct(self.ct_path).image, read_image(self.mask_path)
        if not _same_grid(ct, mask):
            raise InputFileError(
                f"{self.mask_path.name} is not on the grid of {self.ct_path.name}. "
                "Resample the mask to the CT's size, spacing, origin and directions."
            )
        volume, spacing = _axial(ct)
        truth, _ = _axial(mask)
        return LoadedCase(volume, truth != 0, spacing)


def find_cases(folder: Path | str, min_slices: int = 1) -> list[Case]:
    """Cases of a folder with at least ``min_slices`` bleeding slices, ordered by id.

    CTs without a mask file count as bleed-free.

    Raises
    ------
    InputFileError
        If the folder does not exist, or nothing in it is such a case.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputFileError(f"'{folder}' is not a folder. Name one with <id>{_CT} and <id>{_MASK} files.")
    types = _bleed_types(folder / "cases.csv")
    found = []
    for mask_path in sorted(folder.glob(f"*{_MASK}")):
        name = mask_path.name[: -len(_MASK)]
        ct_path = folder / f"{name}{_CT}"
        if ct_path.is_file():
            found.append(Case(name, ct_path, mask_path, types.get(name, ())))
    if not found:
        raise InputFileError(
            f"'{folder}' holds no case. Each one needs two files, <id>{_CT} and <id>{_MASK}."
        )
    enough = [case for case in found if case.bleeding_slices >= max(1, min_slices)]
    if not enough:
        raise InputFileError(
            f"None of the {len(found)} cases in '{folder}' has {max(1, min_slices)} bleeding slices or more. "
            "Ask for fewer."
        )
    return enough


def select_fold(cases: Sequence[Case], fold: int, folds_file: Path | str = FOLDS_FILE) -> list[Case]:
    """The cases that fold number ``fold``, from 0, leaves out of training.

    ``folds_file`` is a JSON object from the names of data sets to lists of folds, each a
    list of case ids; the folds with this number of all its data sets count.

    Raises
    ------
    InputFileError
        If the file is no such file, has no such fold or names none of ``cases``.
    """
    try:
        data_sets = json.loads(Path(folds_file).read_text(encoding="utf-8")).values()
        folds = [
            {str(name) for members in parts for name in members} for parts in zip(*data_sets, strict=True)
        ]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputFileError(
            f"'{folds_file}' cannot be used as a file of folds ({error}). "
            'It must look like {"data set": [["id", ...], ...]}.'
        ) from error
    if not 0 <= fold < len(folds):
        raise InputFileError(
            f"There is no fold {fold} in '{folds_file}'. Choose one of 0 to {len(folds) - 1}."
        )
    chosen = [case for case in cases if case.id in folds[fold]]
    if not chosen:
        raise InputFileError(
            f"None of the cases belongs to fold {fold} of '{folds_file}'. Evaluate them without a fold."
        )
    return chosen


def _axial(image: sitk.Image) -> tuple[np.ndarray, tuple[float, float, float]]:
    direction = np.array(image.GetDirection()).reshape(3, 3)
    array, reorientation = to_canonical(sitk.GetArrayFromImage(image), direction)
    return np.ascontiguousarray(array), reorientation.spacing(image.GetSpacing()[::-1])


def _same_grid(one: sitk.Image, other: sitk.Image) -> bool:
    if one.GetSize() != other.GetSize():
        return False
    # A hundredth of a voxel: NIfTI headers round.
    tolerance = 0.01 * min(one.GetSpacing())
    x, y, z = (size - 1 for size in one.GetSize())
    corners = ((0, 0, 0), (x, 0, 0), (0, y, 0), (0, 0, z))
    return all(
        np.allclose(
            one.TransformIndexToPhysicalPoint(corner),
            other.TransformIndexToPhysicalPoint(corner),
            atol=tolerance,
            rtol=0,
        )
        for corner in corners
    )


def _bleed_types(path: Path) -> dict[str, tuple[str, ...]]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row.get("id")]
    columns = [name for name in (rows[0] if rows else ()) if name not in _NO_BLEED_TYPES]
    return {row["id"]: tuple(name for name in columns if row[name] not in ("", "0", None)) for row in rows}
