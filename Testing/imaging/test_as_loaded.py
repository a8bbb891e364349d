"""Masks that were drawn on a series as another program shows it."""

import numpy as np
import pytest

pytest.importorskip("pydicom")

from ICHHPINetLib.imaging.as_loaded import on_series
from ICHHPINetLib.imaging.ct_files import read_ct, read_ct_of_files
from Testing.imaging.dicom_cases import head_hu, write_frames, write_slices

BLOCKS = np.cumsum([0.0, *[4.0] * 6, 1.08, *[7.0] * 5])


@pytest.mark.parametrize("kind", ["even", "tilted", "two thicknesses"])
def test_a_mask_lies_on_the_slices_that_it_was_drawn_on(tmp_path, kind):
    hu = head_hu(13)
    more = {"even": {}, "tilted": {"tilt": 18.5}}.get(kind, {"thickness": [4.0] * 7 + [7.0] * 6})
    write_slices(tmp_path, hu, *([BLOCKS] if "thickness" in more else []), **more)
    series = read_ct_of_files(sorted(tmp_path.iterdir()), "CT")
    drawn = np.zeros(hu.shape, np.uint8)
    drawn[3, 5:9, 5:8] = drawn[9, 6, 6] = 1
    mask = on_series(drawn, hu.astype(np.float32), series)
    repeats = series.geometry.repeats
    np.testing.assert_array_equal(mask, np.repeat(drawn, repeats, axis=0))
    np.testing.assert_array_equal(series.hu, read_ct(tmp_path).hu)


def test_a_volume_that_was_changed_is_not_the_series(tmp_path):
    hu = head_hu()
    write_slices(tmp_path, hu)
    series = read_ct_of_files(sorted(tmp_path.iterdir()), "CT")
    drawn, changed = np.zeros(hu.shape, np.uint8), hu.astype(np.float32)
    changed[2, 3, 4] += 20
    assert on_series(drawn, changed, series) is None
    assert on_series(drawn[1:], hu[1:], series) is None


def test_one_file_is_a_series_as_well(tmp_path):
    write_frames(tmp_path / "ct.dcm")
    assert read_ct_of_files([tmp_path / "ct.dcm"], "CT").shape == read_ct(tmp_path / "ct.dcm").shape
