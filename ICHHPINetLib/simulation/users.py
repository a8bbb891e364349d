"""Users who scribble in other ways than the robot that most rounds of the training have.

Performance often drops where prompts differ from those of training; the panel made of these
users says by how much. Each has the signature of ``robot.next_scribbles``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from ..errors import InputFileError
from ..interaction.scribbles import Scribbles
from . import robot

User = Callable[
    [np.ndarray, np.ndarray, tuple[float, float, float], np.random.Generator, int | None], Scribbles
]

_CONTOUR_SHARE = 0.2
_CONTOUR_OFFSET = 2
_JITTER = 3.0
_WRONG_SIDE = 0.05
_EVERY_NEIGHBOR = np.ones((3, 3), bool)


def center_click(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    slice_index: int | None = None,
) -> Scribbles:
    """One voxel at the deepest point of the slice's largest error, and nothing else."""
    index, missed, extra = _errors(truth, prediction, slice_index)
    result = Scribbles.empty(truth.shape)
    region, marks = _larger(missed, extra, result)
    if region.any():
        depth = ndimage.distance_transform_edt(np.pad(region, 1), sampling=spacing[1:])[1:-1, 1:-1]
        marks[index][np.unravel_index(depth.argmax(), depth.shape)] = True
    return result


def contour_scribble(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    slice_index: int | None = None,
) -> Scribbles:
    """A fifth of the bleed's outline, two voxels outside as background, and as much inside as foreground.

    The scribble inside is drawn where bleed is missed, the one outside always; a slice without
    a bleed gets the robot's background scribbles along the middle of what is false.
    """
    index, missed, extra = _errors(truth, prediction, slice_index)
    result = Scribbles.empty(truth.shape)
    wanted = truth[index].astype(bool)
    if not wanted.any():
        result.background[index] = robot.scribbles_along(extra, spacing[1:], rng)
        return result
    outside = ndimage.binary_dilation(wanted, _EVERY_NEIGHBOR, iterations=_CONTOUR_OFFSET)
    ring = outside & ~ndimage.binary_dilation(wanted, _EVERY_NEIGHBOR, iterations=_CONTOUR_OFFSET - 1)
    result.background[index] = _arc(ring, extra, rng)
    if missed.any():
        # A bleed too thin for two voxels of margin is drawn on its own outline.
        inner = wanted & ndimage.binary_erosion(wanted, _EVERY_NEIGHBOR, iterations=_CONTOUR_OFFSET - 1)
        inner = inner if inner.any() else wanted
        result.foreground[index] = _arc(inner & ~ndimage.binary_erosion(inner), missed, rng)
    return result


def noisy_robot(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    slice_index: int | None = None,
) -> Scribbles:
    """The robot's scribbles, each shifted by 3 voxels (SD, per axis), 5 % of them with the wrong label."""
    drawn = robot.next_scribbles(truth, prediction, spacing, rng, slice_index)
    result = Scribbles.empty(truth.shape)
    for index in drawn.slices():
        scribbles = [(scribble, True) for scribble in _scribbles(drawn.foreground[index])]
        scribbles += [(scribble, False) for scribble in _scribbles(drawn.background[index])]
        for points, is_foreground in scribbles:
            moved = points + np.rint(rng.normal(0, _JITTER, 2)).astype(int)
            moved = moved[((moved >= 0) & (moved < truth.shape[1:])).all(1)]
            if rng.random() < _WRONG_SIDE:
                is_foreground = not is_foreground
            marks, others = (result.foreground, result.background)[:: 1 if is_foreground else -1]
            marks[index][tuple(moved.T)] = True
            others[index][tuple(moved.T)] = False
    return result


def one_scribble(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    slice_index: int | None = None,
) -> Scribbles:
    """A single scribble a round, along the middle of the slice's largest error."""
    index, missed, extra = _errors(truth, prediction, slice_index)
    result = Scribbles.empty(truth.shape)
    region, marks = _larger(missed, extra, result)
    if region.any():
        marks[index] = robot.middle_line(region, rng) & region
    return result


def lazy_user(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    slice_index: int | None = None,
) -> Scribbles:
    """The robot on any bleeding slice instead of the worst one."""
    bleeding = np.flatnonzero(truth.any(axis=(1, 2)))
    if slice_index is None and bleeding.size:
        slice_index = int(rng.choice(bleeding))
    return robot.next_scribbles(truth, prediction, spacing, rng, slice_index)


def guided_user(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    slice_index: int | None = None,
) -> Scribbles:
    """The robot on the slice that the last round says to check; on any bleeding one where it says none.

    Whoever runs the rounds hands the slice in.
    """
    return lazy_user(truth, prediction, spacing, rng, slice_index)


def sagittal_robot(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    slice_index: int | None = None,
) -> Scribbles:
    """The robot in a sagittal view: scribbles in one sagittal plane, each through several axial slices.

    Where an axial slice is asked for, it draws in a random one of the middle 80 % of the bleeding
    planes, otherwise in the one with the largest error.
    """
    wanted, got = (mask.astype(bool).transpose(2, 0, 1) for mask in (truth, prediction))
    plane = robot.worst_slice(wanted, got) if slice_index is None else robot.first_slice(wanted, rng)
    # As a view shows it: with slices as thick as they are.
    thick = max(1, round(spacing[0] / spacing[1]))
    tall = [np.repeat(mask[plane], thick, axis=0)[None] for mask in (wanted, got)]
    drawn = robot.next_scribbles(*tall, (spacing[2], spacing[0] / thick, spacing[1]), rng, 0)
    result = Scribbles.empty(truth.shape)
    for marks, seen in ((result.foreground, drawn.foreground), (result.background, drawn.background)):
        marks[:, :, plane] = seen[0].reshape(truth.shape[0], thick, truth.shape[1]).any(axis=1)
    return result


ROBOT = "robot"
USERS: dict[str, User] = {
    ROBOT: robot.next_scribbles,
    "center_click": center_click,
    "contour_scribble": contour_scribble,
    "noisy_robot": noisy_robot,
    "one_scribble": one_scribble,
    "lazy_user": lazy_user,
    "guided_user": guided_user,
    "sagittal_robot": sagittal_robot,
}


def user(name: str) -> User:
    """One of ``USERS``. Raises InputFileError for another name."""
    if name not in USERS:
        raise InputFileError(
            f"There is no way of scribbling named '{name}'; choose one of {', '.join(USERS)}."
        )
    return USERS[name]


def _errors(
    truth: np.ndarray, prediction: np.ndarray, slice_index: int | None
) -> tuple[int, np.ndarray, np.ndarray]:
    """The slice to work on, missed and false bleed in it, bool (Y, X)."""
    index = robot.worst_slice(truth, prediction) if slice_index is None else slice_index
    wanted, got = truth[index].astype(bool), prediction[index].astype(bool)
    return index, wanted & ~got, got & ~wanted


def _larger(missed: np.ndarray, extra: np.ndarray, into: Scribbles) -> tuple[np.ndarray, np.ndarray]:
    """The largest connected error (Y, X), and the array of ``into`` that corrects it."""
    first, second = _largest_part(missed), _largest_part(extra)
    return (first, into.foreground) if first.sum() >= second.sum() else (second, into.background)


def _largest_part(region: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(region)
    return labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]) if count else region


def _arc(ring: np.ndarray, near: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A share of ``ring`` (Y, X) in one piece by angle, about a random pixel of ``near`` if it has any."""
    out = np.zeros_like(ring)
    points = np.argwhere(ring)
    if not len(points):
        return out
    center = points.mean(0)
    angle = np.arctan2(*(points - center).T)
    targets = np.argwhere(near)
    toward = targets[rng.integers(len(targets))] - center if len(targets) else None
    middle = rng.uniform(-np.pi, np.pi) if toward is None else np.arctan2(*toward)
    away = np.abs((angle - middle + np.pi) % (2 * np.pi) - np.pi)
    chosen = points[np.argsort(away, kind="stable")[: max(1, round(_CONTOUR_SHARE * len(points)))]]
    out[tuple(chosen.T)] = True
    return out


def _scribbles(marks: np.ndarray) -> list[np.ndarray]:
    """Points (n, 2) of each scribble in a slice (Y, X)."""
    labels, count = ndimage.label(marks, _EVERY_NEIGHBOR)
    return [np.argwhere(labels == number + 1) for number in range(count)]
