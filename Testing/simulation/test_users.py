"""Every other way of scribbling draws what it says, and obeys the robot's signature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.simulation import robot, users

pytest.importorskip("skimage")

SPACING = (5.0, 1.0, 1.0)
SHAPE = (6, 60, 56)


@pytest.fixture
def truth():
    slices, rows, columns = np.indices(SHAPE)
    return (((slices - 3) / 2.5) ** 2 + ((rows - 26) / 11) ** 2 + ((columns - 30) / 8) ** 2) <= 1


def draw(name, truth, prediction, seed=0, index=None):
    return users.user(name)(truth, prediction, SPACING, np.random.default_rng(seed), index)


@pytest.mark.parametrize("name", [name for name in users.USERS if name != "sagittal_robot"])
def test_every_user_draws_on_one_slice_and_repeats_by_seed(name, truth):
    first = draw(name, truth, np.zeros_like(truth), index=2)
    again = draw(name, truth, np.zeros_like(truth), index=2)
    assert first.slices() == [2]
    assert np.array_equal(first.foreground, again.foreground)
    assert np.array_equal(first.background, again.background)


@pytest.mark.parametrize(
    "name", ["center_click", "contour_scribble", "one_scribble", "lazy_user", "sagittal_robot"]
)
def test_careful_users_are_never_wrong(name, truth):
    for seed in range(5):
        for prediction in (np.zeros_like(truth), np.roll(truth, 5, 2), np.roll(truth, 2, 0)):
            scribbles = draw(name, truth, prediction, seed)
            assert not (scribbles.foreground & ~truth).any()
            assert not (scribbles.background & truth).any()


def test_a_sagittal_scribble_lies_in_one_plane_and_passes_through_slices(truth):
    scribbles = draw("sagittal_robot", truth, np.zeros_like(truth), index=3)
    for marks in (scribbles.foreground, scribbles.background):
        assert len(np.unique(np.nonzero(marks)[2])) == 1
    drawn = [draw("sagittal_robot", truth, np.zeros_like(truth), seed, 3).foreground for seed in range(6)]
    assert max(len(np.unique(np.nonzero(marks)[0])) for marks in drawn) >= 3
    assert np.nonzero(scribbles.foreground)[2][0] == np.nonzero(scribbles.background)[2][0]
    again = draw("sagittal_robot", truth, np.zeros_like(truth), index=3)
    assert np.array_equal(scribbles.foreground, again.foreground)
    missing = truth.copy()
    missing[:, :, 34] = False
    corrected = draw("sagittal_robot", truth, missing)
    assert np.unique(np.nonzero(corrected.foreground)[2]).tolist() == [34]


def test_a_click_is_one_voxel_in_the_middle_of_the_error(truth):
    scribbles = draw("center_click", truth, np.zeros_like(truth), index=3)
    assert np.argwhere(scribbles.foreground).tolist() == [[3, 26, 30]]
    assert not scribbles.background.any()
    too_much = draw("center_click", truth, np.ones_like(truth), index=3)
    assert too_much.background.sum() == 1
    assert not too_much.foreground.any()


def test_a_contour_lies_two_voxels_outside_and_inside(truth):
    scribbles = draw("contour_scribble", truth, np.zeros_like(truth), index=3)
    far = ndimage.distance_transform_cdt(~truth[3], "chessboard")[scribbles.background[3]]
    assert (far == 2).all()
    deep = ndimage.distance_transform_cdt(truth[3], "chessboard")[scribbles.foreground[3]]
    assert (deep == 2).all()
    outline = truth[3] & ~ndimage.binary_erosion(truth[3])
    assert 0.1 * outline.sum() < scribbles.foreground.sum() < 0.4 * outline.sum()


def test_one_scribble_is_one_piece_of_one_label(truth):
    half = truth & (np.indices(SHAPE)[2] < 30)
    for prediction in (np.zeros_like(truth), half, np.ones_like(truth)):
        scribbles = draw("one_scribble", truth, prediction, index=3)
        assert scribbles.foreground.any() != scribbles.background.any()
        marks = scribbles.foreground | scribbles.background
        assert ndimage.label(marks[3], np.ones((3, 3)))[1] == 1


def test_the_noisy_robot_misses_now_and_then(truth):
    wrong = right = 0
    for seed in range(60):
        scribbles = draw("noisy_robot", truth, np.zeros_like(truth), seed, 3)
        assert not (scribbles.foreground & scribbles.background).any()
        wrong += (scribbles.foreground & ~truth).sum() + (scribbles.background & truth).sum()
        right += (scribbles.foreground & truth).sum() + (scribbles.background & ~truth).sum()
    assert 0.02 * right < wrong < 0.3 * right


def test_the_lazy_user_does_not_look_for_the_worst_slice(truth):
    prediction = truth.copy()
    prediction[3] = False
    chosen = {draw("lazy_user", truth, prediction, seed).slices()[0] for seed in range(20)}
    assert robot.worst_slice(truth, prediction) == 3
    assert len(chosen) > 2
    assert chosen <= set(np.flatnonzero(truth.any(axis=(1, 2))).tolist())


def test_unknown_users_are_named():
    with pytest.raises(InputFileError, match="lazy_user"):
        users.user("nobody")
