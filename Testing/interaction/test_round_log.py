"""One list of rounds: what is added can be taken back, to the bit."""

import numpy as np
import pytest

from ICHHPINetLib.interaction.packing import pack, unpack
from ICHHPINetLib.interaction.result import RoundResult
from ICHHPINetLib.interaction.round_log import RoundLog
from ICHHPINetLib.interaction.scribbles import Scribbles

SHAPE, SPACING = (2, 3, 4), (5.0, 1.0, 2.0)


def drawn(foreground=(), background=()):
    painted = Scribbles.empty(SHAPE)
    for voxel in foreground:
        painted.foreground[voxel] = True
    for voxel in background:
        painted.background[voxel] = True
    return painted


def same(left, right):
    return np.array_equal(left.labels(), right.labels())


def played(log, scribbles, *marked):
    """``log`` with a round of which the mask has the voxels ``marked``."""
    mask = np.zeros(SHAPE, np.uint8)
    for voxel in marked:
        mask[voxel] = 1
    result = RoundResult(mask, mask.astype(np.float32), log.number + 1, 0.1, [], "cpu", "fake")
    return log.with_round(result, scribbles)


@pytest.fixture
def log():
    return RoundLog.empty(SHAPE, SPACING)


def undone(before, after, now):
    """``now`` once the round that changed ``before`` to ``after`` is taken back."""
    log = played(RoundLog.resumed(np.zeros(SHAPE), before, 1, SPACING), after)
    assert same(log.without_last().scribbles, before)
    return log.rounds[-1].change.revert(now)


def test_scribbles_of_the_round_go_and_later_ones_stay():
    before, after = drawn([(0, 0, 0)]), drawn([(0, 0, 0), (0, 1, 1)], [(1, 0, 0)])
    now = drawn([(0, 0, 0), (0, 1, 1), (1, 2, 3)], [(1, 0, 0)])
    assert same(undone(before, after, now), drawn([(0, 0, 0), (1, 2, 3)]))


def test_what_the_round_had_erased_comes_back():
    before = drawn([(0, 0, 0)], [(1, 1, 1)])
    assert same(undone(before, drawn(), drawn()), before)


def test_a_later_scribble_wins_over_one_that_comes_back():
    now = drawn(background=[(0, 0, 0)])
    assert same(undone(drawn([(0, 0, 0)]), drawn(), now), now)


def test_an_overpainted_scribble_comes_back_with_its_old_label():
    repainted = drawn(background=[(0, 0, 0)])
    assert same(undone(drawn([(0, 0, 0)]), repainted, repainted), drawn([(0, 0, 0)]))


def test_nothing_to_take_back_changes_nothing(log):
    assert log.without_last() is log
    assert (log.number, log.current, log.results()) == (0, None, ())


def test_new_scribbles_are_told_from_used_ones(log):
    assert not log.differs(drawn())
    assert log.differs(drawn([(0, 0, 0)]))
    assert log.differs(drawn(background=[(0, 0, 0)]))


def test_a_mask_edited_by_hand_is_the_memory_of_the_next_round_and_comes_back(log):
    first = played(log, drawn([(0, 0, 0)]), (0, 0, 0))
    edited = first.mask.copy()
    edited[1, 1, 1] = 1
    second = played(first.with_mask(edited), drawn([(0, 0, 0), (0, 1, 1)]), (0, 1, 1))
    back = second.without_last()
    assert np.array_equal(back.mask, edited)
    assert np.array_equal(back.current.mask, first.mask)
    assert back.number == 1
    assert back.without_last().number == 0
    assert not back.without_last().mask.any()
    assert first.with_mask(first.mask.copy()).edited is None


def test_numbers_and_changed_slices_are_those_of_each_round(log):
    one = played(log, drawn([(0, 0, 0)]), (0, 0, 0)).measured(0.01, 0.02)
    two = played(one, drawn([(0, 0, 0), (1, 1, 1)], [(0, 2, 2)]), (0, 0, 0), (1, 1, 1)).measured(0.02, 0.03)
    assert [(each.volume_ml, each.abc2_ml) for each in two.rounds] == [(0.01, 0.02), (0.02, 0.03)]
    assert [each.change.slices(SHAPE) for each in two.rounds] == [1, 2]
    assert two.volume_ml(two.mask) == pytest.approx(0.02)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_packed_labels_come_back_whole_and_only_on_their_grid(share):
    rng = np.random.default_rng(0)
    labels = ((rng.random((5, 7, 9)) < share) * rng.integers(1, 3, (5, 7, 9))).astype(np.uint8)
    assert np.array_equal(unpack(pack(labels), labels.shape), labels)
    assert unpack(pack(labels), (5, 9, 7)) is None
    assert unpack(pack(labels)[:-8], labels.shape) is None
    assert unpack("", labels.shape) is None
