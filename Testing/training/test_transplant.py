"""Real bleeds in other heads."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skimage")

from ICHHPINetLib.training.bleed_shapes import depth_below_skull
from ICHHPINetLib.training.hu_codes import encode
from ICHHPINetLib.training.packed import Pack, PackedCase
from ICHHPINetLib.training.sampling import Mixture, Sampler
from ICHHPINetLib.training.transplant import transplanted


def head(name: str, center: tuple[float, float], radius: float, lens: bool = False, slice_mm: float = 5.0):
    """A round head in a volume of 8 x 96 x 96, with a thin bleed against its left inner table or none."""
    y, x = np.ogrid[:96, :96]
    distance = np.hypot(y - center[0], x - center[1]) + np.zeros((8, 1, 1))
    rng = np.random.default_rng(0)
    hu = np.where(distance < radius, rng.normal(32, 3, distance.shape), 600.0)
    hu = np.where(distance > radius + 6, -200.0, hu)
    blood = np.zeros(hu.shape, bool)
    if lens:
        blood = (distance < radius) & (distance > radius - 5) & (x < center[1] - 0.8 * radius)
        blood &= np.isin(np.arange(8), (3, 4, 5))[:, None, None]
        hu[blood] += 30
    return PackedCase(name, encode(hu), 255 * blood.astype(np.uint8), distance < radius, slice_mm)


def test_a_lens_lies_against_the_inner_table_of_its_new_head():
    donor, host = head("a", (48, 44), 34, lens=True), head("b", (50, 52), 40)
    depth = depth_below_skull(host.inside)
    sides = set()
    for seed in range(8):
        hu, blood = transplanted(donor, donor.hu(), host, np.random.default_rng(seed))
        core = blood > 0.5
        assert 0.8 * (donor.fraction > 127).sum() <= core.sum() <= (donor.fraction > 127).sum()
        assert depth[core].max() < 9, "a bleed at the skull stays there"
        assert depth[core].min() < 2.5
        assert hu[core].mean() == pytest.approx(62, abs=3)
        sides.add(bool(np.argwhere(core)[:, 2].mean() > 52))
    assert sides == {True, False}, "either side"


def test_no_bone_comes_along_and_none_is_taken():
    donor, host = head("a", (48, 44), 34, lens=True), head("b", (48, 48), 38)
    for seed in range(8):
        hu, blood = transplanted(donor, donor.hu(), host, np.random.default_rng(seed))
        assert np.array_equal(hu[~host.inside], host.hu()[~host.inside])
        assert not blood[~host.inside].any()
        assert hu[host.inside].max() < 90
        far = depth_below_skull(host.inside) > 20
        assert np.array_equal(hu[far], host.hu()[far]), "what is far from the bleed is the new head's"


def test_a_mask_that_reaches_into_bone_brings_blood_alone():
    donor, host = head("a", (48, 44), 34, lens=True), head("b", (48, 48), 38)
    y, x = np.ogrid[:96, :96]
    distance = np.hypot(y - 48, x - 44)
    sloppy = (
        (distance > 29) & (distance < 36) & (x < 44 - 0.8 * 34) & (donor.fraction.any((1, 2))[:, None, None])
    )
    donor = dataclasses.replace(donor, fraction=np.where(sloppy, 255, donor.fraction).astype(np.uint8))
    for seed in range(6):
        made = transplanted(donor, donor.hu(), host, np.random.default_rng(seed))
        assert made is not None
        hu, blood = made
        core = blood > 0.5
        assert hu[core].mean() == pytest.approx(62, abs=3)
        assert hu[core].max() < 80
        assert hu[core].std() > 1.5, "no flat rim"


def test_brain_around_an_old_bleed_stays_brain():
    donor, host = head("a", (48, 44), 34, lens=True), head("b", (48, 48), 38)
    old = np.where(donor.fraction > 127, donor.hu() - 50, donor.hu())
    hu, blood = transplanted(donor, old, host, np.random.default_rng(0))
    around = host.inside & (blood == 0)
    assert hu[blood > 0.5].mean() == pytest.approx(12, abs=3)
    assert hu[around].min() > 16 and hu[around].mean() == pytest.approx(32, abs=0.5)


def test_where_the_skull_is_open_nobody_knows_how_deep_a_bleed_lay():
    donor = head("a", (48, 44), 34, lens=True)
    opened = donor.inside.copy()
    opened[4:] = False
    donor = dataclasses.replace(donor, inside=opened)
    assert transplanted(donor, donor.hu(), head("b", (48, 48), 38), np.random.default_rng(0)) is None


def test_no_slice_of_a_bleed_is_lost_in_an_open_slice_of_its_new_head():
    donor, host = head("a", (48, 44), 34, lens=True), head("b", (48, 48), 38)
    opened = host.inside.copy()
    opened[4] = False
    host = dataclasses.replace(host, inside=opened)
    for seed in range(12):
        made = transplanted(donor, donor.hu(), host, np.random.default_rng(seed))
        if made is not None:
            bleeding = np.flatnonzero((made[1] > 0.5).any((1, 2)))
            assert len(bleeding) == 3 and np.ptp(bleeding) == 2


def test_bleeds_that_fit_nowhere_are_left_where_they_are():
    rng = np.random.default_rng(0)
    donor = head("a", (48, 44), 34, lens=True)
    assert transplanted(donor, donor.hu(), head("b", (48, 48), 38, slice_mm=2.5), rng) is None
    assert transplanted(head("c", (48, 44), 34), donor.hu(), head("b", (48, 48), 38), rng) is None
    closed = dataclasses.replace(donor, fraction=np.zeros_like(donor.fraction), inside=donor.inside & False)
    assert transplanted(donor, donor.hu(), closed, rng) is None
    full = dataclasses.replace(donor, fraction=255 * donor.inside.astype(np.uint8))
    assert transplanted(full, full.hu(), head("b", (48, 48), 12), rng) is None


def test_samples_of_real_bleeds_are_in_both_heads():
    cases = {"a": head("a", (48, 44), 34, lens=True), "b": head("b", (50, 52), 40, slice_mm=5.1)}
    pack = Pack(cases, frozenset("a"), [])
    mixture = Mixture(real=1.0, synthetic=0.0, voxels=6 * 48 * 48, aged=0.0)
    for moved, expected in ((0.0, {5.0}), (1.0, {5.1}), (0.5, {5.0, 5.1})):
        sampler = Sampler(pack, ["a", "b"], dataclasses.replace(mixture, moved=moved), seed=0)
        drawn = [sampler.draw() for _ in range(12)]
        assert {one.slice_mm for one in drawn} == expected
        assert all(one.fraction.any() for one in drawn)
