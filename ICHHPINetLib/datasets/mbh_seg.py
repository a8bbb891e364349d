"""MBH-Seg 2025: a folder a case, with the masks of up to four raters."""

from __future__ import annotations

from pathlib import Path

from .bhsd import CLASSES
from .case import Case, Layout
from .files import images


def _rater(stem: str) -> str | None:
    return stem if stem.startswith("label_") else None


def _image(folder: Path) -> Path | None:
    return images(folder, lambda stem: stem if stem == "image" else None).get("image")


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and _image(path))


def _cases(folder: Path) -> list[Case]:
    cases = []
    for part in _folders(folder):
        masks = tuple(images(part, _rater).values())
        notes = () if masks else ("It has no mask (label_annot_*.nii.gz).",)
        cases.append(Case(part.name, _image(part), masks, "MBH-Seg 2025", classes=CLASSES, notes=notes))
    return cases


LAYOUT = Layout(
    name="MBH-Seg 2025",
    expects="<id>/image.nii.gz and <id>/label_annot_*.nii.gz",
    fits=lambda folder: any(images(part, _rater) for part in _folders(folder)),
    cases=_cases,
)
