"""Scribbles that change grids are neither lost nor perforated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ICHHPINetLib.imaging.scribbles_grid import transfer
from Testing.scene.builders import marks, rotation


def matrix(scale=(1, 1, 1), shift=(0, 0, 0)):
    result = np.diag([*scale, 1.0]).astype(float)
    result[:3, 3] = shift
    return result


def test_same_grid_is_an_exact_copy():
    marked = np.random.default_rng(0).random((4, 5, 6)) > 0.7
    assert np.array_equal(transfer(marked, np.eye(4), marked.shape), marked)


def test_whole_shift_and_flip_are_exact_and_clip_to_the_target():
    marked = np.random.default_rng(1).random((4, 5, 6)) > 0.7
    moved = transfer(marked, matrix(scale=(-1, 1, 1), shift=(5, 2, -1)), (3, 9, 6))
    assert np.array_equal(moved[:, 2:7], marked[1:, :, ::-1])
    assert not moved[:, :2].any()


def test_a_scribble_of_single_fine_voxels_survives_on_a_coarse_grid():
    fine = marks((8, 64, 64), np.s_[3, 10, 5:60])
    coarse = transfer(fine, matrix(scale=(0.25, 0.25, 0.5)), (4, 16, 16))
    assert np.array_equal(np.argwhere(coarse)[:, 2], np.arange(1, 16))


def test_a_coarse_scribble_has_no_holes_on_a_fine_grid():
    coarse = marks((2, 8, 8), np.s_[1, 4, 2:6])
    fine = transfer(coarse, matrix(scale=(4, 4, 4), shift=(1.5, 1.5, 1.5)), (8, 32, 32))
    assert np.array_equal(fine, marks((8, 32, 32), np.s_[4:8, 16:20, 8:24]))


def test_half_a_voxel_off_falls_to_one_side_only():
    line = marks((1, 1, 9), np.s_[0, 0, :])
    moved = transfer(line, matrix(shift=(0, 0.5, 0)), (1, 4, 9))
    assert np.array_equal(moved, marks((1, 4, 9), np.s_[0, 0, :]))


@pytest.mark.parametrize("shape", [(0, 0, 0), (3, 4, 5)])
def test_nothing_marked_gives_nothing(shape):
    assert not transfer(np.zeros(shape, bool), np.eye(4), (3, 3, 3)).any()


@given(
    degrees=st.tuples(*[st.floats(-45, 45)] * 3),
    scale=st.floats(0.3, 3),
    shift=st.tuples(*[st.floats(-3, 3)] * 3),
    seed=st.integers(0, 99),
)
def test_every_marked_center_is_covered_in_any_geometry(degrees, scale, shift, seed):
    to_target = rotation(degrees[0], 0) @ rotation(degrees[1], 1) @ rotation(degrees[2], 2)
    to_target[:3, :3] *= scale
    to_target[:3, 3] = shift
    marked = np.random.default_rng(seed).random((5, 6, 7)) > 0.9
    covered = transfer(marked, to_target, (12, 12, 12))
    for z, y, x in np.argwhere(marked):
        center = (to_target @ [x, y, z, 1])[:3]
        near = np.rint(center).astype(int)
        if np.all((center > 0) & (center < 11)) and np.all(np.abs(center - near) < 0.49):
            assert covered[tuple(near[::-1])]
