"""Slices to learn from, with the prompts that they would have in a round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...simulation.training_user import training_scribbles
from .prompts import Prompts, prompts_of

# Prompts of a scribbled slice and of one that the mask is handed on to are trained equally often.
_SCRIBBLED = 0.5
# So often, a scribble corrects a mask of the round before.
_LATER_ROUND = 0.5
_MOST_MOVED = 6


@dataclass(frozen=True)
class Clip:
    """A slice and its neighbors.

    Attributes
    ----------
    gray: float32 (D, Y, X), 0 to 1; truth: bool (D, Y, X).
    center: number of the slice among the D.
    pixel: mm (y, x).
    """

    gray: np.ndarray
    truth: np.ndarray
    center: int
    pixel: tuple[float, float]


def slice_prompts(clip: Clip, rng: np.random.Generator) -> Prompts | None:
    """Prompts of the middle slice, as ``propagation`` would have them: of scribbles, or of a neighbor's mask.

    None where neither it nor a neighbor bleeds.
    """
    truth = clip.truth[clip.center]
    neighbors = [index for index, mask in enumerate(clip.truth) if index != clip.center and mask.any()]
    if neighbors and (not truth.any() or rng.random() > _SCRIBBLED):
        nothing = np.zeros_like(truth)
        return prompts_of(nothing, nothing, clip.truth[rng.choice(neighbors)], clip.pixel)
    return scribbled_prompts(clip, rng)


def scribbled_prompts(clip: Clip, rng: np.random.Generator) -> Prompts | None:
    """Prompts of the middle slice from scribbles on it, in a first or a later round; None without a bleed."""
    truth = clip.truth[clip.center]
    if not truth.any():
        return None
    first = rng.random() > _LATER_ROUND
    before = np.zeros_like(truth) if first else _roughened(truth, rng)
    drawn = training_scribbles(truth[None], before[None], first, (1.0, *clip.pixel), rng)
    given = prompts_of(drawn.foreground[0], drawn.background[0], before, clip.pixel)
    # A shaky hand may have drawn nothing; the slice is then one that the true mask was handed on to.
    nothing = np.zeros_like(truth)
    return given or prompts_of(nothing, nothing, truth, clip.pixel)


def _roughened(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mask as a round may leave it: moved, and too large or too small."""
    moved = np.roll(truth, rng.integers(-_MOST_MOVED, _MOST_MOVED + 1, 2), axis=(0, 1))
    change = ndimage.binary_dilation if rng.random() < 0.5 else ndimage.binary_erosion
    return change(moved, iterations=int(rng.integers(1, 4)))
