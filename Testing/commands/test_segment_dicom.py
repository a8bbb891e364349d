"""``segment`` for a PACS: all three objects, and every reason why there is none."""

import json
import sys

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("highdicom")
pytest.importorskip("matplotlib")

import pydicom

from ICHHPINetLib import cli
from ICHHPINetLib.dicom_export.sr import read_sr
from Testing.imaging.dicom_cases import ORIGIN, head_hu, write_slices

NAMES = ("seg", "sr", "sc")


@pytest.fixture
def series(case, without_network):
    """The case with a DICOM series in place of its CT, and a scribble on its fourth slice."""
    case.nifti, case.ct = case.ct, case.folder / "series"
    write_slices(case.ct, head_hu())
    drawn = np.zeros(head_hu().shape, np.uint8)
    drawn[3, 12, 8:11] = 1
    image = sitk.GetImageFromArray(drawn)
    image.SetSpacing((0.5, 0.5, 5.0))
    image.SetOrigin(ORIGIN.tolist())
    sitk.WriteImage(image, str(case.round1))
    return case


def segment(case, *more):
    words = ["segment", case.ct, "--scribbles", case.round1, "-o", case.folder / "out.seg.nrrd", *more]
    return cli.main([str(word) for word in words])


def options(case, names=NAMES):
    return [word for name in names for word in (f"--dicom-{name}", case.folder / f"{name}.dcm")]


def test_all_results_have_the_same_numbers(series, capsys):
    report, again = series.folder / "report.json", series.folder / "again.json"
    assert segment(series, *options(series), "--report", report) == 0
    assert "sc.dcm" in capsys.readouterr().out
    content = json.loads(report.read_text(encoding="utf-8"))["rounds"][-1]
    numbers = read_sr(series.folder / "sr.dcm")
    assert numbers.pop("rounds") == 1
    assert numbers == pytest.approx({name: content[name] for name in numbers}, abs=1e-6)
    words = ["measure", series.folder / "seg.dcm", "--ct", series.ct, "--report", again]
    assert cli.main([str(word) for word in words]) == 0
    measured = json.loads(again.read_text(encoding="utf-8"))
    for name in ("volume_ml", "abc2_ml", "hu_mean", "foci"):
        assert measured[name] == pytest.approx(content[name])
    picture = pydicom.dcmread(series.folder / "sc.dcm")
    assert picture.pixel_array.shape[2] == 3 and picture.pixel_array.std() > 10
    assert picture.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.4"
    assert "not a medical device" in picture.ImageComments


def refused(case, *more):
    """Whether nothing but the input is there afterwards."""
    before = sorted(case.folder.rglob("*"))
    code = segment(case, *more)
    return code == 2 and sorted(case.folder.rglob("*")) == before


def test_a_ct_that_is_not_from_dicom(series, capsys):
    series.ct = series.nifti
    assert refused(series, *options(series))
    assert "not read from DICOM" in capsys.readouterr().err


def test_a_report_alone(series, capsys):
    assert refused(series, *options(series, ["sr"]))
    assert "--dicom-seg" in capsys.readouterr().err


def test_a_name_that_is_no_dicom_file(series, capsys):
    assert refused(series, "--dicom-seg", series.folder / "seg.nrrd")
    assert ".dcm" in capsys.readouterr().err


def test_a_name_of_a_slice(series, capsys):
    assert refused(series, "--dicom-seg", next(series.ct.iterdir()))
    assert "is a slice of the CT" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(series, capsys):
    assert refused(series, "--dicom-sc", series.round1 / "sc.dcm")
    assert "1.nrrd" in capsys.readouterr().err


def test_without_highdicom_the_package_is_named(series, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    assert refused(series, *options(series, ["seg"]))
    assert "pip install 'ichhpinet[dicom]'" in capsys.readouterr().err


def test_a_segmentation_of_another_series_is_no_mask_of_this_one(series, capsys):
    assert segment(series, *options(series, ["seg"])) == 0
    other = series.folder / "other"

    def change(index, dataset):
        dataset.SeriesInstanceUID = "1.2.3.5"

    write_slices(other, head_hu(), change=change)
    seg = series.folder / "seg.dcm"
    assert cli.main(["measure", str(seg), "--ct", str(other)]) == 2
    assert "drawn on another series (1.2.3.4)" in capsys.readouterr().err
