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
    numbers = read_sr(series.folder / "sr.dcm").numbers
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


def test_a_session_goes_on_from_the_segmentation_of_an_earlier_one(series, capsys):
    report, seg = series.folder / "report.json", series.folder / "seg.dcm"
    assert segment(series, *options(series, ["seg"]), "--report", report) == 0
    first = json.loads(report.read_text(encoding="utf-8"))["volume_ml"]
    drawn = sitk.ReadImage(str(series.round1))
    marks = sitk.GetArrayFromImage(drawn)
    marks[:], marks[5, 6, 8:11], marks[3, 12, 8] = 0, 1, 2
    image = sitk.GetImageFromArray(marks)
    image.CopyInformation(drawn)
    sitk.WriteImage(image, str(series.round1))
    scene = series.folder / "work.mrb"
    assert segment(series, "--start", seg, "--report", report, "--scene", scene) == 0
    content = json.loads(report.read_text(encoding="utf-8"))
    # As many voxels again, less the one that is erased.
    assert content["volume_ml"] == pytest.approx(2 * first - 0.5 * 0.5 * 5 / 1000)
    assert content["rounds"][0]["round"] == 1
    assert f"went on from 'seg.dcm', {first:.1f} mL" in " ".join(content["warnings"])
    pytest.importorskip("slicer_core")
    from ICHHPINetLib.scene import SceneAdapter, headless_scene
    from ICHHPINetLib.scene.archive import load_mrb

    with headless_scene() as loaded:
        (ct,) = load_mrb(loaded, scene)
        log = SceneAdapter(loaded, ct).load_rounds()
        assert log.volume_ml(log.without_last().mask) == pytest.approx(first)


def test_what_a_session_cannot_go_on_from_is_refused_in_words(series, capsys):
    seg = series.folder / "seg.dcm"
    assert segment(series, *options(series, ["seg"])) == 0
    own, other = series.ct, series.folder / "other"

    def change(index, dataset):
        dataset.SeriesInstanceUID = "1.2.3.5"

    write_slices(other, head_hu(), change=change)
    empty, several, moved = (series.folder / f"{name}.nrrd" for name in ("empty", "several", "moved"))
    drawn = sitk.ReadImage(str(series.round1))
    sitk.WriteImage(drawn * 0, str(empty))
    marks = sitk.GetArrayFromImage(drawn)
    marks[5, 6, 6] = 3
    image = sitk.GetImageFromArray(marks)
    image.CopyInformation(drawn)
    sitk.WriteImage(image, str(several))
    image.SetOrigin((0.1, 0.2, 0.3))
    sitk.WriteImage((image > 0), str(moved))
    for ct, start, words in (
        (other, seg, "drawn on another series"),
        (own, empty, "nothing to go on from"),
        (own, several, "several labels"),
        (own, moved, "drawn on another CT, or resampled"),
        (own, series.folder / "nothing.dcm", "does not exist"),
    ):
        series.ct = ct
        assert refused(series, "--start", start)
        assert words in capsys.readouterr().err
    series.ct = own
    assert refused(series, "--start", seg, "--guess")
    assert "begins without one" in capsys.readouterr().err


def test_a_slice_that_went_missing_is_named(series, monkeypatch, capsys):
    sorted(series.ct.iterdir())[3].unlink()
    assert refused(series, *options(series))
    assert "missing" in capsys.readouterr().err


def test_the_report_is_read_back_without_pixels(series, capsys):
    report, again, sr = (series.folder / name for name in ("report.json", "again.json", "sr.dcm"))
    assert segment(series, *options(series, NAMES[:2]), "--report", report) == 0
    capsys.readouterr()
    assert cli.main(["measure", str(sr), "--report", str(again)]) == 0
    content = json.loads(report.read_text(encoding="utf-8"))["rounds"][-1]
    read = json.loads(again.read_text(encoding="utf-8"))
    assert read["volume_ml"] == pytest.approx(content["volume_ml"]) and not read["is_first_guess"]
    text = capsys.readouterr().out
    assert "nothing was measured again" in text and f"{content['abc2_ml']:.1f} mL" in text
    assert cli.main(["measure", str(sr), "--ct", str(series.ct)]) == 2
    assert "numbers and no voxels" in capsys.readouterr().err


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
