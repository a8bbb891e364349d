"""HU stay as they are; windowed exports of a head come back to about HU."""

import numpy as np
import pytest
from scipy import ndimage

from ICHHPINetLib import phantom
from ICHHPINetLib.imaging.ct import CT
from ICHHPINetLib.imaging.hu_calibration import DISPLAY_WINDOWS, intensity_scale


@pytest.fixture(scope="module")
def head():
    return phantom.generate("deep", 0, (5.0, 1.5, 1.5))


def export(volume, window, dtype=np.uint8):
    low, high = window
    fraction = np.clip((volume - low) / (high - low), 0.0, 1.0)
    return np.rint(fraction * 255).astype(dtype) if dtype != np.float32 else fraction.astype(dtype)


def calibrate_hu(volume):
    """HU as the network sees them, and what was said about them."""
    ct = CT.of_array(volume, (5.0, 1.5, 1.5))
    return ct.network_hu, ct.warnings


def brain_shift(result, truth):
    """How far the calibrated HU of brain voxels are off, in HU."""
    brain = (truth > 22) & (truth < 42)
    return np.median(result[brain]) - np.median(truth[brain])


def test_hu_pass_unchanged(head):
    result, warnings = calibrate_hu(head.volume)
    assert warnings == ()
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, head.volume)


def test_hu_clipped_above_bone_pass_unchanged(head):
    volume = np.clip(head.volume, -200, 600)
    result, warnings = calibrate_hu(volume)
    assert warnings == ()
    np.testing.assert_array_equal(result, volume)


@pytest.mark.parametrize("clipped", [(0, 80), (0, 100), (-5, 75), (-160, 240)])
def test_the_skull_of_hu_cut_off_below_bone_is_bone_again(head, clipped):
    volume = np.clip(head.volume, *clipped)
    assert intensity_scale(volume) == "hu"
    result, (warning,) = calibrate_hu(volume)
    assert f"cut off at {clipped[1]}" in warning
    assert (result[head.volume > 700] == 300).mean() > 0.95
    np.testing.assert_array_equal(result[head.mask > 0], volume[head.mask > 0])


def test_hu_cut_off_within_blood_stay_and_are_warned_of(head):
    volume = np.clip(head.volume, 0, 60)
    result, (warning,) = calibrate_hu(volume)
    assert "expect a wrong result" in warning
    np.testing.assert_array_equal(result, volume)


def test_a_head_without_bone_is_not_taken_for_cut_off():
    brain = np.random.default_rng(0).normal(34, 6, (6, 80, 80)).astype(np.float32)
    result, (warning,) = calibrate_hu(brain)
    assert "cut off" not in warning
    np.testing.assert_array_equal(result, brain)


@pytest.mark.parametrize(
    ("window", "dtype"),
    [*((window, np.uint8) for window in DISPLAY_WINDOWS), ((0, 80), np.int16), ((0, 80), np.float32)],
)
def test_windowed_export_comes_back(head, window, dtype):
    exported = export(head.volume, window, dtype)
    assert intensity_scale(exported) == "window"
    result, (warning, *_) = calibrate_hu(exported)
    assert "windowed export" in warning
    assert result.shape == exported.shape
    assert result.dtype == np.float32
    assert abs(brain_shift(result, head.volume)) < 6
    # The contrast matters as much: blood has to stay as far above brain as it was.
    if window[1] >= 75:
        blood = result[head.mask > 0].mean()
        assert blood == pytest.approx(head.volume[head.mask > 0].mean(), abs=12)


@pytest.mark.parametrize("noise", [2.0, 7.0])
def test_noise_does_not_move_the_window_far(noise):
    noisy = phantom.generate("lobar", 3, (5.0, 2.0, 2.0), slices=24, noise_hu=noise)
    result, _ = calibrate_hu(export(noisy.volume, (0, 80)))
    assert abs(brain_shift(result, noisy.volume)) < 5


def test_padded_background_does_not_matter(head):
    padding = ((0, 0), (90, 90), (90, 90))
    result, _ = calibrate_hu(np.pad(export(head.volume, (0, 80)), padding))
    assert abs(brain_shift(result, np.pad(head.volume, padding))) < 5


def test_missing_rescale_intercept(head):
    result, (warning,) = calibrate_hu((head.volume.astype(np.int32) + 1024).clip(0).astype(np.uint16))
    assert "rescale intercept" in warning
    assert brain_shift(result, head.volume) == 0


def test_hu_with_much_dense_bone_are_not_taken_for_scanner_values(head):
    hu = head.volume.copy()
    bone = np.random.default_rng(0).normal(1055, 20, hu[:6].shape)
    hu[:6] = np.where(hu[:6] > -500, bone, hu[:6])
    assert np.count_nonzero((hu >= 1034) & (hu <= 1084)) > 0.02 * hu.size
    assert intensity_scale(hu) == "hu"


def test_no_brain_in_sight_is_said():
    volume = np.zeros((4, 64, 64), np.uint8)
    volume[:, 20:40, 20:40] = 255
    _, (warning, *_) = calibrate_hu(volume)
    assert "a guess" in warning


def test_the_skull_of_a_narrow_window_is_bone_again_and_blood_is_not(head):
    result, _ = calibrate_hu(export(head.volume, (0, 80)))
    assert (result[head.volume > 700] == 300).mean() > 0.95
    assert (result[head.mask > 0] < 100).all()
    narrow, _ = calibrate_hu(export(head.volume, (20, 60)))
    assert narrow.max() == pytest.approx(60)
    wide, _ = calibrate_hu(export(head.volume, (-200, 600)))
    assert wide.max() == pytest.approx(600)


def test_scanner_values_with_padding_are_recognized(head):
    raw = head.volume.astype(np.int16) + 1024
    raw[:, :6] = -2000
    result, (warning,) = calibrate_hu(raw)
    assert "rescale intercept" in warning
    assert brain_shift(result[:, 6:], head.volume[:, 6:]) == 0


def test_export_that_a_resampling_overshot_is_recognized(head):
    exported = export(head.volume, (0, 80), np.int16)
    exported[exported == 255] = 266
    exported[2, 2, :3] = -14
    result, (warning, _) = calibrate_hu(exported)
    assert "windowed export" in warning
    assert abs(brain_shift(result, head.volume)) < 6


@pytest.mark.parametrize("high", [200, 255])
def test_hu_cut_off_at_0_and_at_a_window_s_end_stay_hu(head, high):
    volume = np.clip(head.volume, 0, high)
    result, _ = calibrate_hu(volume)
    assert brain_shift(result, head.volume) == 0
    np.testing.assert_array_equal(result[head.mask > 0], volume[head.mask > 0])


def test_what_is_no_head_in_hu_is_doubted():
    volume = np.random.default_rng(0).normal(400, 60, (6, 60, 60)).astype(np.float32)
    result, (warning,) = calibrate_hu(volume)
    assert "no head CT in HU" in warning
    np.testing.assert_array_equal(result, volume)


def brain_alone(head):
    """The head without its skull, 0 around it."""
    brain = ndimage.binary_erosion((head.volume > 0) & (head.volume < 120), np.ones((1, 3, 3)), iterations=2)
    return np.where(brain, head.volume, 0), brain & (head.mask > 0)


@pytest.fixture(scope="module")
def bright():
    return phantom.generate("lobar", 0, (5.0, 1.5, 1.5), slices=20, blood_hu=78.0)


@pytest.mark.parametrize("high", [75, 80, 255])
def test_a_clot_in_a_brain_without_skull_is_not_taken_for_bone(bright, high):
    volume, blood = brain_alone(bright)
    result, _ = calibrate_hu(np.clip(volume, 0, high))
    np.testing.assert_array_equal(result[blood], np.clip(volume, 0, high)[blood])


def test_a_brain_without_skull_in_hu_is_no_windowed_export(head):
    volume, _ = brain_alone(head)
    volume[2, 40, 40:44] = 230, 230, -30, -30
    result, (warning,) = calibrate_hu(volume)
    assert "no bone" in warning
    np.testing.assert_array_equal(result, volume)


@pytest.mark.parametrize("shift", [-33792, -2048, 3000])
def test_hu_that_cannot_be_are_doubted(head, shift):
    """As with a wrong intercept: where nothing is left to look at, that is a doubt too."""
    _, (warning,) = calibrate_hu(head.volume + np.float32(shift))
    assert "no head CT in HU" in warning


def test_what_surrounds_a_head_is_missed(head):
    inside = head.volume[:, 40:-40, 40:-40]
    _, (warning,) = calibrate_hu(np.maximum(inside, np.float32(-100) + inside % 7))
    assert "no air" in warning


def test_bright_blood_at_the_skull_stays_blood():
    """Where it is cut off in speckles, the skull must not reach through them into it."""
    made = phantom.generate("extraaxial", 0, (5.0, 0.8, 0.8), slices=28, blood_hu=72.0)
    noise = np.random.default_rng(0).normal(0, 6, made.volume.shape)
    volume = np.clip(made.volume + np.where(made.mask > 0, noise, 0), 0, 75).astype(np.float32)
    core = ndimage.binary_erosion(made.mask > 0, np.ones((1, 5, 5)))
    assert (volume[core] == 75).mean() > 0.25
    result, _ = calibrate_hu(volume)
    assert (result[core] == 300).mean() < 0.1
    assert (result[made.volume > 700] == 300).mean() > 0.95
