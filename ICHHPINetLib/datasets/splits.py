"""The folds of the development cases, those of CT-ICH, split by patient."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputFileError


def folds() -> list[list[str]]:
    """Case names of each fold."""
    return json.loads(Path(__file__).with_name("folds.json").read_text(encoding="utf-8"))["ct-ich"]


def held_out(names: Iterable[str], fold: int) -> list[str]:
    """Those of ``names`` that fold number ``fold``, from 0, leaves out of training.

    Raises
    ------
    InputFileError
        If there is no such fold, or none of ``names`` belongs to it.
    """
    known = folds()
    if not 0 <= fold < len(known):
        raise InputFileError(f"There is no fold {fold}. Choose one of 0 to {len(known) - 1}.")
    chosen = [name for name in names if name in known[fold]]
    if not chosen:
        raise InputFileError(
            f"None of the cases belongs to fold {fold}, which names patients of CT-ICH. "
            "Name the folder of these, or go on without a fold."
        )
    return chosen
