"""Cases with a known mask, of a folder in any layout that ``datasets`` knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import datasets
from ..errors import InputFileError
from ..imaging.ct import CT


@dataclass(frozen=True)
class LoadedCase:
    """A case: ``truth`` is bool (Z, Y, X) on the CT's voxels, ``notes`` what is odd about the files."""

    ct: CT
    truth: np.ndarray
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvaluationCase:
    """A case with a bleed: its types, none where nothing tells, and its number of axial slices."""

    source: datasets.Case
    bleed_types: tuple[str, ...]
    bleeding_slices: int

    @property
    def id(self) -> str:
        return self.source.name

    def load(self) -> LoadedCase:
        """Read CT and mask. Raises InputFileError or InvalidVolumeError if a file cannot be read."""
        images = datasets.read_case(self.source)
        return LoadedCase(images.ct, images.mask != 0, images.notes)


def find_cases(folder: Path | str, min_slices: int = 1) -> list[EvaluationCase]:
    """Cases of a folder with at least ``min_slices`` bleeding slices, ordered by id.

    CTs without a mask are left out.

    Raises
    ------
    InputFileError
        If the folder does not exist or has no known layout, nothing in it is such a case, or
        a mask does not lie on its CT.
    """
    known = datasets.find_cases(folder)
    masked = sorted((case for case in known if case.masks), key=lambda case: case.name)
    if not masked:
        raise InputFileError(f"None of the {len(known)} cases in '{folder}' has a mask. Add the masks.")
    datasets.check_cases(masked)
    enough = [case for case in map(_counted, masked) if case.bleeding_slices >= max(1, min_slices)]
    if not enough:
        raise InputFileError(
            f"None of the {len(masked)} cases in '{folder}' has {max(1, min_slices)} bleeding slices "
            "or more. Ask for fewer."
        )
    return enough


def select_fold(cases: Sequence[EvaluationCase], fold: int) -> list[EvaluationCase]:
    """The cases that a fold leaves out of training. Raises InputFileError as ``datasets.held_out``."""
    chosen = datasets.held_out([case.id for case in cases], fold)
    return [case for case in cases if case.id in chosen]


def _counted(case: datasets.Case) -> EvaluationCase:
    mask, types = datasets.read_mask(case)
    return EvaluationCase(case, types or (), int(np.count_nonzero(mask.any(axis=(1, 2)))))
