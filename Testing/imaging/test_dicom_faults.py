"""What can be wrong with a DICOM folder: every cause has a sentence of its own, and nothing hangs."""

import os
import shutil
import zipfile

import numpy as np
import pydicom
import pytest

from ICHHPINetLib.errors import ICHHPINetError, InputFileError, MissingPackageError
from ICHHPINetLib.imaging.ct_files import read_ct
from Testing.imaging.dicom_cases import head_hu, numbers, save, store, write_slices


def without(keyword, of=None):
    def change(index, dataset):
        if of is None or index == of:
            delattr(dataset, keyword)

    return change


def with_value(keyword, value, of=None):
    def change(index, dataset):
        if of is None or index == of:
            setattr(dataset, keyword, value)

    return change


def color(index, dataset):
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("ImagePositionPatient"), "ImagePositionPatient"),
        (without("ImagePositionPatient", of=3), r"slice_021.*ImagePositionPatient"),
        (without("ImageOrientationPatient"), "ImageOrientationPatient"),
        (with_value("ImageOrientationPatient", [0, 0, 0, 0, 0, 0]), "ImageOrientationPatient"),
        (without("PixelSpacing"), "no pixel size"),
        (with_value("PixelSpacing", [600, 600]), "600"),
        (with_value("RescaleSlope", 0), "RescaleSlope"),
        (color, "3 values a pixel"),
        (with_value("PixelData", b"\0" * 100, of=7), "bytes of its pixels are missing"),
        (without("PixelData", of=7), "bytes of its pixels are missing"),
        (without("Rows", of=7), "header ends early"),
    ],
)
def test_what_slices_do_not_say(tmp_path, change, words):
    write_slices(tmp_path / "head", change=change)
    with pytest.raises(ICHHPINetError, match=words):
        read_ct(tmp_path / "head")


def test_a_copied_file_is_left_out(tmp_path):
    write_slices(tmp_path / "head")
    shutil.copy(tmp_path / "head" / "slice_021.dcm", tmp_path / "head" / "slice_021 (1).dcm")
    ct = read_ct(tmp_path / "head")
    assert numbers(ct) == list(range(8))
    assert "Copies of slices were left out" in ct.warnings[0]


@pytest.mark.parametrize("keyword", ["AcquisitionNumber", "AcquisitionTime"])
@pytest.mark.parametrize("apart", [0.0, 2.5])
def test_two_acquisitions_are_named(tmp_path, keyword, apart):
    """At the same places, or half way between: a stack as even as one alone."""
    z = np.sort(np.concatenate([5.0 * np.arange(6), 5.0 * np.arange(6) + apart]))

    def change(index, dataset):
        setattr(dataset, keyword, "101500" if index % 2 else "101000")

    write_slices(tmp_path / "head", head_hu(12), z, change=change)
    with pytest.raises(
        InputFileError, match=rf"2 acquisitions.*{keyword} '101000' with 6 slices.*'101500' with 6"
    ):
        read_ct(tmp_path / "head")


def test_slices_taken_in_turns_are_one_ct(tmp_path):
    write_slices(tmp_path / "turns", change=lambda i, one: setattr(one, "AcquisitionNumber", 1 + i % 2))
    write_slices(tmp_path / "halves", change=lambda i, one: setattr(one, "AcquisitionNumber", 1 + i // 4))
    for name in ("turns", "halves"):
        assert numbers(read_ct(tmp_path / name)) == list(range(8))


def hashed(index, dataset):
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = (
        "2.25.329800735698586629295641978511506172918"
    )


def test_a_class_that_was_hashed_is_read(tmp_path):
    write_slices(tmp_path / "head", change=hashed)
    ct = read_ct(tmp_path / "head")
    np.testing.assert_array_equal(ct.hu, head_hu())
    assert ct.warnings == ()


def test_files_without_a_preamble_are_read(tmp_path):
    write_slices(tmp_path / "head")
    for path in (tmp_path / "head").iterdir():
        path.write_bytes(path.read_bytes()[132:])
    np.testing.assert_array_equal(read_ct(tmp_path / "head").hu, head_hu())


def test_pipes_devices_and_dangling_links_are_skipped(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes")
    write_slices(tmp_path / "head")
    os.mkfifo(tmp_path / "head" / "pipe.dcm")
    (tmp_path / "head" / "zero.dcm").symlink_to("/dev/zero")
    (tmp_path / "head" / "nowhere.dcm").symlink_to(tmp_path / "gone")
    (tmp_path / "head" / "loop").symlink_to(tmp_path / "head")
    ct = read_ct(tmp_path / "head")
    np.testing.assert_array_equal(ct.hu, head_hu())
    assert "nowhere.dcm, pipe.dcm, zero.dcm" in ct.warnings[0]
    with pytest.raises(InputFileError, match="device or a pipe"):
        read_ct(tmp_path / "head" / "pipe.dcm")


def test_linked_slices_are_read(tmp_path):
    write_slices(tmp_path / "store")
    (tmp_path / "head").mkdir()
    for path in (tmp_path / "store").iterdir():
        (tmp_path / "head" / path.name).symlink_to(path)
    np.testing.assert_array_equal(read_ct(tmp_path / "head").hu, head_hu())


@pytest.mark.parametrize("stated", ["ISO_IR 100", "ISO_IR 192", None])
def test_descriptions_keep_their_letters(tmp_path, stated):
    def change(index, dataset):
        if stated is None:
            dataset.SeriesDescription = b"Sch\xe4del".decode("latin-1")
        else:
            dataset.SpecificCharacterSet, dataset.SeriesDescription = stated, "Schädel"

    def other(index, dataset):
        change(index, dataset)
        dataset.SeriesInstanceUID = "9.9"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"9.9.{index}"

    write_slices(tmp_path / "head" / "a", change=change)
    write_slices(tmp_path / "head" / "b", change=other)
    with pytest.raises(InputFileError, match=r"2 series.*\n +Schädel, CT: 8 slices, UID 1\.2\.3\.4"):
        read_ct(tmp_path / "head")


@pytest.mark.parametrize("kept", [0, 60, 131, 140, 300, 700, -1])
@pytest.mark.parametrize("change", [None, hashed])
def test_a_slice_cut_at_any_length_is_named(tmp_path, kept, change):
    """The last one: no gap in the stack tells that it is missing."""
    write_slices(tmp_path / "head", change=change)
    last = tmp_path / "head" / "slice_018.dcm"
    last.write_bytes(last.read_bytes()[:kept])
    with pytest.raises(InputFileError, match=r"slice_018\.dcm"):
        read_ct(tmp_path / "head")


def test_other_kinds_of_input(tmp_path):
    write_slices(tmp_path / "head")
    (tmp_path / "zipped").mkdir()
    with zipfile.ZipFile(tmp_path / "zipped" / "head.zip", "w") as archive:
        for path in (tmp_path / "head").iterdir():
            archive.write(path)
    index = pydicom.dcmread(tmp_path / "head" / "slice_000.dcm")
    index.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    for keyword in ("Rows", "Columns", "PixelData", "Modality", "SOPClassUID"):
        delattr(index, keyword)
    save(index, tmp_path / "DICOMDIR")
    (tmp_path / "pair.img").write_bytes(b"0")
    causes = {
        "zipped": "archive, 'head.zip'.*Unpack",
        "zipped/head.zip": "zip archive",
        "DICOMDIR": "index of a disc",
        "head/slice_000.dcm": "one slice of a DICOM series",
        "pair.img": "one half of a pair",
    }
    for name, words in causes.items():
        with pytest.raises(InputFileError, match=words):
            read_ct(tmp_path / name)
    # A disc: the index beside folders.
    shutil.rmtree(tmp_path / "zipped")
    assert numbers(read_ct(tmp_path)) == list(range(8))


def test_another_series_may_be_damaged_when_one_is_chosen(tmp_path):
    def odd(index, dataset):
        dataset.SeriesInstanceUID = "9.9"
        del dataset.ImagePositionPatient

    write_slices(tmp_path / "head")
    write_slices(tmp_path / "odd", change=odd)
    for path in (tmp_path / "odd").iterdir():
        shutil.move(path, tmp_path / "head" / f"odd_{path.name}")
    np.testing.assert_array_equal(read_ct(tmp_path / "head", "1.2.3.4").hu, head_hu())


def test_without_pydicom_it_is_asked_for(tmp_path, monkeypatch):
    write_slices(tmp_path / "head")
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(MissingPackageError, match="pip install pydicom"):
        read_ct(tmp_path / "head")


def test_compressed_slices_are_read(tmp_path):
    """Run-length encoded, as pydicom writes without any other package."""

    def change(index, dataset):
        store(dataset, head_hu()[index])
        dataset.compress(pydicom.uid.RLELossless)

    write_slices(tmp_path / "head", change=change)
    np.testing.assert_array_equal(read_ct(tmp_path / "head").hu, head_hu())
