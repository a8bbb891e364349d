"""Real bleeds at another age."""

import numpy as np
import pytest

from ICHHPINetLib.training.blood_age import aged

SHAPE = (3, 32, 32)


def head(blood=65.0):
    """Brain with a bleed, half a voxel of partial volume at its border, and bone beside it."""
    hu = np.random.default_rng(0).normal(32, 3, SHAPE).astype(np.float32)
    fraction = np.zeros(SHAPE, np.float32)
    fraction[1, 8:24, 8:24] = 1
    hu[1, 8:24, 8:24] += blood - 32
    hu[1, 8, 8:24] = (blood + 32) / 2
    hu[1, 23, 8:24] = 900
    return hu, fraction


def core(hu):
    return float(np.median(hu[1, 10:22, 10:22]))


def test_blood_gets_another_density_and_nothing_else_does():
    hu, fraction = head()
    densities = [core(aged(hu, fraction, np.random.default_rng(seed))) for seed in range(40)]
    old = np.array(densities) < 30
    assert 0.3 < old.mean() < 0.7
    assert min(densities) > 0
    assert max(densities) < 80
    changed = aged(hu, fraction, np.random.default_rng(3))
    assert changed.dtype == np.float32
    np.testing.assert_array_equal(changed[[0, 2]], hu[[0, 2]])
    np.testing.assert_array_equal(changed[1, 23, 8:24], hu[1, 23, 8:24])
    np.testing.assert_array_equal(changed[1, :6], hu[1, :6])


def test_the_border_keeps_its_share_of_brain():
    hu, fraction = head()
    changed = next(
        changed
        for changed in (aged(hu, fraction, np.random.default_rng(seed)) for seed in range(40))
        if core(changed) < 15
    )
    assert abs(changed[1, 11:21, 11:21].std() - hu[1, 11:21, 11:21].std()) < 0.5
    border = float(np.median(changed[1, 8, 10:22]))
    assert core(changed) < border < 35


@pytest.mark.parametrize("fraction", [np.zeros(SHAPE, np.float32), np.full(SHAPE, 0.5, np.float32)])
def test_without_whole_voxels_of_blood_nothing_changes(fraction):
    hu, _ = head()
    np.testing.assert_array_equal(aged(hu, fraction, np.random.default_rng(0)), hu)


def test_blood_like_brain_is_changed_as_a_whole():
    hu, fraction = head(blood=34.0)
    assert any(core(aged(hu, fraction, np.random.default_rng(seed))) < 20 for seed in range(10))
