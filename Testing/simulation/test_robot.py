"""The robot scribbles as a careful user would: on what is wrong, never on the wrong side."""

import numpy as np
import pytest

pytest.importorskip("skimage")

from hypothesis import given, strategies

from ICHHPINetLib.simulation.robot import first_slice, middle_line, next_scribbles, worst_slice

SPACING = (5.0, 0.5, 0.5)


def disc(shape=(5, 60, 60), center=(30, 30), radius=12, slices=(1, 2, 3)):
    y, x = np.ogrid[: shape[1], : shape[2]]
    out = np.zeros(shape, bool)
    out[list(slices)] = (y - center[0]) ** 2 + (x - center[1]) ** 2 < radius**2
    return out


@given(seed=strategies.integers(0, 500), shift=strategies.integers(-10, 10))
def test_scribbles_lie_on_errors_of_their_own_kind(seed, shift):
    truth = disc()
    prediction = np.roll(truth, shift, 2)
    scribbles = next_scribbles(truth, prediction, SPACING, np.random.default_rng(seed))
    assert not (scribbles.foreground & ~truth).any()
    assert not (scribbles.background & truth).any()
    assert len(scribbles.slices()) == 1
    if abs(shift) > 3:
        assert scribbles.foreground.any()
        assert not (scribbles.foreground & prediction).any()
        assert (scribbles.background & prediction).any()


def test_the_first_round_has_scribbles_of_both_kinds():
    truth = disc()
    scribbles = next_scribbles(truth, np.zeros_like(truth), SPACING, np.random.default_rng(0), 2)
    assert scribbles.slices() == [2]
    assert scribbles.foreground.sum() >= 3
    assert scribbles.background.sum() >= 10


def test_a_line_is_thin_and_runs_along_the_middle():
    region = np.zeros((30, 80), bool)
    region[10:20, 5:75] = True
    line = middle_line(region, np.random.default_rng(0))
    rows, columns = np.nonzero(line)
    assert set(rows) <= {14, 15}
    assert np.ptp(columns) > 40
    assert line.sum() < 75


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_smallest_regions_still_get_a_scribble(size):
    region = np.zeros((9, 9), bool)
    region[4, 3 : 3 + size] = True
    line = middle_line(region, np.random.default_rng(0))
    assert 1 <= line.sum() <= size
    assert not (line & ~region).any()


def test_the_worst_slice_is_the_one_with_most_errors():
    truth = disc()
    prediction = truth.copy()
    prediction[3] = False
    assert worst_slice(truth, prediction) == 3


def test_the_first_slice_avoids_the_ends_of_the_bleed():
    truth = disc((30, 20, 20), (10, 10), 5, slices=range(5, 25))
    chosen = {first_slice(truth, np.random.default_rng(seed)) for seed in range(200)}
    assert min(chosen) == 7
    assert max(chosen) == 22


def test_a_volume_without_bleed_gets_a_background_scribble():
    truth = np.zeros((4, 40, 40), bool)
    scribbles = next_scribbles(truth, truth, SPACING, np.random.default_rng(0), 1)
    assert not scribbles.foreground.any()
    assert scribbles.background.any()
