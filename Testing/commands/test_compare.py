"""Two CTs of a patient on the command line: numbers, files, and bad input."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib import cli
from Testing.imaging.moved_heads import head, moved_head


def write(path, array, spacing=(5.0, 1.0, 1.0), origin=(3.0, 4.0, 5.0)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing[::-1])
    image.SetOrigin(origin)
    sitk.WriteImage(image, str(path))
    return path


def ball(voxels):
    mask = np.zeros((8, 30, 30), np.uint8)
    mask.ravel()[2000 : 2000 + voxels] = 1
    return mask


@pytest.fixture
def pair(tmp_path):
    """Masks of 2.0 and 2.8 mL."""
    return write(tmp_path / "first.nrrd", ball(400)), write(tmp_path / "second.nrrd", ball(560))


def compare(*words):
    return cli.main(["compare", *map(str, words)])


def refused(capsys, words, *arguments):
    """The command ends with one line that holds ``words``."""
    assert compare(*arguments) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and words in message, message


def test_masks_give_volumes_definitions_and_plain_words(pair, tmp_path, capsys):
    report, table = tmp_path / "r.json", tmp_path / "t.csv"
    assert compare(*pair, "--report", report, "--table", table) == 0
    content = json.loads(report.read_text(encoding="utf-8"))
    assert (content["baseline"]["volume_ml"], content["difference_ml"]) == pytest.approx((2.0, 0.8))
    assert [one["met"] for one in content["definitions_of_expansion"]] == [True, False]
    (row,) = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    assert (row["difference_ml"], row["more_than_6_ml_or_33_percent"]) == ("0.8", "yes")
    text = capsys.readouterr().out
    assert "time between the two CTs is not known" in text and "not a medical device" in text
    assert "not a medical device" in content["notice"] and "not a medical device" in row["notice"]


def test_registered_cts_give_a_picture_and_the_density(tmp_path):
    pytest.importorskip("matplotlib")
    paths = []
    for name, (ct, mask) in (("first", head(20.0)), ("second", moved_head(28.0))):
        paths.append((tmp_path / f"{name}.nii.gz", tmp_path / f"{name}_ct.nii.gz"))
        sitk.WriteImage(mask, str(paths[-1][0]))
        sitk.WriteImage(ct, str(paths[-1][1]))
    (one, one_ct), (other, other_ct) = paths
    report, picture = tmp_path / "r.json", tmp_path / "p.png"
    cts = ("--baseline-ct", one_ct, "--followup-ct", other_ct)
    assert compare(one, other, *cts, "--report", report, "--picture", picture) == 0
    content = json.loads(report.read_text(encoding="utf-8"))
    assert content["registration"]["registered"]
    assert content["registration"]["turn_degrees"] == pytest.approx(6.0, abs=1.0)
    assert content["difference_ml"] == pytest.approx(8.0, abs=1.0)
    assert content["baseline"]["hu_mean"] == pytest.approx(57, abs=5)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_report_beside_a_mask_gives_its_interval_if_it_is_of_its_volume(pair, tmp_path, capsys):
    numbers = dict.fromkeys(("abc2_ml", "a_mm", "b_mm", "c_mm", "foci", "slices"), 1)
    numbers |= {"hu_mean": None, "hu_sd": None}
    for path, volume, likely in ((pair[0], 2.0, [1.5, 2.7]), (pair[1], 2.8, [2.2, 3.1])):
        content = {"rounds": [{**numbers, "volume_ml": volume, "likely_volume_ml": likely}]}
        path.with_suffix(".json").write_text(json.dumps(content), encoding="utf-8")
    report = tmp_path / "out" / "r.json"
    for arguments in (pair, [path.with_suffix(".json") for path in pair]):
        assert compare(*arguments, "--report", report) == 0
        content = json.loads(report.read_text(encoding="utf-8"))
        assert content["likely_difference_ml"] == pytest.approx([-0.5, 1.6])
    write(pair[0], ball(450))
    assert compare(*pair, "--report", report) == 0
    content = json.loads(report.read_text(encoding="utf-8"))
    assert content["likely_difference_ml"] is None and "another volume" in " ".join(content["warnings"])


def test_dicom_tells_time_and_patient(tmp_path, capsys):
    dicom = pytest.importorskip("Testing.imaging.dicom_cases", reason="pydicom is not installed")

    def series(name, time, patient="1"):
        def change(index, dataset):
            dataset.AcquisitionDate, dataset.AcquisitionTime, dataset.PatientID = "20260131", time, patient
            dataset.SeriesInstanceUID = f"1.2.{len(name)}"

        dicom.write_slices(tmp_path / name, change=change)
        return tmp_path / name

    early, late, other = series("a", "080000"), series("bb", "143000.5"), series("ccc", "150000", "2")
    marks = np.zeros((8, dicom.ROWS, dicom.COLUMNS), np.uint8)
    marks[3:5, 10:14, 8:12] = 1
    one, two = (
        write(tmp_path / f"{by}.nrrd", np.roll(marks, by, axis=2), (5.0, 0.5, 0.5), dicom.ORIGIN.tolist())
        for by in (0, 1)
    )
    report = tmp_path / "r.json"
    assert compare(one, two, "--baseline-ct", early, "--followup-ct", late, "--report", report) == 0
    assert json.loads(report.read_text(encoding="utf-8"))["hours_between"] == pytest.approx(6.5)
    assert "6 h 30 min" in capsys.readouterr().out
    report.unlink()
    for words, first, second in (
        ("older than the baseline", late, early),
        ("different patients", early, other),
        ("named twice", early, early),
    ):
        refused(capsys, words, one, two, "--baseline-ct", first, "--followup-ct", second, "--report", report)
    assert not report.exists()


def test_bad_input_has_a_sentence_each_and_writes_nothing(pair, tmp_path, capsys):
    one, two = pair
    report = tmp_path / "r.json"
    out = ("--report", report)
    copy = tmp_path / "copy.nrrd"
    copy.write_bytes(one.read_bytes())
    bare, empty, void = tmp_path / "bare.nrrd", tmp_path / "empty.nrrd", tmp_path / "void.nrrd"
    write(bare, ball(300), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    write(empty, ball(0))
    write(void, ball(0)[:, :20])
    ct = write(tmp_path / "ct.nrrd", np.random.default_rng(0).integers(0, 60, (8, 30, 30)).astype(np.int16))
    moved = tmp_path / "moved.nrrd"
    write(moved, sitk.GetArrayFromImage(sitk.ReadImage(str(ct))), origin=(0.0, 0.0, 1.0))
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"rounds": [{"volume_ml": "many"}]}', encoding="utf-8")
    refused(capsys, "named twice", one, one, *out)
    refused(capsys, "is a copy of", one, copy, *out)
    refused(capsys, "does not say how large its voxels are", one, bare, *out)
    refused(capsys, "different voxel grids", one, two, "--baseline-ct", moved, *out)
    refused(capsys, "does not exist", one, tmp_path / "nothing.nrrd", *out)
    refused(capsys, "does not exist", one, two, "--baseline-ct", tmp_path / "nothing", *out)
    refused(capsys, "Nothing is marked in either", empty, void, *out)
    refused(capsys, "is no report", one, wrong, *out)
    refused(capsys, "looks like a CT", one, ct, *out)
    refused(capsys, "needs both CTs", one, two, "--picture", tmp_path / "p.png", *out)
    refused(capsys, "End its name with .csv", one, two, "--table", tmp_path / "t.xls", *out)
    refused(capsys, "already an input", one, wrong, "--report", wrong)
    assert not report.exists() and not (tmp_path / "p.png").exists()


def test_a_first_guess_is_known_from_its_files_and_said(pair, case, without_network, capsys):
    guess, corrected = (case.folder / f"{name}.seg.nrrd" for name in ("guess", "corrected"))
    assert cli.main(["segment", str(case.ct), "--guess", "-o", str(guess)]) == 0
    more = ["--scribbles", str(case.round1)]
    report = case.folder / "c.json"
    assert (
        cli.main(["segment", str(case.ct), "--guess", *more, "-o", str(corrected), "--report", str(report)])
        == 0
    )
    table = case.folder / "table.csv"
    capsys.readouterr()
    assert compare(guess, corrected, "--table", table) == 0
    (row,) = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    assert (row["baseline_is_first_guess"], row["followup_is_first_guess"]) == ("yes", "no")
    text = " ".join(capsys.readouterr().out.split())
    assert "The baseline is a first guess, on which nobody has scribbled" in text
    assert "first guess, no scribble" in text
    assert compare(report, guess) == 0
    assert "The follow-up is a first guess" in " ".join(capsys.readouterr().out.split())
