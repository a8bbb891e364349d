"""A registry of generated heads, some of their files damaged."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk

from ICHHPINetLib.cohort.pool import open_pool
from ICHHPINetLib.phantom import generate

_KINDS = ("deep", "lobar", "intraventricular")
_SPACING, _SLICES = (5.0, 2.0, 2.0), 24
_ONE_OF = 20


def make(folder: Path, count: int, workers: int) -> int:
    """Write ``count`` CTs, of which every twentieth is damaged; how many are. Those that are there stay."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [(folder, number) for number in range(count) if not _path(folder, number).exists()]
    if missing:
        with open_pool(workers) as pool:
            list(pool.run(_write, missing))
    return len(range(_ONE_OF // 2, count, _ONE_OF))


def _path(folder: Path, number: int) -> Path:
    return folder / f"head{number:04d}.nii.gz"


def _write(folder: Path, number: int) -> None:
    made = generate(_KINDS[number % len(_KINDS)], number, _SPACING, slices=_SLICES)
    image = sitk.GetImageFromArray(made.volume)
    image.SetSpacing(made.spacing[::-1])
    path = _path(folder, number)
    draft = path.with_name(f".{path.name}")
    sitk.WriteImage(image, str(draft))
    if number % _ONE_OF == _ONE_OF // 2:
        content = draft.read_bytes()
        # Cut off, empty, no image at all, in turn.
        damaged = (content[: len(content) // 2], b"", b"not a CT\n" * 100)
        draft.write_bytes(damaged[number // _ONE_OF % len(damaged)])
    draft.replace(path)
