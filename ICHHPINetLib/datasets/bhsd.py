"""BHSD (Wu et al., MLMI 2023) and MBH-Seg 2024, which hands out the same 192 volumes.

BHSD's other form, ``imagesTr`` and ``labelsTr``, is nnU-Net's layout.
"""

from __future__ import annotations

from pathlib import Path

from .case import Case, Layout
from .files import images, pair

CLASSES = {1: "epidural", 2: "intraparenchymal", 3: "intraventricular", 4: "subarachnoid", 5: "subdural"}
_TRUTHS = ("ground truths", "ground_truths", "ground truth", "ground_truth")


def _truths(folder: Path) -> Path | None:
    return next((folder / name for name in _TRUTHS if (folder / name).is_dir()), None)


def _cases(folder: Path) -> list[Case]:
    scans, drawn = folder / "images", _truths(folder)
    cts = images(scans)
    masks = pair(cts, images(drawn), (scans, drawn))
    return [
        Case(
            name,
            ct,
            (masks[name],) if masks[name] else (),
            "BHSD",
            classes=CLASSES,
            notes=() if masks[name] else (f"It has no mask in '{drawn.name}'.",),
        )
        for name, ct in cts.items()
    ]


LAYOUT = Layout(
    name="BHSD or MBH-Seg 2024",
    expects="images/ID_*.nii.gz and 'ground truths'/ID_*.nii.gz (in the folder label_192)",
    fits=lambda folder: bool(images(folder / "images")) and _truths(folder) is not None,
    cases=_cases,
)
