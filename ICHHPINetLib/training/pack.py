"""One file with everything that training needs, at the resolution of training.

CTs and masks are brought to the working grid once and stored as bytes, so that training
runs unchanged wherever this file (under 45 MiB for the development cases) is carried.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..datasets import CaseImages, check_cases, find_cases, read_case
from ..errors import InputFileError
from ..imaging.label_files import read_labels
from ..imaging.orientation import to_canonical
from ..imaging.output_files import whole_file
from ..imaging.working_grid import PIXEL_MM, WorkingGrid
from .hu_codes import decode, encode

_BONE_HU = 150.0
# No group of slices on the working grid is thicker.
_THICKEST_MM = 100.0


@dataclass(frozen=True)
class PackedCase:
    """A CT on the working grid: codes uint8 (Z, Y, X), bleed fraction uint8 0..255, inside of the skull."""

    name: str
    codes: np.ndarray
    fraction: np.ndarray
    inside: np.ndarray
    slice_mm: float

    @property
    def bleeds(self) -> bool:
        return bool(self.fraction.any())

    def hu(self) -> np.ndarray:
        """float32 (Z, Y, X)."""
        return decode(self.codes)


@dataclass(frozen=True)
class Shape:
    """A bleed without an image: bool (Z, Y, X) at ``PIXEL_MM`` in plane, its slice distance, and where in
    the head its center lay, as fractions (z, y, x) of the volume."""

    mask: np.ndarray
    slice_mm: float
    center: tuple[float, float, float]


@dataclass(frozen=True)
class Pack:
    """Cases and bleed shapes, loaded."""

    cases: dict[str, PackedCase]
    shapes: list[Shape]

    def is_of(self, cases_folder: Path) -> bool:
        """Whether the names of the cases to learn from in a folder are those of the pack."""
        return {case.name for case in find_cases(cases_folder) if case.labeled} == set(self.cases)


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
    output: the .npz to write.

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
    for case in usable:
        images = read_case(case)
        arrays.update(_pack_case(images))
        notes += [f"{case.name}: {note}" for note in images.notes]
    if shapes_folder is not None:
        for number, path in enumerate(sorted(Path(shapes_folder).glob("*.nii.gz"))):
            arrays.update(_pack_shape(number, path))
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
    """Reads a pack.

    Raises
    ------
    InputFileError
        If the file is missing or no pack.
    """
    try:
        with np.load(path) as stored:
            arrays = {key: stored[key] for key in stored.files}
        return _unpacked(arrays)
    except Exception as error:  # of as many kinds as there are ways to damage an archive
        reason = str(error).strip() or type(error).__name__
        raise InputFileError(f"{path} is no training pack ({reason}); make one by naming --cases.") from error


def _unpacked(arrays: dict[str, np.ndarray]) -> Pack:
    """Checks every array; ValueError or KeyError where one is missing or damaged."""
    groups: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    for key, array in arrays.items():
        kind, rest = key.split("/", 1)
        name, field = rest.rsplit("/", 1)
        groups.setdefault((kind, name), {})[field] = array
    cases, shapes = {}, []
    for (kind, name), fields in groups.items():
        try:
            if kind == "case":
                cases[name] = _case(name, fields)
            elif kind == "shape":
                shapes.append(_shape(fields))
            else:
                raise ValueError("it is of an unknown kind")
        except KeyError as error:
            raise ValueError(f"{kind} {name} lacks {error}") from error
        except (TypeError, ValueError) as error:
            raise ValueError(f"{kind} {name} is damaged: {error}") from error
    if not cases:
        raise ValueError("it holds no case")
    return Pack(cases, shapes)


def _case(name: str, fields: dict[str, np.ndarray]) -> PackedCase:
    _expect(set(fields) <= {"codes", "inside", "slice_mm", "fraction"}, "its fields")
    codes, inside = fields["codes"], fields["inside"]
    _expect(codes.dtype == np.uint8 and codes.ndim == 3 and codes.size > 0, "its CT")
    fraction = fields.get("fraction", np.zeros(codes.shape, np.uint8))
    _expect(fraction.dtype == np.uint8 and fraction.shape == codes.shape, "its blood")
    return PackedCase(name, codes, fraction, _bits(inside, codes.shape), _slice_mm(fields["slice_mm"]))


def _shape(fields: dict[str, np.ndarray]) -> Shape:
    _expect(set(fields) <= {"mask", "size", "place"}, "its fields")
    size, place = fields["size"], fields["place"]
    _expect(size.dtype.kind in "iu" and size.shape == (3,) and (size > 0).all(), "its size")
    _expect(place.dtype.kind == "f" and place.shape == (4,), "its place")
    mask = _bits(fields["mask"], tuple(size.tolist()))
    center = place[1:].tolist()
    _expect(mask.any() and all(0 <= part <= 1 for part in center), "its mask or place")
    return Shape(mask, _slice_mm(place[0]), tuple(center))


def _bits(packed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Bool array of ``shape`` from bits that fill no byte more than they need."""
    count = math.prod(shape)
    _expect(packed.dtype == np.uint8 and packed.shape == ((count + 7) // 8,), "its bits")
    return np.unpackbits(packed, count=count).reshape(shape).astype(bool)


def _slice_mm(value: np.ndarray) -> float:
    _expect(
        np.shape(value) == () and value.dtype.kind == "f" and 0 < value < _THICKEST_MM, "its slice distance"
    )
    return float(value)


def _expect(true: bool, what: str) -> None:
    if not true:
        raise ValueError(what)
