"""Values of DICOM slices become HU by what each slice says of its own bits."""

import numpy as np
import pytest

from ICHHPINetLib.imaging.ct_files import read_ct
from Testing.imaging.dicom_cases import head_hu, store, write_slices


def signed_and_unsigned(index, dataset):
    if index % 2:
        dataset.PixelRepresentation = 0
        store(dataset, head_hu()[index], intercept=-1024)


def high_bits(index, dataset):
    dataset.BitsStored, dataset.HighBit = 12, 15
    store(dataset, head_hu()[index])


def overlay_above(index, dataset):
    dataset.BitsStored, dataset.HighBit = 12, 11
    store(dataset, head_hu()[index])
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") | 0x8000).tobytes()


def white_air_of_twelve_bits(index, dataset):
    dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
    dataset.PhotometricInterpretation = "MONOCHROME1"
    store(dataset, 4095 - 2048 - head_hu()[index], intercept=-1024)
    dataset.RescaleIntercept = -1024


def shown_with_white_air(index, dataset):
    dataset.PhotometricInterpretation = "MONOCHROME1"


@pytest.mark.parametrize(
    ("change", "warnings"),
    [
        (signed_and_unsigned, []),
        (high_bits, []),
        (overlay_above, []),
        (white_air_of_twelve_bits, ["turned around"]),
        (shown_with_white_air, ["MONOCHROME1"]),
    ],
)
def test_hu_are_what_they_were(tmp_path, change, warnings):
    write_slices(tmp_path / "head", change=change)
    ct = read_ct(tmp_path / "head")
    np.testing.assert_array_equal(ct.hu, head_hu())
    assert len(ct.warnings) == len(warnings)
    for words, warning in zip(warnings, ct.warnings, strict=True):
        assert words in warning


def test_fractions_of_hu_stay(tmp_path):
    write_slices(tmp_path / "head", change=lambda index, dataset: store(dataset, head_hu()[index], 0.5, 0.5))
    np.testing.assert_allclose(read_ct(tmp_path / "head").hu, head_hu(), atol=0.3)
