"""The layouts that are known; those that a table of a data set's own comes with have a file each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import ct_ich, nnunet, pairs
from .case import Case, Layout
from .files import images, pair

# Of BHSD (Wu et al., MLMI 2023) and MBH-Seg. BHSD's other form, ``imagesTr`` and ``labelsTr``, is nnU-Net's.
_CLASSES = {1: "epidural", 2: "intraparenchymal", 3: "intraventricular", 4: "subarachnoid", 5: "subdural"}


def _two_folders(
    name: str, dataset: str, expects: str, scans: str, drawn: str, classes: Mapping[int, str]
) -> Layout:
    """CTs in the folder ``scans``, and masks of the same names in the one that the pattern ``drawn`` fits."""

    def place_of(folder: Path) -> Path | None:
        return next((path for path in sorted(folder.glob(drawn)) if path.is_dir()), None)

    def cases(folder: Path) -> list[Case]:
        cts, place = images(folder / scans), place_of(folder)
        masks = pair(cts, images(place), (folder / scans, place))
        missing = (f"It has no mask in '{place.name}'.",)
        return [
            Case(
                case,
                ct,
                (masks[case],) if masks[case] else (),
                dataset,
                classes=classes,
                notes=() if masks[case] else missing,
            )
            for case, ct in cts.items()
        ]

    return Layout(name, expects, lambda folder: bool(images(folder / scans) and place_of(folder)), cases)


def _raters(folder: Path) -> list[Case]:
    """A folder a case, with the masks of up to four raters."""
    cases = []
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = images(part, lambda stem: stem if stem == "image" or stem.startswith("label_") else None)
        masks = tuple(path for name, path in files.items() if name != "image")
        notes = () if masks else ("It has no mask (label_annot_*.nii.gz).",)
        if "image" in files:
            cases.append(
                Case(part.name, files["image"], masks, "MBH-Seg 2025", classes=_CLASSES, notes=notes)
            )
    return cases


LAYOUTS = (
    pairs.LAYOUT,
    ct_ich.LAYOUT,
    _two_folders(
        "BHSD or MBH-Seg 2024",
        "BHSD",
        "images/ID_*.nii.gz and 'ground truths'/ID_*.nii.gz (in the folder label_192)",
        "images",
        "ground[ _]truth*",
        _CLASSES,
    ),
    Layout(
        "MBH-Seg 2025",
        "<id>/image.nii.gz and <id>/label_annot_*.nii.gz",
        lambda folder: any(case.masks for case in _raters(folder)),
        _raters,
    ),
    _two_folders(
        "INSTANCE 2022",
        "INSTANCE 2022",
        "data/NNN.nii.gz and label/NNN.nii.gz (in the folder train_2)",
        "data",
        "label",
        {},
    ),
    nnunet.LAYOUT,
)
