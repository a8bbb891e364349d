"""Training samples: a crop of a head with its truth, real or synthetic, and augmented."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ..imaging.working_grid import MULTIPLE
from .blood_age import aged
from .hard_negatives import add_hard_negatives
from .packed import Pack
from .synthetic import insert_bleeds
from .transplant import transplanted


@dataclass(frozen=True)
class Sample:
    """HU and blood fraction, float32 (Z, Y, X), Y and X multiples of 16; slice distance in mm."""

    hu: np.ndarray
    fraction: np.ndarray
    slice_mm: float


@dataclass(frozen=True)
class Mixture:
    """How samples are drawn: shares of real bleeds and of synthetic ones; the rest has no bleed at all.

    whole: share of whole heads. All others are crops of about ``voxels``, long or wide: a scribble must
        learn to reach far along the axis as well as across the plane, and both at once are dear.
    aged: share of the real bleeds that get the density of another age.
    moved: share of the real bleeds that are put into a bleed-free head, where one of three has room for them.
    hard: share of the samples of all kinds with bright things that are no blood.
    """

    real: float = 0.75
    synthetic: float = 0.2
    whole: float = 0.03
    voxels: int = 240_000
    aged: float = 0.2
    moved: float = 0.5
    hard: float = 0.5


# Synthetic bleeds alone, in parts of the head: many and cheap. No real bleed is seen, so that
# one such training can come before those of all folds.
PRETRAINING = Mixture(real=0.0, synthetic=0.9, whole=0.0)

# In stacks that are wider and flatter, the CPU library of PyTorch 2.13 crashes in the gradient of bfloat16
# kernels of one or two channels.
_SHORTEST = 10
_WIDEST = 128
_BONE_HU = 300.0
_AIR_HU = -200.0
_WARPED = 0.7
# Shares of samples that are flipped along each axis.
_FLIPPED = (0.1, 0.1, 0.5)
_BLOOD = 0.1
# Heads that are tried for a real bleed.
_HOSTS = 3

Placing = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


class Sampler:
    """Draws samples from the cases of a training split, the same ones for the same seed."""

    def __init__(self, pack: Pack, names: list[str], mixture: Mixture, seed: int | Sequence[int]) -> None:
        self.cases = pack.cases
        self.bleeding = [name for name in names if name in pack.bleeding]
        self.clean = [name for name in names if name not in pack.bleeding]
        self.shapes = pack.shapes
        self.mixture = mixture
        self.rng = np.random.default_rng(seed)

    def draw(self) -> Sample:
        """One augmented sample."""
        rng, kind = self.rng, self.rng.random()
        if kind < self.mixture.real or not self.clean:
            case = self.cases[self.bleeding[rng.integers(len(self.bleeding))]]
            hu, fraction = case.hu(), case.fraction.astype(np.float32) / 255
            if rng.random() < self.mixture.aged:
                hu = aged(hu, fraction, rng)
            if self.clean and rng.random() < self.mixture.moved:
                for number in rng.integers(len(self.clean), size=_HOSTS):
                    host = self.cases[self.clean[number]]
                    made = transplanted(case, hu, host, rng)
                    if made is not None:
                        case, (hu, fraction) = host, made
                        break
        else:
            case = self.cases[self.clean[rng.integers(len(self.clean))]]
            if kind < self.mixture.real + self.mixture.synthetic:
                hu, fraction = insert_bleeds(case, self.shapes, rng)
            else:
                hu, fraction = case.hu(), np.zeros(case.codes.shape, np.float32)
        if rng.random() < self.mixture.hard:
            hu = add_hard_negatives(hu, fraction, case.inside, case.slice_mm, rng)
        # Interpolated noise is smoother than a scan's own, which a network must know as well.
        place = warp if rng.random() < _WARPED else mirror
        if rng.random() < self.mixture.whole and len(hu) >= _SHORTEST:
            hu, fraction = place(hu, fraction, rng)
        else:
            hu, fraction = self._crop(hu, fraction, place)
        return Sample(intensities(hu, fraction, rng), fraction, case.slice_mm)

    def _crop(self, hu: np.ndarray, fraction: np.ndarray, place: Placing) -> tuple[np.ndarray, np.ndarray]:
        """Some slices in a row and a square part of their plane, with a pixel of the bleed anywhere in it."""
        depth = len(hu)
        shortest = min(_SHORTEST, depth)
        count = int(np.exp(self.rng.uniform(np.log(shortest), np.log(depth + 0.99))))
        bleeding = np.flatnonzero(fraction.any(axis=(1, 2)))
        center = self.rng.choice(bleeding) if bleeding.size else self.rng.integers(depth)
        start = int(np.clip(center - self.rng.integers(count), 0, depth - count))
        stack = slice(start, start + count)
        hu, fraction = place(hu[stack], fraction[stack], self.rng)
        side = int((self.mixture.voxels / count) ** 0.5) // MULTIPLE * MULTIPLE
        side = min(max(MULTIPLE, side), _WIDEST)
        blood = np.argwhere(fraction.max(0) > 0.5)
        part = []
        for axis, length in enumerate(hu.shape[1:]):
            center = blood[self.rng.integers(len(blood)), axis] if len(blood) else self.rng.integers(length)
            start = int(np.clip(center - self.rng.integers(side), 0, max(0, length - side)))
            part.append(slice(start, start + side))
        return tuple(np.ascontiguousarray(x[:, part[0], part[1]]) for x in (hu, fraction))


def warp(hu: np.ndarray, fraction: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Flips, rotation, scale and shift in plane; pads to multiples of 16 with air."""
    height, width = (-(-n // MULTIPLE) * MULTIPLE for n in hu.shape[1:])
    angle = np.deg2rad(rng.normal(0, 10))
    zoom = np.exp(rng.normal(0, 0.08, 2))
    flip = np.where(rng.random(2) < _FLIPPED[1:], -1, 1)
    cos, sin = np.cos(angle), np.sin(angle)
    ratio = height / width
    scale = np.array([width / hu.shape[2], height / hu.shape[1]])
    matrix = (
        np.array([[cos, -sin * ratio], [sin / ratio, cos]]) * (flip[::-1] * zoom)[None, :] * scale[:, None]
    )
    theta = np.concatenate([matrix, rng.normal(0, 0.04, (2, 1))], 1)
    stacked = torch.from_numpy(np.stack([hu - _AIR_HU, fraction], 1).astype(np.float32))
    grid = F.affine_grid(
        torch.from_numpy(theta).float().expand(len(hu), 2, 3),
        [len(hu), 2, height, width],
        align_corners=False,
    )
    out = F.grid_sample(stacked, grid, mode="bilinear", padding_mode="zeros", align_corners=False).numpy()
    if rng.random() < _FLIPPED[0]:
        out = out[::-1]
    return out[:, 0] + _AIR_HU, np.ascontiguousarray(out[:, 1])


def mirror(hu: np.ndarray, fraction: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """As ``warp``, flips alone: every voxel keeps its value."""
    padding = [(0, 0), *((0, -n % MULTIPLE) for n in hu.shape[1:])]
    steps = tuple(slice(None, None, -1 if rng.random() < share else 1) for share in _FLIPPED)
    return (
        np.pad(hu[steps], padding, constant_values=_AIR_HU).astype(np.float32),
        np.pad(fraction[steps], padding).astype(np.float32),
    )


def intensities(hu: np.ndarray, fraction: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scanner differences: offset, contrast, noise, sharpness, and now and then a windowed export.

    The skull of an export is bone, as ``calibrate_hu`` leaves it.
    """
    from scipy import ndimage

    if rng.random() < 0.25:
        hu = ndimage.gaussian_filter(hu, (0, *[rng.uniform(0.3, 0.8)] * 2))
    if rng.random() < 0.35:
        hu = hu + rng.normal(0, rng.uniform(1, 4), hu.shape)
    tissue = (hu - 32) * np.exp(rng.normal(0, 0.08)) + 32 + rng.normal(0, 2.5)
    if rng.random() < 0.15:
        low, high = rng.uniform(-15, 2), rng.uniform(70, 120)
        bone = (tissue > high) & (fraction < _BLOOD)
        tissue = np.where(bone, _BONE_HU, np.clip(tissue, low, high))
    return tissue.astype(np.float32)
