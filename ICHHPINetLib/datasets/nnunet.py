"""nnU-Net's raw data: ``imagesTr``, ``labelsTr`` and ``dataset.json``, of version 1 or 2.

Version 1 writes ``"labels": {"1": "name"}``, version 2 ``"labels": {"name": 1}`` or, for
regions, ``{"name": [1, 2]}``. Files may lack the channel (``_0000``), as BHSD's do.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ..errors import InputFileError
from .case import Case, Layout, bleed_type
from .files import images, pair
from .label_names import labels_beside_blood


def _cases(folder: Path) -> list[Case]:
    scans, drawn = folder / "imagesTr", folder / "labelsTr"
    described = _description(folder / "dataset.json")
    cts = _channel(scans, _ct_channel(described))
    masks = pair(cts, images(drawn), (scans, drawn))
    names = _label_names(described, folder)
    types = {value: [bleed_type(name) for name in named] for value, named in names.items()}
    classes = {value: kinds[0] for value, kinds in types.items() if len(kinds) == 1 and kinds[0]}
    not_blood = labels_beside_blood(names)
    if names and not_blood.issuperset(value for value in names if value > 0):
        raise InputFileError(
            f"None of the labels in {folder / 'dataset.json'} is a bleed: "
            f"{', '.join(sorted(name for named in names.values() for name in named))}. "
            "Name the bleed's label hemorrhage, or by its type."
        )
    left_out = sorted(name for value in not_blood if value > 0 for name in names[value])
    said = (f"Labels not counted as blood: {', '.join(left_out)}.",) if left_out else ()
    return [
        Case(
            name,
            ct,
            (masks[name],) if masks[name] else (),
            str(described.get("name") or folder.resolve().name),
            classes=classes,
            not_blood=not_blood,
            notes=said if masks[name] else ("It has no mask in labelsTr.",),
        )
        for name, ct in cts.items()
    ]


def _description(path: Path) -> dict:
    if not path.exists():
        return {}
    try:
        described = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InputFileError(f"{path} could not be read ({error}); write it again with nnU-Net.") from error
    if not isinstance(described, dict):
        raise InputFileError(f"{path} does not describe a data set; write it again with nnU-Net.")
    return described


def _ct_channel(described: dict) -> int:
    """The channel named CT; the first where none is."""
    named = described.get("channel_names") or described.get("modality") or {}
    pairs = named.items() if isinstance(named, dict) else enumerate(named)
    return next((int(key) for key, name in pairs if str(name).upper() == "CT"), 0)


def _channel(scans: Path, channel: int) -> dict[str, Path]:
    """CTs by case: the files of a channel, or those without one."""
    cts = images(scans, lambda stem: stem.removesuffix(f"_{channel:04d}"))
    others = {name for name in cts if re.search(r"_\d{4}$", name) and name[:-5] in cts}
    return {name: path for name, path in cts.items() if name not in others}


def _label_names(described: dict, folder: Path) -> dict[int, list[str]]:
    """Names of each label value."""
    names: dict[int, list[str]] = {}
    try:
        for key, value in described.get("labels", {}).items():
            if str(key).isdigit():
                names.setdefault(int(key), []).append(str(value))
            else:
                for one in value if isinstance(value, list) else [value]:
                    names.setdefault(int(one), []).append(str(key))
    except (AttributeError, TypeError, ValueError) as error:
        raise InputFileError(
            f"The labels in {folder / 'dataset.json'} are not understood ({error}); write them as "
            '{"background": 0, "hemorrhage": 1}.'
        ) from error
    return names


LAYOUT = Layout(
    name="nnU-Net",
    expects="imagesTr/<id>_0000.nii.gz and labelsTr/<id>.nii.gz, with dataset.json",
    fits=lambda folder: bool(images(folder / "imagesTr")) and (folder / "labelsTr").is_dir(),
    cases=_cases,
)
