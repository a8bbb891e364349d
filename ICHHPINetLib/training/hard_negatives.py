"""Things in a head that are as bright as blood and are none.

Calcified choroid plexus, pineal gland and basal ganglia, a dense or calcified falx, bone that shines
into a slice from its neighbor, and what bone does to the rays: a bright rim below the inner
table and streaks across the lower slices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..imaging.working_grid import PIXEL_MM
from .bleed_shapes import ball, depth_below_skull, field, log_uniform, wobble

_BRAIN_HU = 32.0
_FLUID_HU = 16.0
_BONE_HU = 150.0
# No calcification lies in voxels that hold more blood than this, nor next to them.
_BLOOD = 0.02
_APART = 2
_DEEP_MM = 22.0


@dataclass(frozen=True)
class Head:
    """HU float32 (Z, Y, X), mm below the inner table (Z, Y, X), slice distance in mm."""

    hu: np.ndarray
    depth: np.ndarray
    slice_mm: float

    def midline(self, index: int) -> np.ndarray | None:
        """Column (Y,) of the middle between left and right inner table in a slice, a straight line.

        None where the slice shows too little of the inside.
        """
        inside = self.depth[index] > 0
        rows = np.flatnonzero(inside.any(1))
        if len(rows) < 20:
            return None
        left = inside[rows].argmax(1)
        right = inside.shape[1] - 1 - inside[rows, ::-1].argmax(1)
        slope, start = np.polyfit(rows, (left + right) / 2, 1, w=right - left)
        return start + slope * np.arange(inside.shape[0])


def add_hard_negatives(
    hu: np.ndarray, fraction: np.ndarray, inside: np.ndarray, slice_mm: float, rng: np.random.Generator
) -> np.ndarray:
    """A copy of a CT with one or two kinds of bright things that are no blood.

    Parameters
    ----------
    hu: HU float32 (Z, Y, X).
    fraction: of blood in each voxel, 0..1 (Z, Y, X); nothing calcifies in it or next to it.
    inside: bool (Z, Y, X), what the skull encloses; outside of it nothing changes.
    slice_mm: distance of the slices.

    Returns
    -------
    HU float32 (Z, Y, X).
    """
    head = Head(hu, depth_below_skull(inside), slice_mm)
    more = np.zeros(hu.shape, np.float32)
    blood = ndimage.binary_dilation(fraction > _BLOOD, np.ones((1, 2 * _APART + 1, 2 * _APART + 1), bool))
    for make in rng.choice([*KINDS], rng.integers(1, 3), replace=False, p=[*KINDS.values()]):
        made = make(head, rng)
        # What bone does to the image it does to blood as well; a gap would tell where blood is.
        more += made if make in OF_THE_IMAGE else made * ~blood
    return np.where(inside, hu + more, hu).astype(np.float32)


def calcified_choroid(head: Head, rng: np.random.Generator) -> np.ndarray:
    """In both lateral ventricles, where fluid is to be found, seldom in one alone."""
    fluid = (head.depth > _DEEP_MM) & (ndimage.gaussian_filter(head.hu, (0, 1, 1)) < _FLUID_HU)
    return _pair(head, fluid if fluid.any() else head.depth > _DEEP_MM, (1.5, 6), (60, 350), rng)


def calcified_basal_ganglia(head: Head, rng: np.random.Generator) -> np.ndarray:
    """Deep in both halves, faint."""
    return _pair(head, head.depth > _DEEP_MM, (1.5, 7), (45, 130), rng)


def _pair(
    head: Head,
    where: np.ndarray,
    radius: tuple[float, float],
    density: tuple[float, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """What a calcification adds at a place of ``where`` and, mostly, about the mirrored one."""
    more = np.zeros(head.hu.shape, np.float32)
    places = np.argwhere(where)
    if not len(places):
        return more
    first = places[rng.integers(len(places))]
    middle = head.midline(first[0])
    peak, size = log_uniform(rng, *density), log_uniform(rng, *radius)
    both = [first]
    if middle is not None and rng.random() < 0.8:
        mirrored = 2 * middle[first[1]] - first[2]
        both.append(np.array([first[0], first[1], mirrored]) + rng.normal(0, 3, 3) * (0.1, 1, 1))
    for center in both:
        more += _calcification(head, center, size * np.exp(rng.normal(0, 0.25)), peak, rng)
    return more


def calcified_pineal(head: Head, rng: np.random.Generator) -> np.ndarray:
    """One in the midline, a little behind the center."""
    wide = np.flatnonzero(head.depth.max((1, 2)) > 2 * _DEEP_MM)
    index = int(rng.choice(wide[len(wide) // 5 : -(-3 * len(wide) // 5)])) if len(wide) else 0
    middle = head.midline(index)
    if middle is None:
        return np.zeros(head.hu.shape, np.float32)
    rows = np.flatnonzero((head.depth[index] > 0).any(1))
    row = rows[0] + rng.uniform(0.5, 0.66) * (rows[-1] - rows[0])
    center = np.array([index, row, middle[round(row)] + rng.normal(0, 1)])
    return _calcification(head, center, log_uniform(rng, 1.5, 5), log_uniform(rng, 60, 350), rng)


def _calcification(
    head: Head, center: np.ndarray, size: float, peak: float, rng: np.random.Generator
) -> np.ndarray:
    """What an uneven, grainy speck adds to the HU."""
    more = np.zeros(head.hu.shape, np.float32)
    half = 3 * size / np.array([head.slice_mm, PIXEL_MM, PIXEL_MM]) + 1
    low = np.clip(center - half, 0, None).astype(int)
    high = np.minimum(center + half + 1, more.shape).astype(int)
    if (low >= high).any():
        return more
    box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
    shape = more[box].shape
    speck = ball(shape, center - low, size * np.exp(rng.normal(0, 0.2, 3)), head.slice_mm, rng)
    grain = np.clip(1 + 0.3 * field(shape, (0.5, 1, 1), rng), 0.2, 2)
    more[box] = speck * grain * (peak - _BRAIN_HU)
    return more


def dense_falx(head: Head, rng: np.random.Generator) -> np.ndarray:
    """A thin sheet in the midline of the upper half, from the inner table inwards, now and then calcified."""
    more = np.zeros(head.hu.shape, np.float32)
    width, reach = rng.uniform(0.8, 2.5), rng.uniform(15, 50)
    height = wobble(head.hu.shape, rng, 0.5) * rng.uniform(12, 40)
    columns = np.arange(head.hu.shape[2])
    for index in range(len(head.hu) // 2, len(head.hu)):
        middle = head.midline(index)
        if middle is None:
            continue
        off = np.abs(columns[None, :] - middle[:, None]) * PIXEL_MM
        sheet = np.clip((width / 2 - off) / PIXEL_MM + 0.5, 0, 1)
        rows = np.flatnonzero((head.depth[index] > 0).any(1))
        row = np.arange(head.hu.shape[1])
        to_table = np.minimum(row - rows[0], rows[-1] - row) * PIXEL_MM
        more[index] = sheet * np.clip((reach - to_table) / 5, 0, 1)[:, None]
    if rng.random() < 0.3:
        plaques = np.clip(field(head.hu.shape, (0.5, 4, 4), rng) - 1, 0, 1)
        height = height + plaques * log_uniform(rng, 60, 350)
    return more * height


def bone_of_the_next_slice(head: Head, rng: np.random.Generator) -> np.ndarray:
    """Slices as they were thicker: the inner table of the neighbor is seen through the brain."""
    share = np.zeros(len(head.hu))
    start = rng.integers(len(share))
    share[start : start + rng.integers(2, 9)] = rng.uniform(0.03, 0.35)
    more = np.zeros(head.hu.shape, np.float32)
    for step in (-1, 1):
        neighbor = np.roll(head.hu, step, axis=0)
        neighbor[0 if step > 0 else -1] = 0
        more += np.where(neighbor > _BONE_HU, neighbor - head.hu, 0) * rng.uniform(0, 1)
    return np.clip(more, 0, None) * share[:, None, None]


def beam_hardening(head: Head, rng: np.random.Generator) -> np.ndarray:
    """A bright rim below the inner table, and streaks across the lower slices."""
    rim = rng.uniform(3, 14) * np.exp(-head.depth / log_uniform(rng, 1.5, 6))
    streaks = field(head.hu.shape, (0.6, 1.2, 18), rng) * rng.uniform(2, 9)
    height = np.linspace(0, 1, len(head.hu))[:, None, None]
    return rim * wobble(head.hu.shape, rng, 0.4) + streaks * np.clip((0.4 - height) / 0.15, 0, 1)


KINDS = {
    calcified_choroid: 0.2,
    calcified_pineal: 0.1,
    calcified_basal_ganglia: 0.15,
    dense_falx: 0.2,
    bone_of_the_next_slice: 0.2,
    beam_hardening: 0.15,
}
OF_THE_IMAGE = (bone_of_the_next_slice, beam_hardening)
