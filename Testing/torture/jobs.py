"""Commands that write results over older ones, and whether a file is the old or the new one."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import specimens, verdicts
from .attempt import LostError, promise
from .child import Child

# A user's own, beside the results; the names are such that a careless temporary name meets them.
FOREIGN = (
    "my.tmp",
    "out.tmp",
    "out.part",
    "out.seg.tmp",
    "out.seg.nrrd.bak",
    "out.seg.nrrd~",
    "checkpoint.tmp",
    "pack.tmp",
    "notes.txt",
    ".out",
)


@dataclass(frozen=True)
class Job:
    """``words`` of the command line from (shared folder, folder of the results)."""

    name: str
    words: Callable[[Path, Path], Sequence[object]]


def _segment(ending: str) -> Job:
    def words(shared: Path, folder: Path) -> list[object]:
        return [
            *(
                "segment",
                shared / "jobs_ct.nrrd",
                "--scribbles",
                shared / "jobs_labels.nrrd",
            ),
            *("--weights", shared / "tiny.safetensors", "--device", "cpu", "-o", folder / "out.seg.nrrd"),
            *("--labelmap", folder / f"out{ending}", "--scene", folder / "out.mrb"),
            *("--report", folder / "out.json", "--preview", folder / "out.png"),
        ]

    return Job(f"segment{ending}", words)


def _only(ending: str) -> Job:
    """The two smallest of the results, which fit where the others do not."""

    def words(shared: Path, folder: Path) -> list[object]:
        return [*_segment(ending).words(shared, folder)[:10], "--labelmap", folder / f"out{ending}"]

    return Job(f"labels{ending}", words)


def _measure(shared: Path, folder: Path) -> list[object]:
    return ["measure", shared / "jobs_labels.nrrd", "--report", folder / "out.json"]


def _demo(shared: Path, folder: Path) -> list[object]:
    return [
        "demo",
        "-o",
        folder,
        "--weights",
        shared / "tiny.safetensors",
        "--device",
        "cpu",
    ]


def _train(shared: Path, run: Path, steps: int) -> list[object]:
    return ["train", "--pack", shared / "run/pack.npz", "--run", run, "--steps", steps, "--device", "cpu"]


def _export(shared: Path, folder: Path) -> list[object]:
    return [*_train(shared, shared / "run", 1), "--export", folder / "my.safetensors"]


def _checkpoint(shared: Path, folder: Path) -> list[object]:
    return _train(shared, folder, 2)


def _pack(shared: Path, folder: Path) -> list[object]:
    return ["train", "--cases", shared / "cases", "--run", folder, "--steps", 1, "--device", "cpu"]


_SEGMENT = [_segment(ending) for ending in (".nrrd", ".nii", ".nii.gz", ".mha")]
_SMALL = [_only(ending) for ending in (".nrrd", ".nii", ".nii.gz", ".mha")]
_DEMO, _EXPORT = Job("demo", _demo), Job("export", _export)
_TRAIN = [Job("checkpoint", _checkpoint), Job("pack", _pack)]
JOBS = {job.name: job for job in [*_SEGMENT, *_SMALL, Job("measure", _measure), _DEMO, _EXPORT, *_TRAIN]}
# How often each has its turn; a demo or a training takes seconds before it writes.
TURNS = [*_SEGMENT * 4, *_SMALL * 3, *[JOBS["measure"], _EXPORT] * 2, _DEMO, *_TRAIN]


def prepare(shared: Path) -> None:
    """What the jobs read."""
    if (shared / "jobs_ct.nrrd").exists():
        return
    labels = specimens.scribbles((12, 64, 64))
    specimens.write_image(shared / "jobs_ct.nrrd", specimens.head(np.random.default_rng(1), labels.shape))
    specimens.write_image(shared / "jobs_labels.nrrd", labels)
    if not (shared / "tiny.safetensors").exists():
        specimens.write_tiny_weights(shared / "tiny.safetensors")
    if not (shared / "run").exists():
        specimens.write_run(shared / "run")
    (shared / "new").mkdir()
    (shared / "old").mkdir()


def rehearse(job: Job, shared: Path) -> float:
    """Make old and new results of a job once for all, in ``shared``; how many seconds it writes."""
    with open(shared / f"{job.name}.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if known := lock.read():
            return float(known)
        after, before = shared / "new" / job.name, shared / "old" / job.name
        for folder in (after, before):
            folder.mkdir()
        if job.name == "checkpoint":
            shutil.copy(shared / "run/checkpoint.pt", before)
            shutil.copy(shared / "run/checkpoint.pt", after)
        seconds = _watch(job, shared, after)
        for path in after.iterdir():
            if path.is_file() and not (before / path.name).exists() and job.name != "pack":
                (before / path.name).write_bytes(b"the old one\n" * (path.stat().st_size // 12))
        lock.write(str(seconds))
    return seconds


def _watch(job: Job, shared: Path, folder: Path) -> float:
    """Run a job; the seconds from the first to the last change in ``folder``."""
    last, times = state(folder), []

    def look() -> None:
        nonlocal last
        now = state(folder)
        if now != last:
            times.append(time.monotonic())
            last = now

    answer = Child(job.words(shared, folder)).wait(look)
    if answer.code:
        raise RuntimeError(f"{job.name}: {answer.describe()}")
    return times[-1] - times[0] if times else 0.0


def state(folder: Path) -> frozenset:
    """All files below a folder, so that every write changes it; not the logs, and not what is still empty."""
    found = set()
    for place, folders, names in os.walk(folder):
        if "log" in folders:
            folders.remove("log")
        for name in names:
            with suppress(FileNotFoundError):
                status = os.lstat(os.path.join(place, name))
                if status.st_size:
                    found.add((place, name, status.st_ino, status.st_size, status.st_mtime_ns))
    return frozenset(found)


def lay_old(job: Job, shared: Path, folder: Path) -> None:
    """Old results, and a user's own files beside them, which are months old."""
    for path in (shared / "old" / job.name).iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    for name in FOREIGN:
        (folder / name).write_text(f"mine: {name}\n")
        os.utime(folder / name, (1.6e9, 1.6e9))


def check_foreign(folder: Path) -> None:
    """LostError where one of the user's own files is not what it was."""
    for name in FOREIGN:
        path = folder / name
        promise(
            path.is_file() and path.read_text() == f"mine: {name}\n", f"the user's file {name} was touched"
        )


def check_results(job: Job, shared: Path, folder: Path, new_alone: bool) -> None:
    """LostError unless every result is the old or the new one, or ``new_alone``, and whole."""
    for expected in sorted((shared / "new" / job.name).iterdir()):
        if not expected.is_file():
            continue
        path, before = folder / expected.name, shared / "old" / job.name / expected.name
        if not path.exists():
            promise(not before.exists() and not new_alone, f"{job.name}: {path.name} is gone")
            continue
        if before.exists() and not new_alone and path.read_bytes() == before.read_bytes():
            continue
        kind = "not the new one" if new_alone else "neither the old nor the new one"
        text = f"{job.name}: {path.name} is {kind}, {path.stat().st_size} bytes of {expected.stat().st_size}"
        try:
            found = content(path)
        except Exception as error:
            raise LostError(f"{text} ({type(error).__name__}: {str(error)[:80]})") from error
        promise(found == content(expected), text)


def leftovers(job: Job, shared: Path, folder: Path) -> list[str]:
    """Names in a folder that are neither results nor the user's."""
    wanted = {path.name for path in (shared / "new" / job.name).iterdir()} | set(FOREIGN) | {"log", "filler"}
    return sorted(path.name for path in folder.iterdir() if path.name not in wanted)


def content(path: Path):
    """What is in a result, without times; raises where it is not whole."""
    name = path.name
    if name.endswith((".nrrd", ".nii", ".nii.gz", ".mha")):
        return verdicts.image_content(path)
    if name.endswith(".json"):
        return verdicts.numbers(path)
    if name.endswith(".png"):
        import matplotlib.image

        return verdicts.digest(matplotlib.image.imread(path))
    if name.endswith(".mrb"):
        return _scene(path)
    if name.endswith(".pt"):
        return _checkpoint_content(path)
    if name.endswith(".npz"):
        with np.load(path) as stored:
            return {key: verdicts.digest(stored[key]) for key in sorted(stored.files)}
    if name.endswith(".safetensors"):
        return verdicts.weights_content(path)
    return path.read_bytes()


def _scene(path: Path) -> dict:
    """Images and names of an archive; CRCs of all of it are checked."""
    import xml.etree.ElementTree as ET

    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            short = name.split("/", 1)[-1]
            if short.endswith(".mrml"):
                root = ET.fromstring(data)
                found[short] = sorted(f"{node.tag} {node.get('name')}" for node in root)
            elif short.endswith(".nrrd"):
                found[short] = verdicts.digest(np.frombuffer(data, np.uint8)[-64:])
            else:
                found[short] = None
    return found


def _checkpoint_content(path: Path) -> dict:
    import torch

    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        promise(archive.testzip() is None, f"{path.name} is damaged inside")
    loaded = torch.load(path, weights_only=True)
    return {"step": loaded["step"], "keys": sorted(loaded["network"])}
