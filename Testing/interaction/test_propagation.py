"""Propagation reaches every slice, in an order in which a neighbour is always done first."""

import pytest

pytest.importorskip("torch")

from hypothesis import given, strategies

from ICHHPINetLib.interaction.propagation import waves


@given(depth=strategies.integers(1, 60), data=strategies.data())
def test_every_slice_is_reached_once_after_its_neighbour(depth, data):
    sources = data.draw(strategies.lists(strategies.integers(0, depth - 1), min_size=1, unique=True))
    done = set(sources)
    for wave in waves(depth, sources):
        for target, neighbour in wave:
            assert abs(target - neighbour) == 1
            assert neighbour in done
        targets = {target for target, _ in wave}
        assert not targets & done
        assert len(targets) == len(wave)
        done |= targets
    assert done == set(range(depth))


def test_waves_meet_half_way_between_two_sources():
    assert waves(5, [0, 4]) == [[(1, 0), (3, 4)], [(2, 1)]]
