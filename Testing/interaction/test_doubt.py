"""What a round is in doubt about."""

import numpy as np
import pytest

pytest.importorskip("torch")

from ICHHPINetLib.imaging.working_grid import WorkingGrid
from ICHHPINetLib.interaction.doubt import doubt_of

# Pixels of the working grid, so that areas are counted.
SPACING = (4.0, 0.9, 0.9)
GRID = WorkingGrid((5, 32, 48), slice(0, 32), slice(0, 48), 1, (32, 48))


def doubt(certain, volume=None, grid=GRID, spacing=SPACING, volume_ml=1.0):
    return doubt_of(certain, certain if volume is None else volume, grid, spacing, volume_ml)


def answer(grid=GRID):
    """A round that is certain of a square in every slice."""
    probability = np.zeros(grid.padded, np.float32)
    probability[:, 8:16, 8:16] = 1
    return probability


def test_a_certain_round_leaves_nothing_to_check():
    found = doubt(answer(), volume_ml=3.0)
    assert found.slices == []
    assert found.interval_ml == (3.0, 3.0)
    assert not found.outline(2).any()


def test_undecided_voxels_and_modules_that_disagree_are_in_doubt():
    undecided, volume = answer(), answer()
    undecided[1, 20:26, 20:32] = volume[1, 20:26, 20:32] = 0.4
    volume[3, 8:16, 8:16] = 0.0
    found = doubt(undecided, volume)
    assert found.slices == [3, 1]
    assert found.areas[3] == pytest.approx(64 * 0.81)
    assert found.areas[1] == pytest.approx(0.4 * 72 * 0.81, rel=1e-3)
    assert np.argwhere(found.outline(3)).tolist() == np.argwhere(answer()[3]).tolist()
    row, column = found.place(1)
    assert 20 <= row < 26
    assert 20 <= column < 32


def test_the_interval_reaches_down_for_marked_blood_and_up_for_what_may_be_missing():
    marked, unmarked = answer(), answer()
    marked[2, 8:16, 8:16] = 0.6
    unmarked[2, 20:28, 20:28] = 0.4
    down, up = doubt(marked).interval_ml, doubt(unmarked).interval_ml
    assert down[0] < 1.0 == down[1]
    assert up[0] == 1.0 < up[1]
    assert 1.0 - down[0] == pytest.approx(up[1] - 1.0)


def test_a_slice_with_scribbles_is_less_in_doubt_than_it_seems():
    unsure = np.where(answer() > 0, np.float32(0.5), 0)
    unsure[3] = np.where(unsure[3] > 0, 0.4, 0)
    assert doubt_of(unsure, unsure, GRID, SPACING, 1.0).slices[-1] == 3
    assert doubt_of(unsure, unsure, GRID, SPACING, 1.0, [0, 1, 2, 4]).slices[0] == 3


def test_no_volume_is_below_nothing():
    assert doubt(answer() * 0.6, volume_ml=0.01).interval_ml[0] == 0.0


def test_thin_slices_that_are_one_for_the_network_are_suggested_once():
    thin = WorkingGrid((11, 32, 48), slice(0, 32), slice(0, 48), 4, (32, 48))
    undecided = answer(thin)
    undecided[1] = np.where(undecided[1] > 0, 0.5, 0)
    found = doubt(undecided, grid=thin, spacing=(1.0, 0.9, 0.9))
    assert found.slices == [6]
    assert found.areas[4:8].tolist() == [found.areas[6]] * 4
    assert found.outline(5).sum() == 64
