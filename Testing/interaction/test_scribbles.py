"""Scribbles keep their labels, and contradictions are named."""

import numpy as np
import pytest

from ICHHPINetLib import InvalidScribblesError, Scribbles
from ICHHPINetLib.interaction.scribbles import settle

SHAPE = (3, 4, 5)


def one(place):
    array = np.zeros(SHAPE, np.uint8)
    array[place] = 1
    return array


def test_one_kind_alone_is_enough():
    assert Scribbles(one((1, 2, 3)), None).slices() == [1]
    assert Scribbles(None, one((2, 2, 3))).slices() == [2]


def test_none_at_all_is_refused():
    with pytest.raises(InvalidScribblesError, match="both are None"):
        Scribbles(None, None)


def test_crossing_scribbles_are_refused():
    with pytest.raises(InvalidScribblesError, match="Erase one"):
        Scribbles(one((1, 2, 3)), one((1, 2, 3)))


@pytest.mark.parametrize("other", [np.zeros((3, 4)), np.zeros((3, 4, 6))])
def test_other_shapes_are_refused(other):
    with pytest.raises(InvalidScribblesError, match="one shape"):
        Scribbles(one((0, 0, 0)), other)


def test_the_later_scribble_wins():
    merged = Scribbles(one((1, 2, 3)), None).merged(Scribbles(None, one((1, 2, 3))))
    assert not merged.foreground.any()
    assert merged.background[1, 2, 3]


def test_clamping_sets_exactly_the_scribbled_voxels():
    probability = np.full(SHAPE, 0.5, np.float32)
    Scribbles(one((0, 0, 0)), one((0, 0, 1))).clamp(probability)
    assert probability[0, 0, 0] == 1
    assert probability[0, 0, 1] == 0
    assert (probability.ravel()[2:] == 0.5).all()


@pytest.mark.parametrize(
    ("since", "winner"),
    [
        (None, "foreground"),
        (Scribbles.empty(SHAPE), "foreground"),
        (Scribbles(one((1, 2, 3)), None), "background"),
        (Scribbles(None, one((1, 2, 3))), "foreground"),
    ],
)
def test_one_function_decides_where_scribbles_cross(since, winner):
    both = one((1, 2, 3)) > 0
    decided = settle(both, both, since)
    assert getattr(decided, winner)[1, 2, 3]
    assert (decided.foreground ^ decided.background).sum() == 1
