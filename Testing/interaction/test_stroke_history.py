"""Taking back the strokes of one round and nothing else."""

import numpy as np
import pytest

from ICHHPINetLib.interaction.scribbles import Scribbles
from ICHHPINetLib.interaction.stroke_history import StrokeHistory

SHAPE = (2, 3, 4)


def strokes(foreground=(), background=()):
    painted = Scribbles.empty(SHAPE)
    for voxel in foreground:
        painted.foreground[voxel] = True
    for voxel in background:
        painted.background[voxel] = True
    return painted


def same(left, right):
    return np.array_equal(left.foreground, right.foreground) and np.array_equal(
        left.background, right.background
    )


def test_strokes_of_the_round_go_and_later_ones_stay():
    history = StrokeHistory(Scribbles.empty(SHAPE))
    history.record(strokes([(0, 0, 0)]))
    history.record(strokes([(0, 0, 0), (0, 1, 1)], [(1, 0, 0)]))
    now = strokes([(0, 0, 0), (0, 1, 1), (1, 2, 3)], [(1, 0, 0)])
    assert same(history.take_back(now), strokes([(0, 0, 0), (1, 2, 3)]))
    assert same(history.last, strokes([(0, 0, 0)]))


def test_what_the_round_had_erased_comes_back():
    history = StrokeHistory(strokes([(0, 0, 0)], [(1, 1, 1)]))
    history.record(Scribbles.empty(SHAPE))
    assert same(history.take_back(Scribbles.empty(SHAPE)), strokes([(0, 0, 0)], [(1, 1, 1)]))


def test_a_later_stroke_wins_over_one_that_comes_back():
    history = StrokeHistory(strokes([(0, 0, 0)]))
    history.record(Scribbles.empty(SHAPE))
    now = strokes(background=[(0, 0, 0)])
    assert same(history.take_back(now), now)


def test_an_overpainted_stroke_comes_back_with_its_old_label():
    history = StrokeHistory(strokes([(0, 0, 0)]))
    repainted = strokes(background=[(0, 0, 0)])
    history.record(repainted)
    assert same(history.take_back(repainted), strokes([(0, 0, 0)]))


def test_nothing_recorded_is_nothing_to_take_back():
    history = StrokeHistory(Scribbles.empty(SHAPE))
    assert len(history) == 0
    with pytest.raises(IndexError):
        history.take_back(Scribbles.empty(SHAPE))


def test_differs_tells_new_strokes_from_used_ones():
    history = StrokeHistory(Scribbles.empty(SHAPE))
    assert not history.differs(Scribbles.empty(SHAPE))
    assert history.differs(strokes([(0, 0, 0)]))
    assert history.differs(strokes(background=[(0, 0, 0)]))
