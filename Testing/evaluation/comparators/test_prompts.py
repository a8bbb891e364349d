"""How scribbles become prompts, and how a method of slices goes through a volume."""

from __future__ import annotations

import numpy as np
import pytest

from ICHHPINetLib.evaluation.comparators.prompts import MAX_POINTS, innermost, prompts_of, spread
from ICHHPINetLib.evaluation.comparators.propagation import propagate

SHAPE, PIXEL = (60, 80), (0.5, 1.0)


def drawn(*places, shape=SHAPE):
    out = np.zeros(shape, bool)
    for place in places:
        out[place] = True
    return out


NOTHING = drawn()
LINE = drawn((30, slice(20, 61)))


def test_points_lie_along_the_scribbles_with_their_labels():
    around = drawn((slice(10, 51), 70))

    prompts = prompts_of(LINE, around, None, PIXEL)

    assert prompts.labels.tolist() == [1] * MAX_POINTS + [0] * MAX_POINTS
    columns, rows = prompts.points[:MAX_POINTS].T
    assert set(rows) == {30}
    assert columns.min() == 20
    assert columns.max() == 60
    assert np.diff(np.sort(columns)).max() <= 8, "no stretch of the scribble is left out"
    assert set(prompts.points[MAX_POINTS:, 0]) == {70}
    assert prompts.mask is None


def test_a_short_scribble_gives_all_of_its_pixels():
    assert spread(drawn((5, slice(7, 10)))).tolist() == [[7, 5], [8, 5], [9, 5]]


def test_the_box_holds_scribbles_and_known_mask_with_margins_in_mm():
    alone = prompts_of(LINE, NOTHING, None, PIXEL)
    assert alone.box.tolist() == [15, 20, 65, 40], "5 mm around the scribble"
    known = drawn((slice(40, 50), slice(10, 20)))
    both = prompts_of(LINE, NOTHING, known, PIXEL)
    assert both.box.tolist() == [8, 20, 65, 53], "2 mm around the mask"
    assert prompts_of(drawn((0, 0)), NOTHING, None, PIXEL).box.tolist() == [0, 0, 5, 10], "within the slice"


def test_the_known_mask_obeys_the_scribbles():
    known = drawn((slice(20, 40), slice(20, 40)))
    cut = drawn((slice(20, 40), 30))
    prompts = prompts_of(LINE, cut & ~LINE, known, PIXEL)
    assert prompts.mask[LINE].all()
    assert not prompts.mask[cut & ~LINE].any()


def test_without_a_foreground_scribble_the_innermost_pixel_of_the_mask_is_the_positive_point():
    known = drawn((slice(20, 41), slice(30, 51)))
    prompts = prompts_of(NOTHING, NOTHING, known, PIXEL)
    assert prompts.points.tolist() == [[40, 30]]
    assert prompts.labels.tolist() == [1]
    assert innermost(np.ones((5, 5), bool)).tolist() == [[2, 2]]


@pytest.mark.parametrize("known", [None, NOTHING, drawn((5, slice(0, 80)))])
def test_a_slice_without_blood_gets_no_prompts(known):
    assert prompts_of(NOTHING, drawn((5, slice(0, 80))), known, PIXEL) is None


def volume(*places, shape=(7, *SHAPE)):
    return drawn(*places, shape=shape)


def test_goes_outwards_from_the_scribbled_slices_until_nothing_is_found():
    calls = []

    def shrinking(index, foreground, background, known):
        calls.append(index)
        if foreground.any():
            assert known is None
            return drawn((slice(20, 40), slice(20, 40)))
        out = known.copy()
        out[: np.flatnonzero(known.any(axis=1))[0] + 8] = False
        return out

    mask = propagate(volume((3, 30, 30)), volume(), volume(), shrinking)

    assert calls[0] == 3
    assert sorted(calls) == [0, 1, 2, 3, 4, 5, 6]
    assert [int(one.any(axis=1).sum()) for one in mask] == [0, 4, 12, 20, 12, 4, 0]


def test_what_is_empty_ends_the_way():
    calls = []

    def nothing_beyond(index, foreground, background, known):
        calls.append(index)
        return foreground

    def only_start(index, *rest):
        return nothing_beyond(index, *rest) if index == 3 else nothing_beyond(index, *rest) & False

    mask = propagate(volume((3, 30, 30)), volume(), volume(), only_start)
    assert sorted(calls) == [2, 3, 4]
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [3]


def test_a_scribbled_slice_knows_the_mask_of_the_round_before_and_others_their_neighbor():
    known_by_slice = {}
    before = volume((1, slice(10, 20), slice(10, 20)), (2, slice(0, 60), slice(0, 80)))

    def remember(index, foreground, background, known):
        known_by_slice[index] = known
        return drawn((slice(25, 35), slice(25, 35)))

    propagate(volume((1, 15, 15)), volume(), before, remember)

    assert np.array_equal(known_by_slice[1], before[1])
    assert known_by_slice[2].sum() == 101, "the new mask of slice 1, with its scribble"


def test_scribbles_are_obeyed_also_by_a_method_that_does_not():
    foreground, background = volume((3, 30, 30)), volume((3, 31, slice(20, 40)), (4, 10, slice(5, 9)))
    mask = propagate(foreground, background, volume(), lambda *_: ~NOTHING)
    assert mask[foreground].all()
    assert not mask[background].any()
    nothing = propagate(foreground, background, volume(), lambda *_: NOTHING)
    assert np.array_equal(nothing, foreground)
