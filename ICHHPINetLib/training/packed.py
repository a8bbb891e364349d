"""What a pack holds: cases on the working grid and shapes of bleeds, checked when they are read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..datasets import find_cases
from .hu_codes import decode

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
    """Cases by name, names of those that bleed, and bleed shapes.

    A case of a pack in one file is in memory; of one in shards, it is read whenever it is asked for.
    """

    cases: Mapping[str, PackedCase]
    bleeding: frozenset[str]
    shapes: list[Shape]

    def is_of(self, cases_folder: Path) -> bool:
        """Whether the names of the cases to learn from in a folder are those of the pack."""
        return {case.name for case in find_cases(cases_folder) if case.labeled} == set(self.cases)


def parts_of(key: str) -> tuple[str, str, str]:
    """Kind, name and field of an array; ValueError where its key has no such parts."""
    kind, rest = key.split("/", 1)
    name, field = rest.rsplit("/", 1)
    return kind, name, field


def unpacked(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, PackedCase], list[Shape]]:
    """Cases and shapes, every array of them checked; ValueError where one is missing or damaged."""
    groups: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    for key, array in arrays.items():
        kind, name, field = parts_of(key)
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
    return cases, shapes


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
