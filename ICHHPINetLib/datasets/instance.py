"""INSTANCE 2022 (Li et al., arXiv 2301.03281): the training set with its binary labels."""

from __future__ import annotations

from pathlib import Path

from .case import Case, Layout
from .files import images, pair


def _cases(folder: Path) -> list[Case]:
    scans, drawn = folder / "data", folder / "label"
    cts = images(scans)
    masks = pair(cts, images(drawn), (scans, drawn))
    return [
        Case(
            name,
            ct,
            (masks[name],) if masks[name] else (),
            "INSTANCE 2022",
            notes=() if masks[name] else ("It has no mask in label.",),
        )
        for name, ct in cts.items()
    ]


LAYOUT = Layout(
    name="INSTANCE 2022",
    expects="data/NNN.nii.gz and label/NNN.nii.gz (in the folder train_2)",
    fits=lambda folder: bool(images(folder / "data")) and (folder / "label").is_dir(),
    cases=_cases,
)
