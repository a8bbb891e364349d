"""Arrays that are no CT volume are refused with advice; unusual ones are not."""

import numpy as np
import pytest

from ICHHPINetLib.errors import InvalidVolumeError
from ICHHPINetLib.imaging.acquisition import check_volume
from ICHHPINetLib.imaging.ct import CT

SPACING = (5.0, 0.5, 0.5)


def ramp(shape, dtype=np.int16):
    values = np.linspace(-1000, 1000, int(np.prod(shape)))
    return values.reshape(shape).astype(dtype)


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        (ramp((32, 32)), "2 dimensions.*whole series"),
        (ramp((2, 8, 16, 16)), "4 dimensions.*one time point"),
        (ramp((16, 16, 3)), "RGB.*original"),
        (ramp((6, 16, 16, 4)), "RGB"),
        (np.zeros((0, 16, 16)), "empty"),
        (np.full((4, 8, 8), 7), "Every voxel.* 7"),
        (ramp((1, 16, 16)), "single slice.*whole series"),
        (np.array(5.0), "0 dimensions"),
        (np.full((4, 8, 8), "a"), "not real numbers.*convert"),
        (ramp((4, 8, 8)) > 0, "not real numbers"),
        (ramp((4, 8, 8), np.complex64), "not real numbers"),
        ([[[1.0]]], "NumPy array"),
    ],
)
def test_refused(volume, words):
    with pytest.raises(InvalidVolumeError, match=words):
        check_volume(volume, SPACING)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(bad):
    volume = ramp((4, 8, 8), np.float32)
    volume[1, 2, 3] = bad
    with pytest.raises(InvalidVolumeError, match=r"1 voxels.*nan_to_num"):
        check_volume(volume, SPACING)


@pytest.mark.parametrize(
    "spacing", [(1.0, 1.0), (1.0, 0.0, 1.0), (1.0, -1.0, 1.0), (1.0, np.nan, 1.0), ("a", 1, 1), None, 3.0]
)
def test_wrong_spacing(spacing):
    with pytest.raises(InvalidVolumeError, match=r"mm \(z, y, x\), for example"):
        check_volume(ramp((4, 8, 8)), spacing)


@pytest.mark.parametrize("spacing", [(600.0, 0.5, 0.5), (5.0, 600.0, 600.0), (0.005, 0.00045, 0.00045)])
def test_spacing_of_no_head(spacing):
    with pytest.raises(InvalidVolumeError, match="which no head CT has"):
        check_volume(ramp((4, 8, 8)), spacing)


@pytest.mark.parametrize("shape", [(2, 64, 64), (2, 1024, 1024), (400, 16, 16), (4, 31, 77)])
@pytest.mark.parametrize("dtype", [np.int16, np.float64, np.int32])
def test_unusual_sizes_and_types_pass(shape, dtype):
    assert check_volume(ramp(shape, dtype), (1.0, 0.4, 0.4)) == []


def test_windowed_export_is_a_warning():
    volume = np.clip(ramp((4, 32, 32)), 0, 255).astype(np.uint8)
    (warning, *_) = CT.of_array(volume, SPACING).warnings
    assert "windowed export" in warning


def test_spacing_in_the_wrong_order_is_a_warning():
    (warning,) = check_volume(ramp((32, 256, 256)), (0.5, 0.5, 5.0))
    assert "order (z, y, x)" in warning
