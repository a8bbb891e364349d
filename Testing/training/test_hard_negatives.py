"""Bright things that are no blood, and the room that a bleed takes."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skimage")

from ICHHPINetLib.training import hard_negatives
from ICHHPINetLib.training.bleed_shapes import depth_below_skull
from ICHHPINetLib.training.hard_negatives import Head, add_hard_negatives
from ICHHPINetLib.training.mass_effect import pushed
from ICHHPINetLib.training.sampling import Mixture, Sampler


@pytest.fixture()
def narrowing(small_pack):
    """The head without a bleed, its upper slices smaller, so that bone ends above brain."""
    case = small_pack.cases["b"]
    hu, inside = case.hu(), case.inside.copy()
    y, x = np.ogrid[:96, :80]
    radius = np.hypot((y - 48) / 46, (x - 40) / 38)
    hu[6:] = np.where(radius < 0.7, 32, np.where(radius < 0.85, 600, -200))
    inside[6:] = radius < 0.7
    return hu, inside


@pytest.mark.parametrize("kind", list(hard_negatives.KINDS), ids=lambda kind: kind.__name__)
def test_every_kind_is_bright_inside_the_skull_and_spares_the_blood(narrowing, kind, monkeypatch):
    monkeypatch.setattr(hard_negatives, "KINDS", {kind: 0.5, lambda head, rng: 0 * head.hu: 0.5})
    hu, inside = narrowing
    blood = np.zeros(hu.shape, np.float32)
    blood[3, 40:50, 20:30] = 1
    brighter = 0
    for seed in range(12):
        out = add_hard_negatives(hu, blood, inside, 5.0, np.random.default_rng(seed))
        change = out - hu
        assert np.array_equal(out[~inside], hu[~inside])
        spared = not change[3, 38:52, 18:32].any()
        assert spared or kind in hard_negatives.OF_THE_IMAGE
        brighter += change.max() > 4
    assert brighter >= 4


def test_the_falx_lies_in_the_midline_also_of_a_turned_head(narrowing):
    hu, inside = narrowing
    hu, inside = np.roll(hu, 5, 2), np.roll(inside, 5, 2)
    head = Head(hu, depth_below_skull(inside), 5.0)
    assert head.midline(5) == pytest.approx(45, abs=0.6)
    for seed in range(3):
        more = hard_negatives.dense_falx(head, np.random.default_rng(seed))
        columns = np.unique(np.nonzero(more > 2)[2])
        assert columns.size and abs(columns - 45).max() <= 2
        assert not more[: len(hu) // 2].any(), "the falx is above the brain's base"
    wedge = np.zeros((1, 96, 80), bool)
    for row in range(20, 76):
        wedge[0, row, 20 + row // 4 : 50 + row // 4] = True
    turned = Head(np.zeros(wedge.shape, np.float32), depth_below_skull(wedge), 5.0)
    assert turned.midline(0)[[20, 72]] == pytest.approx([39.5, 52.5], abs=0.5)


def test_a_slice_with_nothing_inside_has_no_midline():
    empty = np.zeros((2, 64, 64), np.float32)
    assert Head(empty, empty, 5.0).midline(0) is None


def test_calcifications_of_the_choroid_are_in_the_ventricles_and_mostly_paired(small_pack):
    case = small_pack.cases["b"]
    hu = case.hu()
    hu[4, 44:54, 30:36] = hu[4, 44:54, 44:50] = 6
    head = Head(hu, depth_below_skull(case.inside), 5.0)
    paired = 0
    for seed in range(10):
        more = hard_negatives.calcified_choroid(head, np.random.default_rng(seed))
        bright = np.argwhere(more > 0.5 * more.max())
        assert np.median(bright[:, 0]) == 4
        paired += (bright[:, 2] < 40).any() and (bright[:, 2] > 40).any()
    assert 4 <= paired < 10


def test_bone_shines_into_the_slice_below_it_and_no_further(narrowing):
    hu, inside = narrowing
    head = Head(hu, depth_below_skull(inside), 5.0)
    most = np.max(
        [hard_negatives.bone_of_the_next_slice(head, np.random.default_rng(s)) for s in range(12)], axis=0
    )
    most = np.where(inside, most, 0)
    assert most[5].max() > 30
    assert not most[2:4].any()


def test_a_bleed_moves_brain_away_and_leaves_the_skull(small_pack):
    case = small_pack.cases["b"]
    hu, depth = case.hu(), depth_below_skull(case.inside)
    hu[:, :, 52] = 60
    clot = np.zeros(hu.shape, np.float32)
    clot[2:6, 38:58, 28:46] = 1
    shifts = []
    for seed in range(6):
        moved, again = pushed([hu, hu], clot, depth, 5.0, np.random.default_rng(seed))
        assert np.array_equal(moved, again)
        near_bone = depth < 3
        assert np.array_equal(moved[near_bone], hu[near_bone])
        profile = moved[4, 44:52, 47:62].mean(0) - 32
        shifts.append((np.clip(profile, 0, None) * np.arange(47, 62)).sum() / np.clip(profile, 0, None).sum())
    assert max(shifts) > 52.8 and min(shifts) > 51.5
    assert np.array_equal(pushed([hu], np.zeros_like(clot), depth, 5.0, np.random.default_rng(0))[0], hu)


def test_what_is_pushed_keeps_its_noise(small_pack):
    case = small_pack.cases["b"]
    hu, depth = case.hu(), depth_below_skull(case.inside)
    clot = np.zeros(hu.shape, np.float32)
    clot[2:6, 34:60, 26:52] = 1
    (moved,) = pushed([hu], clot, depth, 5.0, np.random.default_rng(1))
    changed = np.abs(moved - hu) > 0.01
    assert changed.sum() > 2000
    assert moved[changed].std() == pytest.approx(hu[changed].std(), rel=0.15), (
        "linear interpolation takes a third"
    )


def test_hard_negatives_can_be_left_out(small_pack, monkeypatch):
    monkeypatch.setattr("ICHHPINetLib.training.sampling.add_hard_negatives", lambda *given: 1 / 0)
    mixture = Mixture(voxels=6 * 48 * 48)
    sampler = Sampler(small_pack, ["a", "b"], dataclasses.replace(mixture, hard=0.0), seed=0)
    for _ in range(3):
        sampler.draw()
    with pytest.raises(ZeroDivisionError):
        Sampler(small_pack, ["a", "b"], dataclasses.replace(mixture, hard=1.0), seed=0).draw()
