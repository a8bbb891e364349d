"""Everything that training needs, at the resolution of training.

CTs and masks are brought to the working grid once and stored as bytes: in one file, so that training
runs unchanged wherever this file (under 45 MiB for the development cases) is carried, or in a folder of
shards where the memory might not hold it.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..datasets import CaseImages, check_cases, find_cases, read_case
from ..errors import InputFileError
from ..imaging.label_files import read_labels
from ..imaging.orientation import to_canonical
from ..imaging.output_files import drafts_folder, whole_file
from ..imaging.working_grid import PIXEL_MM, WorkingGrid
from .hu_codes import encode
from .packed import Pack, unpacked
from .shards import load_shards, write_shard

_BONE_HU = 150.0
# Bytes before compression. Two hundred CTs have less, and stay in one file.
SHARD_BYTES = 512 * 2**20


def inside_skull(hu: np.ndarray) -> np.ndarray:
    """Bool (Z, Y, X): what bone encloses in each slice; empty where the skull is open."""
    inside = np.zeros(hu.shape, bool)
    for index, plane in enumerate(hu):
        bone = ndimage.binary_closing(np.pad(plane > _BONE_HU, 4), iterations=3)
        filled = ndimage.binary_fill_holes(bone) & ~bone
        labels, count = ndimage.label(filled[4:-4, 4:-4])
        if count:
            largest = 1 + np.argmax(np.bincount(labels.ravel())[1:])
            inside[index] = labels == largest
    return inside


def build(cases_folder: Path, shapes_folder: Path | None, output: Path) -> list[str]:
    """Writes the pack.

    Parameters
    ----------
    cases_folder: a data set in any layout that ``datasets.find_cases`` knows. A case that may bleed
        but has no mask teaches nothing and is left out.
    shapes_folder: masks of bleeds without images, or None.
    output: the .npz to write. More than 512 MiB become shards in a folder of that name without ending.

    Returns
    -------
    What a user should know about the cases, a line each.

    Raises
    ------
    InputFileError
        If the folder has no case to learn from, a mask does not lie on its CT, or a file is damaged.
    InvalidVolumeError
        If a CT is none, or a mask or shape holds no labels.
    """
    cases = find_cases(cases_folder)
    usable = [case for case in cases if case.labeled]
    if not usable:
        raise InputFileError(f"None of the {len(cases)} cases in {cases_folder} has a mask: add the masks.")
    check_cases(usable)
    notes = [f"{case.name}: left out. {' '.join(case.notes)}" for case in cases if not case.labeled]
    arrays: dict[str, np.ndarray] = {}
    with drafts_folder(output.parent) as drafts:
        for case in usable:
            images = read_case(case)
            arrays.update(_pack_case(images))
            notes += [f"{case.name}: {note}" for note in images.notes]
            if sum(array.nbytes for array in arrays.values()) > SHARD_BYTES:
                write_shard(drafts / "shards", arrays)
                arrays.clear()
        if shapes_folder is not None:
            for number, path in enumerate(sorted(Path(shapes_folder).glob("*.nii.gz"))):
                arrays.update(_pack_shape(number, path))
        if (drafts / "shards").exists():
            if arrays:
                write_shard(drafts / "shards", arrays)
            os.replace(drafts / "shards", output.with_suffix(""))
            return notes
    with whole_file(output, lambda draft: _holds(draft, arrays)) as draft, draft.open("wb") as file:
        # Into an open file: numpy would add an ending to a name that lacks its own.
        np.savez_compressed(file, **arrays)
    return notes


def _holds(path: Path, arrays: dict[str, np.ndarray]) -> bool:
    with np.load(path) as stored:
        return set(stored.files) == set(arrays) and all(
            np.array_equal(stored[name], array) for name, array in arrays.items()
        )


def _pack_case(images: CaseImages) -> dict[str, np.ndarray]:
    name, volume, spacing = images.name, images.ct.network_hu, images.ct.spacing
    grid = WorkingGrid.fit(volume, spacing)
    crop = (slice(None), slice(0, grid.size[0]), slice(0, grid.size[1]))
    hu = grid.on_working_grid(volume)[crop]
    arrays = {
        f"case/{name}/codes": encode(hu),
        f"case/{name}/inside": np.packbits(inside_skull(hu)),
        f"case/{name}/slice_mm": np.float32(spacing[0] * grid.group),
    }
    if images.mask is not None:
        truth = images.mask > 0
        arrays[f"case/{name}/fraction"] = np.rint(255 * grid.on_working_grid(truth)[crop]).astype(np.uint8)
    return arrays


def _pack_shape(number: int, path: Path) -> dict[str, np.ndarray]:
    file = read_labels(path)
    direction = np.array(file.grid.GetDirection()).reshape(3, 3)
    mask, order = to_canonical(file.label_map() > 0, direction)
    spacing = order.spacing(file.grid.GetSpacing()[::-1])
    if not mask.any():
        return {}
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    center = [(part.start + part.stop) / 2 / size for part, size in zip(box, mask.shape, strict=True)]
    zoom = (1, spacing[1] / PIXEL_MM, spacing[2] / PIXEL_MM)
    small = ndimage.zoom(mask[box].astype(np.float32), zoom, order=1) > 0.5
    if not small.any():
        return {}
    return {
        f"shape/{number}/mask": np.packbits(small),
        f"shape/{number}/size": np.array(small.shape, np.int32),
        f"shape/{number}/place": np.array([spacing[0], *center], np.float32),
    }


def load(path: Path) -> Pack:
    """Reads a pack, a file or a folder of shards.

    Raises
    ------
    InputFileError
        If it is missing or no pack.
    """
    try:
        if path.is_dir():
            return load_shards(path)
        with np.load(path) as stored:
            cases, shapes = unpacked({key: stored[key] for key in stored.files})
        if not cases:
            raise ValueError("it holds no case")
        return Pack(cases, frozenset(name for name, case in cases.items() if case.bleeds), shapes)
    except Exception as error:  # of as many kinds as there are ways to damage an archive
        reason = str(error).strip() or type(error).__name__
        raise InputFileError(f"{path} is no training pack ({reason}); make one by naming --cases.") from error
