"""Slices in the order in which they lie, checked to be one volume, each with the thickness it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

import numpy as np

from ..errors import InputFileError
from ..words import tr as _
from . import acquisition_words as sentences
from .dicom_slices import Slice

# A slice counts as out of place from this share of the usual distance on, or from so many mm where that is
# more: some scanners round positions to 0.1 mm.
_TOLERANCE, _ROUNDING_MM = 0.1, 0.11
# So far a slice may lie beside the line from the first to the last one.
_ASIDE_MM = 0.5
_MOST_BLOCKS, _LEAST_SLICES = 4, 3
# Blocks are put on one grid: thicknesses come out this near, and the blocks this near to their places.
_THICKNESS, _PLACE_MM, _FINEST_MM = 0.005, 0.5, 0.45


@dataclass(frozen=True)
class Stack:
    """Slices ascending along their normal, and the even grid on which they stand for themselves.

    Slice i fills ``repeats[i]`` planes of the grid, ``step`` mm apart; the first plane is centered at
    ``start`` mm from the first slice along the normal. ``blocks`` are (number of slices, distance mm) and
    ``gaps`` the distances between blocks; one block is an ordinary series, with one plane a slice.
    """

    slices: list[Slice]
    repeats: list[int]
    step: float
    start: float
    blocks: list[tuple[int, float]]
    gaps: list[float]


def stack(folder: Path, slices: Sequence[Slice]) -> Stack:
    """Sort the slices of a series and find their distances.

    Two or more blocks of even slices, thin ones at the skull base and thick ones above, as head CTs once
    were taken, come on one fine grid: every plane belongs to the slice in whose slab it lies. In a block a
    slice's slab reaches half way to its neighbors. Between two blocks the border divides the distance in
    proportion to their thicknesses. So slabs that overlap by their nominal thickness count once, a gap
    between them goes to both, and nothing is counted twice or lost.

    Raises
    ------
    InputFileError
        If slices differ in size, pixels or orientation, lie on the same spot or beside each other, are
        missing, or are of several acquisitions.
    """
    _check_alike(folder, slices)
    normal = slices[0].direction[:, 2]
    slices = sorted(slices, key=lambda one: float(one.origin @ normal))
    position = np.array([one.origin @ normal for one in slices])
    gaps = np.diff(position)
    _check_acquisitions(folder, slices, position)
    for index, gap in enumerate(gaps):
        if gap < _TOLERANCE * min(float(np.median(gaps)), 1.0):
            one, other = (slices[at].name for at in (index, index + 1))
            raise InputFileError(sentences.same_spot(folder=folder, one=one, other=other, mm=position[index]))
    if _even(gaps):
        step = float((position[-1] - position[0]) / len(gaps))
        return Stack(slices, [1] * len(slices), step, 0.0, [(len(slices), step)], [])
    blocks = _blocks(gaps, [one.thickness for one in slices])
    _check_blocks(folder, slices, position, blocks)
    return _on_fine_grid(slices, gaps, blocks)


def aside_mm(folder: Path, slices: Sequence[Slice]) -> float:
    """How far the last slice lies beside the normal of the first, mm, as after a tilt of the gantry.

    Raises InputFileError if the slices do not lie on one line.
    """
    normal = slices[0].direction[:, 2]
    position = np.array([one.origin @ normal for one in slices])
    beside = np.array([one.origin - slices[0].origin for one in slices])
    beside -= np.outer(position - position[0], normal)
    share = (position - position[0]) / (position[-1] - position[0])
    if np.linalg.norm(beside - np.outer(share, beside[-1]), axis=1).max() > _ASIDE_MM:
        raise InputFileError(sentences.moved_table(folder=folder))
    return float(np.linalg.norm(beside[-1]))


def _check_alike(folder: Path, slices: Sequence[Slice]) -> None:
    first = slices[0]
    for other in slices:
        if other.size != first.size or not np.allclose(other.direction, first.direction, atol=1e-3):
            names = {"one": first.name, "other": other.name}
            raise InputFileError(sentences.slices_differ(folder=folder, **names))
    if not np.allclose([one.spacing for one in slices], first.spacing, rtol=1e-3, atol=0):
        raise InputFileError(sentences.pixel_sizes_differ(folder=folder))


def _close(gap: float, usual: float) -> bool:
    return abs(gap - usual) <= max(_TOLERANCE * usual, _ROUNDING_MM)


def _even(gaps: np.ndarray) -> bool:
    return bool(len(gaps)) and all(_close(gap, float(np.median(gaps))) for gap in gaps)


def _check_acquisitions(folder: Path, slices: Sequence[Slice], position: np.ndarray) -> None:
    """InputFileError, which names them, for two or more acquisitions that lie in each other."""
    if len(slices) < 4:
        return
    gaps = np.diff(position)
    alike = _even(gaps)
    for keyword in dict.fromkeys(key for one in slices for key in one.marks):
        groups: dict[str, list[int]] = {}
        for index, one in enumerate(slices):
            groups.setdefault(one.marks.get(keyword, ""), []).append(index)
        parts = [position[group] for group in groups.values()]
        if not 2 <= len(parts) <= _MOST_BLOCKS or not all(_even(np.diff(part)) for part in parts):
            continue
        # Side by side they are blocks of one CT.
        in_each_other = any(one[0] < other[-1] and other[0] < one[-1] for one, other in pairwise(parts))
        thick = [one.thickness or 0.0 for one in slices]
        if not in_each_other or (alike and max(thick) < 1.5 * float(np.median(gaps))):
            # Taken in turns to fill each other's gaps, they are one CT too.
            continue
        names = "; ".join(
            _("{keyword} '{value}' with {count} slices, {name} and others").format(
                keyword=keyword, value=value, count=len(group), name=slices[group[0]].name
            )
            for value, group in groups.items()
        )
        raise InputFileError(sentences.acquisitions(folder=folder, count=len(groups), names=names))


def _blocks(gaps: np.ndarray, thickness: Sequence[float | None]) -> list[range]:
    """Slices of each run of even distances, in order."""
    blocks, start = [], 0
    while start <= len(gaps):
        stop = start + 1
        while stop <= len(gaps) and _close(gaps[stop - 1], gaps[start]):
            stop += 1
        blocks.append(range(start, stop))
        start = stop
    for index in range(len(blocks) - 1):
        # The slice at which the distance changes may be of either block: of the one whose thickness it has.
        below, above = blocks[index : index + 2]
        last, other = below[-1], float(gaps[min(above[0], len(gaps) - 1)])
        own = thickness[last]
        if own and _close(gaps[last], other) and _close(own, other) and not _close(own, gaps[below[0]]):
            blocks[index : index + 2] = [below[:-1], range(last, above.stop)]
    return [block for block in blocks if block]


def _check_blocks(folder: Path, slices: list[Slice], position: np.ndarray, blocks: list[range]) -> None:
    """InputFileError where slices are missing, or blocks cannot be put together."""
    gaps = np.diff(position)
    steps = [float(np.mean(gaps[block[0] : block[-1]])) if len(block) > 1 else None for block in blocks]
    known = [step for step in steps if step is not None]
    if all(_close(step, float(np.median(gaps))) for step in known):
        raise InputFileError(_uneven(folder, slices, position))
    problem = ""
    if len(blocks) > _MOST_BLOCKS or min(len(block) for block in blocks) < _LEAST_SLICES:
        problem = _("there are too many blocks, or too few slices in one")
    for block, step in zip(blocks, steps, strict=True):
        thick = max(slices[index].thickness or 0.0 for index in block)
        if step is not None and thick and step > 1.25 * thick + _ROUNDING_MM:
            problem = problem or _("slices {step:.2f} mm apart say that they are {thick:g} mm thick").format(
                step=step, thick=thick
            )
    for (below, one), (_above, other) in pairwise(zip(blocks, steps, strict=True)):
        gap = gaps[below[-1]]
        if one is None or other is None or problem:
            break
        if _close(one, other) or gap > max(one, other) + max(_TOLERANCE * max(one, other), _ROUNDING_MM):
            problem = _("the {gap:.2f} mm above {name} fit neither block").format(
                gap=gap, name=slices[below[-1]].name
            )
    if problem:
        raise InputFileError(
            sentences.blocks_apart(
                folder=folder, count=len(blocks), blocks=_listed(blocks, steps), problem=problem
            )
        )


def _uneven(folder: Path, slices: list[Slice], position: np.ndarray) -> str:
    gaps = np.diff(position)
    usual = float(np.median(gaps))
    index = next(index for index, gap in enumerate(gaps) if not _close(gap, usual))
    missing = round(gaps[index] / usual) - 1
    guess = _("{missing} missing").format(missing=missing) if missing > 0 else _("irregular distances")
    one, other = slices[index].name, slices[index + 1].name
    return sentences.uneven(
        folder=folder, guess=guess, gap=gaps[index], one=one, other=other, mm=position[index], usual=usual
    )


def _listed(blocks: Sequence[range], steps: Sequence[float | None]) -> str:
    words = [
        _("1 slice")
        if step is None
        else _("{count} slices {step:.2f} mm apart").format(count=len(block), step=step)
        for block, step in zip(blocks, steps, strict=True)
    ]
    more = _(" and {count} more").format(count=len(words) - _MOST_BLOCKS) if len(words) > _MOST_BLOCKS else ""
    return ", ".join(words[:_MOST_BLOCKS]) + more


def _on_fine_grid(slices: list[Slice], gaps: np.ndarray, blocks: list[range]) -> Stack:
    steps = [float(np.mean(gaps[block[0] : block[-1]])) for block in blocks]
    between = [float(gaps[block[-1]]) for block in blocks[:-1]]
    plane, counts = _plane_thickness(steps, between)
    repeats = [count for block, count in zip(blocks, counts, strict=True) for _slice in block]
    for index, gap in enumerate(between):
        one, other = steps[index : index + 2]
        # Both slices at the border have their outer half, and their part of the distance between them.
        total = max(2, round((0.5 * one + gap + 0.5 * other) / plane))
        lower = min(max(1, round((0.5 * one + gap * one / (one + other)) / plane)), total - 1)
        border = blocks[index][-1]
        repeats[border], repeats[border + 1] = lower, total - lower
    sizes = [(len(block), step) for block, step in zip(blocks, steps, strict=True)]
    return Stack(slices, repeats, plane, 0.5 * (plane - steps[0]), sizes, between)


def _plane_thickness(steps: list[float], between: list[float]) -> tuple[float, list[int]]:
    """The coarsest plane of which all thicknesses are nearly multiples, mm, and these multiples."""
    candidates = []
    for division in range(1, 13):
        if division > 1 and min(steps) / division < _FINEST_MM:
            break
        counts = [max(1, round(step * division / min(steps))) for step in steps]
        sizes = [step / count for step, count in zip(steps, counts, strict=True)]
        plane = 0.5 * (min(sizes) + max(sizes))
        thickness = max(abs(plane * count / step - 1) for step, count in zip(steps, counts, strict=True))
        ends = [0.5 * (one + other) + gap for (one, other), gap in zip(pairwise(steps), between, strict=True)]
        place = max(abs(end - plane * round(end / plane)) for end in ends)
        rank = (max(0.0, thickness - _THICKNESS), max(0.0, place - _PLACE_MM))
        candidates.append((rank, plane, counts))
    _cost, plane, counts = min(candidates, key=itemgetter(0))
    return plane, counts
