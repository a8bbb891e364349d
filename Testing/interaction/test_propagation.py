"""Propagation reaches every slice, in an order in which a neighbor is always done first."""

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, strategies  # noqa: E402

from ICHHPINetLib.interaction.propagation import Memory, waves  # noqa: E402


@given(depth=strategies.integers(1, 60), data=strategies.data())
def test_every_slice_is_reached_once_after_its_neighbor(depth, data):
    sources = data.draw(strategies.lists(strategies.integers(0, depth - 1), min_size=1, unique=True))
    done = set(sources)
    for wave in waves(depth, sources):
        for target, neighbor in wave:
            assert abs(target - neighbor) == 1
            assert neighbor in done
        targets = {target for target, _ in wave}
        assert not targets & done
        assert len(targets) == len(wave)
        done |= targets
    assert done == set(range(depth))


def test_waves_meet_half_way_between_two_sources():
    assert waves(5, [0, 4]) == [[(1, 0), (3, 4)], [(2, 1)]]


def test_the_memory_of_a_slice_is_the_scribbled_ones_and_its_neighbor():
    keys = torch.arange(12.0).reshape(12, 1, 1, 1)
    memory = Memory(keys, [3, 10], {index: keys[index] for index in range(12)})
    gathered, values = memory.gather([5, 3, 10])
    assert gathered.flatten(1).tolist() == [[3, 10, 5], [3, 10, 3], [3, 10, 10]]
    assert values.flatten(1).tolist() == gathered.flatten(1).tolist()
