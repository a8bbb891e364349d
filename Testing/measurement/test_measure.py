"""Volume and ABC/2 against closed forms, and what must hold for every mask."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ICHHPINetLib import phantom
from ICHHPINetLib.errors import InvalidVolumeError
from ICHHPINetLib.measurement import measure

masks = hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=7))
steps = st.tuples(*[st.floats(0.2, 8.0)] * 3)


def ellipsoid(axes, spacing, margin=4):
    """Mask of an ellipsoid with semi-axes (z, y, x) in mm."""
    counts = [int(np.ceil(2 * axis / step)) + margin for axis, step in zip(axes, spacing, strict=True)]
    scaled = zip(counts, spacing, axes, strict=True)
    lines = [(np.arange(count) - (count - 1) / 2) * step / axis for count, step, axis in scaled]
    grids = np.meshgrid(*lines, indexing="ij")
    return sum(grid**2 for grid in grids) <= 1.0


@pytest.mark.parametrize("spacing", [(1.0, 0.5, 0.5), (5.0, 0.4, 0.4), (2.0, 0.9, 0.3)])
def test_ellipsoid(spacing):
    axes = (20.0, 15.0, 10.0)
    result = measure(ellipsoid(axes, spacing), spacing)
    exact = 4 / 3 * np.pi * np.prod(axes) / 1000
    assert result.volume_ml == pytest.approx(exact, rel=0.02)
    assert result.a_mm == pytest.approx(30.0, abs=1.5)
    assert result.b_mm == pytest.approx(20.0, abs=1.5)
    assert result.foci == 1


def test_ellipsoid_turned_in_plane():
    z, y, x = np.meshgrid(np.arange(-20, 21), np.arange(-40, 41), np.arange(-40, 41), indexing="ij")
    turn = np.radians(30)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    result = measure((u / 30) ** 2 + (v / 12) ** 2 + (z / 15) ** 2 <= 1, (1.0, 1.0, 1.0))
    assert result.a_mm == pytest.approx(60.0, abs=2)
    assert result.b_mm == pytest.approx(24.0, abs=2)


def test_weighted_slices():
    """Areas of 100, 76, 75, 25, 24 % of the largest count 1, 1, 1/2, 1/2, 0."""
    mask = np.zeros((5, 12, 12), bool)
    for index, count in enumerate((100, 76, 75, 25, 24)):
        block = np.zeros(100, bool)
        block[:count] = True
        mask[index, 1:11, 1:11] = block.reshape(10, 10)
    assert measure(mask, (5.0, 1.0, 1.0)).c_mm == pytest.approx(3 * 5.0)


@pytest.mark.parametrize("spacing", [(5.0, 1.0, 1.0), (3.0, 0.5, 2.0)])
def test_box(spacing):
    mask = np.zeros((8, 40, 50), bool)
    mask[2:6, 10:30, 10:40] = True
    result = measure(mask, spacing)
    height, width = 20 * spacing[1], 30 * spacing[2]
    diagonal = np.hypot(height, width)
    assert result.volume_ml == pytest.approx(4 * spacing[0] * height * width / 1000)
    assert result.a_mm == pytest.approx(diagonal)
    # The chord through the middle, at right angles to the diagonal.
    assert result.b_mm == pytest.approx(min(height, width) * diagonal / max(height, width))
    assert result.c_mm == pytest.approx(4 * spacing[0])
    assert result.abc2_ml == pytest.approx(result.a_mm * result.b_mm * result.c_mm / 2000)
    assert result.slices == 4


def test_single_voxel():
    mask = np.zeros((3, 5, 5), np.uint8)
    mask[1, 2, 3] = 1
    result = measure(mask, (5.0, 0.3, 0.4), np.full(mask.shape, 61))
    assert result.volume_ml == pytest.approx(0.0006)
    assert (result.a_mm, result.c_mm) == (pytest.approx(0.5), pytest.approx(5.0))
    assert (result.foci, result.slices, result.hu_mean, result.hu_sd) == (1, 1, 61.0, 0.0)


def test_empty():
    result = measure(np.zeros((3, 5, 5)), (5.0, 0.5, 0.5), np.zeros((3, 5, 5)))
    assert result.as_dict() == {
        "volume_ml": 0.0,
        "abc2_ml": 0.0,
        "a_mm": 0.0,
        "b_mm": 0.0,
        "c_mm": 0.0,
        "foci": 0,
        "slices": 0,
        "hu_mean": None,
        "hu_sd": None,
    }


def test_foci_are_26_connected_and_their_estimates_add_up():
    mask = np.zeros((9, 20, 20), bool)
    mask[1:3, 2:6, 2:6] = True
    mask[3, 6, 6] = True  # touches by a corner: one focus
    mask[6:8, 12:18, 12:18] = True
    spacing = (4.0, 1.0, 1.0)
    result = measure(mask, spacing)
    lower, upper = mask.copy(), mask.copy()
    lower[5:], upper[:5] = False, False
    assert result.foci == 2
    assert result.abc2_ml == pytest.approx(measure(lower, spacing).abc2_ml + measure(upper, spacing).abc2_ml)
    assert result.a_mm == measure(upper, spacing).a_mm


def test_phantom_volume_and_hu():
    head = phantom.generate("deep", 0, (5.0, 2.0, 2.0), slices=16)
    result = measure(head.mask, head.spacing, head.volume)
    assert result.volume_ml == pytest.approx(head.volume_ml, rel=0.05)
    assert result.abc2_ml == pytest.approx(head.volume_ml, rel=0.3)
    assert result.hu_mean == pytest.approx(57, abs=4)
    assert json.loads(json.dumps(result.as_dict()))["hu_sd"] > 2


@given(masks, steps)
def test_numbers_of_any_mask(mask, spacing):
    result = measure(mask, spacing)
    assert result.volume_ml == pytest.approx(mask.sum() * np.prod(spacing) / 1000)
    assert result.slices == mask.any(axis=(1, 2)).sum()
    assert result.b_mm <= result.a_mm * (1 + 1e-9)
    assert (result.foci > 0) == bool(mask.any())
    field = np.hypot(mask.shape[1] * spacing[1], mask.shape[2] * spacing[2])
    assert result.a_mm <= field * (1 + 1e-9)


@given(masks, steps)
def test_mirrored_and_turned_masks_measure_the_same(mask, spacing):
    reference = measure(mask, spacing)
    mirrored = measure(mask[::-1, ::-1, ::-1], spacing)
    turned = measure(mask.transpose(0, 2, 1), (spacing[0], spacing[2], spacing[1]))
    for other in (mirrored, turned):
        assert other.volume_ml == pytest.approx(reference.volume_ml)
        assert other.foci == reference.foci
        assert other.slices == reference.slices


@pytest.mark.parametrize(
    ("mask", "spacing", "volume", "words"),
    [
        (np.zeros((4, 4)), (1.0, 1.0, 1.0), None, r"\(Z, Y, X\)"),
        (np.zeros((4, 4, 4)), (1.0, 1.0), None, "three"),
        (np.zeros((4, 4, 4)), (1.0, 1.0, 1.0), np.zeros((4, 4, 5)), "same voxel grid"),
    ],
)
def test_what_does_not_fit_is_refused(mask, spacing, volume, words):
    with pytest.raises(InvalidVolumeError, match=words):
        measure(mask, spacing, volume)


@pytest.mark.parametrize("wrong", [0.3, np.nan])
def test_fractions_are_no_mask(wrong):
    mask = np.zeros((4, 8, 8), np.float32)
    mask[1, 2:4, 2:4] = 1
    assert measure(mask, (5.0, 0.5, 0.5)).volume_ml == pytest.approx(4 * 1.25 / 1000)
    mask[2] = wrong
    with pytest.raises(InvalidVolumeError, match="not labels"):
        measure(mask, (5.0, 0.5, 0.5))
