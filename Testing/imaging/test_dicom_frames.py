"""Frames of an enhanced CT are sorted and checked as the slices of a folder are; nothing is assumed."""

import numpy as np
import pytest

from ICHHPINetLib.errors import ICHHPINetError, InputFileError
from ICHHPINetLib.imaging.ct_files import read_ct
from Testing.imaging.dicom_cases import ORIGIN, head_hu, write_frames


@pytest.mark.parametrize(
    "order", [range(8), range(7, -1, -1), [0, 4, 1, 5, 2, 6, 3, 7], [3, 0, 7, 5, 1, 6, 2, 4]]
)
def test_frames_in_any_order(tmp_path, order):
    write_frames(tmp_path / "ct.dcm", order=order)
    for path in (tmp_path / "ct.dcm", tmp_path):
        ct = read_ct(path)
        np.testing.assert_array_equal(ct.hu, head_hu())
        assert ct.spacing == pytest.approx((5.0, 0.5, 0.5))
        np.testing.assert_allclose(ct.geometry.image.GetOrigin(), ORIGIN)
        assert ct.warnings == ()


def test_a_missing_frame_is_located(tmp_path):
    write_frames(tmp_path / "ct.dcm", order=[0, 4, 1, 5, 2, 6, 7])
    with pytest.raises(InputFileError, match=r"1 missing.*10\.00 mm between frame 5 of .* and frame 2 of"):
        read_ct(tmp_path / "ct.dcm")


def no_places(dataset):
    del dataset.PerFrameFunctionalGroupsSequence


def no_place(dataset):
    del dataset.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence


def no_orientation(dataset):
    del dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence


def no_pixel_size(dataset):
    del dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence


def fewer_places(dataset):
    del dataset.PerFrameFunctionalGroupsSequence[-1]


def fewer_pixels(dataset):
    dataset.PixelData = dataset.PixelData[:-100]


def turned(dataset):
    for frame in dataset.PerFrameFunctionalGroupsSequence[4:]:
        orientation = type(frame)()
        orientation.ImageOrientationPatient = [0, 1, 0, 1, 0, 0]
        frame.PlaneOrientationSequence = [orientation]


def huge(dataset):
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [600, 600]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (no_places, "say nothing of where they lie"),
        (no_place, "Frame 4 of .*ImagePositionPatient"),
        (no_orientation, "Frame 1 of .*ImageOrientationPatient"),
        (no_pixel_size, "Frame 1 of .*no pixel size"),
        (fewer_places, "where 7 frames lie, but has 8"),
        (fewer_pixels, "100 bytes of its pixels are missing"),
        (turned, "differ in size or orientation"),
        (huge, "600"),
    ],
)
def test_what_is_missing_is_named(tmp_path, change, words):
    write_frames(tmp_path / "ct.dcm", change=change)
    with pytest.raises(ICHHPINetError, match=words):
        read_ct(tmp_path / "ct.dcm")
