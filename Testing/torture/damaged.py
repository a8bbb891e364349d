"""Damaged inputs: refused in one line, or read as if they were whole."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import headers, saved_state_edits, specimens, verdicts
from .attempt import Attempt, promise
from .command import Answer

TITLE = "damaged inputs"
COUNT = 500
_IMAGES = (".nrrd", ".nii", ".nii.gz", ".mha")


@dataclass(frozen=True)
class Target:
    """An input file: what it is for, the file that is damaged, and the path that is named to the command."""

    role: str
    damaged: str
    named: str
    # Every bit of its data is covered by a checksum.
    summed: bool = True


_ENDINGS_OF_LABELS = (".seg.nrrd", *_IMAGES)
TARGETS = [
    *(Target("ct", f"ct{ending}", f"ct{ending}", ending != ".nii") for ending in _IMAGES),
    Target("ct", "ct.nhdr", "ct.nhdr", summed=False),
    Target("ct", "ct.raw.gz", "ct.nhdr"),
    Target("ct", "ct.mhd", "ct.mhd", summed=False),
    Target("ct", "ct.zraw", "ct.mhd"),
    Target("ct", "dicom/002.dcm", "dicom", summed=False),
    *(
        Target(role, f"{role}{ending}", f"{role}{ending}", ending != ".nii")
        for role in ("scribbles", "mask")
        for ending in _ENDINGS_OF_LABELS
    ),
    Target("weights", "tiny.safetensors", "tiny.safetensors", summed=False),
    Target("weights", "tiny.safetensors", "tiny.safetensors", summed=False),
    Target("checkpoint", "run/checkpoint.pt", "run"),
    Target("pack", "run/pack.npz", "run/pack.npz"),
]


def prepare(shared: Path) -> None:
    """Undamaged files of every format, and what the commands make of them."""
    rng = np.random.default_rng(0)
    ct, labels = specimens.head(rng), specimens.scribbles()
    mask = (ct > 50).astype(np.uint8)
    if not (shared / "tiny.safetensors").exists():
        specimens.write_tiny_weights(shared / "tiny.safetensors")
    for ending in (*_IMAGES, ".nhdr", ".mhd"):
        specimens.write_image(shared / f"ct{ending}", ct)
    specimens.write_dicom(shared / "dicom", ct)
    specimens.write_segmentation(
        shared / "scribbles.seg.nrrd", labels, {1: "Hemorrhage scribble", 2: "Background scribble"}
    )
    specimens.write_segmentation(shared / "mask.seg.nrrd", mask, {1: "Hematoma"})
    for ending in _IMAGES:
        specimens.write_image(shared / f"scribbles{ending}", labels)
        specimens.write_image(shared / f"mask{ending}", mask)
    if not (shared / "run").exists():
        specimens.write_run(shared / "run")
    references = {}
    for target in TARGETS:
        for command in verdicts.COMMANDS[target.role]:
            work = shared / "reference"
            work.mkdir()
            answer, result = verdicts.run(command, shared / target.named, shared, work)
            if result is None:
                raise RuntimeError(f"{target.named} undamaged, {command}: {answer.describe()}")
            references[target.named, command] = result
            shutil.rmtree(work)
    (shared / "references.pickle").write_bytes(pickle.dumps(references))


def attack(attempt: Attempt) -> None:
    """Damage a copy of one input and name it to a command."""
    target = TARGETS[attempt.number % len(TARGETS)]
    copy = attempt.folder / "in"
    copy.mkdir()
    _copy(attempt.shared, copy, target.named)
    path = copy / target.damaged
    content = path.read_bytes()
    what, damaged = _damage(attempt, target, content)
    path.write_bytes(damaged)
    command = attempt.choose(verdicts.COMMANDS[target.role])
    references = pickle.loads((attempt.shared / "references.pickle").read_bytes())
    work = attempt.folder / "out"
    work.mkdir()
    answer, result = verdicts.run(command, copy / target.named, attempt.shared, work)
    text = f"'{target.damaged}', {command}, {what}"
    promise(path.read_bytes() == damaged, f"{text}: the input was changed")
    if result is None:
        answer.check_refused(text)
        return
    if what.startswith("doubt") and _doubts(answer):
        return
    difference = verdicts.difference(references[target.named, command], result)
    promise(difference is None, f"{text}: accepted, {difference}")


def _copy(shared: Path, copy: Path, named: str) -> None:
    stem = Path(named).name.split(".")[0]
    if (shared / named).is_dir():
        shutil.copytree(shared / named, copy / named)
        return
    folder = (copy / named).parent
    folder.mkdir(exist_ok=True)
    # A header and its data.
    alone = not named.endswith((".nhdr", ".mhd"))
    for path in (shared / named).parent.glob(f"{stem}.*"):
        if path.name == Path(named).name or (not alone and path.name.endswith(("raw", "raw.gz"))):
            shutil.copy(path, folder)


def _damage(attempt: Attempt, target: Target, content: bytes) -> tuple[str, bytes]:
    edits = headers.edits_of(target.damaged) | saved_state_edits.edits_of(target.damaged)
    kinds = ["cut"]
    kinds += ["flip", "blank"] if target.summed else []
    kinds += ["header"] * 3 if edits else []
    kind = attempt.choose(kinds)
    rng, size = attempt.rng, len(content)
    if kind == "cut":
        # Near both ends, too, where most formats have what they need.
        length = attempt.choose([int(rng.integers(size)), size - 1 - int(rng.integers(min(64, size))), 0])
        return f"cut to {length} of {size} bytes", content[:length]
    if kind == "header":
        name = attempt.choose(sorted(edits))
        return name, edits[name](content)
    start = _data_start(target.damaged, content)
    damaged = bytearray(content)
    if kind == "blank":
        begin = int(rng.integers(start, size))
        damaged[begin : begin + 64] = bytes(len(damaged[begin : begin + 64]))
        return f"64 zeros at {begin} of {size}", bytes(damaged)
    places = sorted(int(place) for place in rng.integers(start, size, rng.integers(1, 9)))
    for place in places:
        damaged[place] ^= 1 << int(rng.integers(8))
    return f"bits flipped at {places} of {size}", bytes(damaged)


def _data_start(name: str, content: bytes) -> int:
    """Where the data begin that a checksum covers."""
    if name.endswith(".nrrd"):
        return content.index(b"\n\n") + 2
    if name.endswith(".mha"):
        return content.index(b"ElementDataFile = LOCAL\n") + len(b"ElementDataFile = LOCAL\n")
    # Of a gzip file, what is behind its own header with its time and name.
    return 10 if name.endswith(".gz") else 0


def _doubts(answer: Answer) -> bool:
    return "note:" in answer.out
