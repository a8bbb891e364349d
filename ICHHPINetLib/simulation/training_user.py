"""Scribbles during training: the robot's, the paper's points, and those of less careful users."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..interaction.scribbles import Scribbles
from .robot import first_slice, next_scribbles, worst_slice
from .users import center_click, contour_scribble, one_scribble

_POINTS = 0.2
_BRIEF = 0.1
_BRIEF_USERS = (center_click, one_scribble, contour_scribble)


def training_scribbles(
    truth: np.ndarray,
    prediction: np.ndarray,
    first: bool,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    varied: bool = True,
) -> Scribbles:
    """Scribbles of one round on one slice.

    Most rounds are the evaluation robot's. The rest are a random slice instead of the worst
    one, the 3 to 7 random points of either class of the paper, a click, a single scribble or parts of
    the outline, brushes of other widths, and a shaky hand. Where scribbles are not ``varied``, all
    of them are the robot's.
    """
    bleeding = np.flatnonzero(truth.any(axis=(1, 2)))
    if not varied:
        return next_scribbles(truth, prediction, spacing, rng, first_slice(truth, rng) if first else None)
    if first:
        index = first_slice(truth, rng)
    elif rng.random() < 0.2 and bleeding.size:
        index = int(rng.choice(bleeding))
    else:
        index = worst_slice(truth, prediction)
    # Where nothing bleeds and nothing is marked, the robot alone knows what to draw.
    way = rng.random() if truth.any() or prediction.any() else 1.0
    if way < _POINTS:
        scribbles = random_points(truth, prediction, index, rng)
    elif way < _POINTS + _BRIEF:
        user = _BRIEF_USERS[rng.integers(len(_BRIEF_USERS))]
        scribbles = user(truth, prediction, spacing, rng, index)
    else:
        scribbles = next_scribbles(truth, prediction, spacing, rng, index)
    if rng.random() < 0.3:
        scribbles = shifted(scribbles, index, truth, rng)
    if rng.random() < 0.4:
        scribbles = thickened(scribbles, index, truth, rng)
    return scribbles


def random_points(
    truth: np.ndarray, prediction: np.ndarray, index: int, rng: np.random.Generator
) -> Scribbles:
    """3 to 7 random pixels of the bleed and as many around it (paper, "Implementation Details")."""
    scribbles = Scribbles.empty(truth.shape)
    wanted = truth[index].astype(bool)
    around = ndimage.binary_dilation(wanted, iterations=12) & ~wanted
    wrong = prediction[index].astype(bool) & ~wanted
    count = rng.integers(3, 8)
    for target, pool in (
        (scribbles.foreground, wanted),
        (scribbles.background, wrong if wrong.sum() > count else around),
    ):
        pixels = np.argwhere(pool)
        if len(pixels):
            chosen = pixels[rng.choice(len(pixels), min(count, len(pixels)), replace=False)]
            target[index][tuple(chosen.T)] = True
    return scribbles


def shifted(scribbles: Scribbles, index: int, truth: np.ndarray, rng: np.random.Generator) -> Scribbles:
    """A hand that is a pixel or two off; what leaves its region is mostly dropped, as users undo it."""
    out = Scribbles.empty(scribbles.shape)
    wanted = truth[index].astype(bool)
    moves = rng.integers(-2, 3, (2, 2))
    keep = rng.random() < 0.15
    for source, target, allowed, move in (
        (scribbles.foreground, out.foreground, wanted, moves[0]),
        (scribbles.background, out.background, ~wanted, moves[1]),
    ):
        moved = ndimage.shift(source[index].astype(np.uint8), move, order=0, prefilter=False) > 0
        target[index] = moved if keep else moved & allowed
    out.background[index] &= ~out.foreground[index]
    return out


def thickened(scribbles: Scribbles, index: int, truth: np.ndarray, rng: np.random.Generator) -> Scribbles:
    """A wider brush, held inside its region."""
    out = Scribbles.empty(scribbles.shape)
    wanted = truth[index].astype(bool)
    width = int(rng.integers(1, 3))
    for source, target, allowed in (
        (scribbles.foreground, out.foreground, wanted),
        (scribbles.background, out.background, ~wanted),
    ):
        target[index] = source[index] | (ndimage.binary_dilation(source[index], iterations=width) & allowed)
    # A shaky scribble may lie on the wrong side, where the other kind's wider brush reaches it.
    out.background[index] &= ~out.foreground[index]
    return out
