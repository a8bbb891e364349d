"""The commands that read an input, what they made of it, and whether that is the same as before."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .command import Answer, ichhpinet

COMMANDS = {
    "ct": ("measure", "segment"),
    "scribbles": ("segment",),
    "mask": ("measure",),
    "weights": ("segment",),
    "checkpoint": ("export",),
    "pack": ("export",),
}
# What differs from one run to the next, and what is said about a file rather than read from it.
_PASSING = {"seconds", "mask", "ct", "warnings", "network", "notes"}


def run(command: str, named: Path, shared: Path, work: Path) -> tuple[Answer, dict | None]:
    """The answer of a command to the input ``named``, and its result; None where it did not end well.

    Everything else that the command needs is undamaged, from ``shared``; it writes into ``work``.
    """
    report, out = work / "report.json", work / "out.seg.nrrd"
    role = "ct" if named.name == "dicom" else named.name.split(".")[0]
    if command == "measure" and role == "ct":
        answer = ichhpinet("measure", shared / "mask.nrrd", "--ct", named, "--report", report)
    elif command == "measure":
        answer = ichhpinet("measure", named, "--report", report)
    elif command == "segment":
        inputs = {
            "ct": shared / "ct.nrrd",
            "scribbles": shared / "scribbles.nrrd",
            "tiny": shared / "tiny.safetensors",
            role: named,
        }
        answer = ichhpinet(
            *("segment", inputs["ct"], "--scribbles", inputs["scribbles"], "--weights", inputs["tiny"]),
            *("--device", "cpu", "-o", out, "--report", report),
        )
    else:
        return _export(named, shared, work)
    return answer, (numbers(report) | _mask(out) if answer.code == 0 else None)


def _export(named: Path, shared: Path, work: Path) -> tuple[Answer, dict | None]:
    """Go on with a training that has done all its steps: it reads pack and checkpoint, and exports."""
    run_folder = named if named.is_dir() else shared / "run"
    pack = named if named.suffix == ".npz" else shared / "run" / "pack.npz"
    exported = work / "exported.safetensors"
    answer = ichhpinet(
        *("train", "--pack", pack, "--run", run_folder, "--steps", 1, "--minutes", 0.01),
        *("--device", "cpu", "--export", exported),
    )
    if answer.code != 0:
        return answer, None
    from ICHHPINetLib.training import pack as packs

    loaded = packs.load(pack)
    result = weights_content(exported)
    for case in loaded.cases.values():
        arrays = (case.codes, case.fraction, case.inside)
        result[f"case {case.name}"] = [digest(array) for array in arrays] + [case.slice_mm]
    for number, shape in enumerate(loaded.shapes):
        result[f"shape {number}"] = [digest(shape.mask), shape.slice_mm, *shape.center]
    return answer, result


def weights_content(path: Path) -> dict:
    """Tensors and texts of a weights file, whose header is in another order each time it is written."""
    import torch
    from safetensors import safe_open

    with safe_open(str(path), "pt") as stored:
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        texts = stored.metadata()
    return texts | {name: digest(tensor.to(torch.float32).numpy()) for name, tensor in tensors.items()}


def digest(array: np.ndarray) -> str:
    """Type, shape and content of an array."""
    return f"{array.dtype} {array.shape} {hashlib.sha256(np.ascontiguousarray(array)).hexdigest()}"


def numbers(report: Path) -> dict:
    """All values of a report but times and texts, by where they stand."""
    found = {}

    def walk(name: str, value) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key not in _PASSING:
                    walk(f"{name} {key}".strip(), inner)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, inner in enumerate(value):
                walk(f"{name} {number}", inner)
        else:
            found[name] = value

    walk("", json.loads(report.read_text(encoding="utf-8")))
    return found


def _mask(path: Path) -> dict:
    return image_content(path) if path.exists() else {}


def image_content(path: Path) -> dict:
    """Voxels and place of an image."""
    image = sitk.ReadImage(str(path))
    place = [*image.GetOrigin(), *image.GetSpacing(), *image.GetDirection()]
    return {"mask": digest(sitk.GetArrayViewFromImage(image)), "place": np.round(place, 4).tolist()}


def difference(before: dict, after: dict) -> str | None:
    """What is another than before, in words; None where all is the same."""
    for key in sorted(before | after):
        one, other = before.get(key), after.get(key)
        same = one == other
        if isinstance(one, float) and isinstance(other, float):
            same = bool(np.isclose(one, other, rtol=1e-5, atol=1e-6))
        if not same:
            return f"{key} is {str(other)[:60]}, not {str(one)[:60]}"
    return None
