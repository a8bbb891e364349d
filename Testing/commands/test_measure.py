import json

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib import cli


@pytest.fixture
def mask(case):
    labels = np.zeros((6, 24, 20), np.uint8)
    labels[2:4, 10:14, 6:10] = 1
    labels[5, 0:4, 0:5] = 3
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(sitk.ReadImage(str(case.ct)))
    path = case.folder / "mask.nii.gz"
    sitk.WriteImage(image, str(path))
    return path


def measure(*arguments):
    return cli.main(["measure", *map(str, arguments)])


def test_volume_of_all_labels_and_of_one(mask, case, capsys):
    report = case.folder / "numbers.json"
    assert measure(mask, "--report", report) == 0
    numbers = json.loads(report.read_text(encoding="utf-8"))
    assert numbers["volume_ml"] == pytest.approx(52 * 2.5 / 1000)
    assert "All labels were added up: 1, 3." in numbers["warnings"][0]
    assert measure(mask, "--label", 3, "--report", report) == 0
    numbers = json.loads(report.read_text(encoding="utf-8"))
    assert numbers["volume_ml"] == pytest.approx(20 * 2.5 / 1000)
    assert not numbers["warnings"]
    assert "not a medical device" in capsys.readouterr().out


def test_an_empty_mask_is_an_answer(mask, case, capsys):
    image = sitk.ReadImage(str(mask))
    sitk.WriteImage(image * 0, str(mask))
    report = case.folder / "numbers.json"
    assert measure(mask, "--report", report) == 0
    numbers = json.loads(report.read_text(encoding="utf-8"))
    assert (numbers["volume_ml"], numbers["foci"]) == (0.0, 0)
    assert numbers["warnings"] == ["Nothing is marked in this mask."]


def test_a_mask_that_may_not_state_the_size_of_its_voxels_is_doubted(case, capsys):
    path = case.folder / "bare.nrrd"
    image = sitk.GetImageFromArray(np.ones((4, 10, 10), np.uint8))
    sitk.WriteImage(image, str(path))
    assert measure(path) == 0
    assert "not stated" in "".join(capsys.readouterr())
    image.SetSpacing((1.0, 1.0, 5.0))
    sitk.WriteImage(image, str(path))
    assert measure(path) == 0
    assert "not stated" not in "".join(capsys.readouterr())


def test_density_comes_from_the_ct(mask, case):
    report = case.folder / "numbers.json"
    assert measure(mask, "--label", 1, "--ct", case.ct, "--report", report) == 0
    volume = sitk.GetArrayFromImage(sitk.ReadImage(str(case.ct)))
    assert json.loads(report.read_text(encoding="utf-8"))["hu_mean"] == pytest.approx(
        volume[2:4, 10:14, 6:10].mean()
    )


@pytest.mark.parametrize("label", [2, 7])
def test_absent_label_is_named(mask, label, capsys):
    assert measure(mask, "--label", label) == 2
    assert f"label {label}" in capsys.readouterr().err


def test_ct_on_another_grid_is_refused(mask, case, capsys):
    image = sitk.ReadImage(str(case.ct))
    image.SetOrigin((0, 0, 0))
    sitk.WriteImage(image, str(case.folder / "moved.nii.gz"))
    assert measure(mask, "--ct", case.folder / "moved.nii.gz") == 2
    assert "different voxel grids" in capsys.readouterr().err


def test_missing_file_and_fractions_are_refused(case, capsys):
    assert measure(case.folder / "nothing.nrrd") == 2
    sitk.WriteImage(sitk.Image(4, 4, 4, sitk.sitkFloat32) + 0.5, str(case.folder / "p.nrrd"))
    assert measure(case.folder / "p.nrrd") == 2
    assert "fractions" in capsys.readouterr().err


def test_report_over_the_mask_is_refused(mask, case):
    assert measure(mask, "--report", mask) == 2


def test_whole_numbers_stored_as_floats_are_labels(mask, case):
    image = sitk.Cast(sitk.ReadImage(str(mask)), sitk.sitkFloat64)
    sitk.WriteImage(image, str(case.folder / "float.nii.gz"))
    report = case.folder / "numbers.json"
    assert measure(case.folder / "float.nii.gz", "--label", 3, "--report", report) == 0
    assert json.loads(report.read_text(encoding="utf-8"))["volume_ml"] == pytest.approx(20 * 2.5 / 1000)


def test_sheared_mask_is_refused(mask, case, capsys):
    image = sitk.ReadImage(str(mask))
    tilt = np.deg2rad(20)
    image.SetDirection((1, 0, 0, 0, 1, np.sin(tilt), 0, 0, np.cos(tilt)))
    sitk.WriteImage(image, str(case.folder / "tilted.nrrd"))
    assert measure(case.folder / "tilted.nrrd") == 2
    assert "sheared" in capsys.readouterr().err


def test_overlapping_segments_are_named(mask, case, capsys):
    layers = sitk.Compose(*[sitk.ReadImage(str(mask))] * 2)
    sitk.WriteImage(layers, str(case.folder / "two.seg.nrrd"))
    assert measure(case.folder / "two.seg.nrrd") == 2
    assert "overlap" in capsys.readouterr().err


def test_density_on_a_windowed_ct_is_in_hu(tmp_path, capsys):
    from ICHHPINetLib import phantom

    made = phantom.generate("deep", 0, (5.0, 2.0, 2.0), slices=16)
    exported = np.rint(np.clip(made.volume / 80, 0, 1) * 255).astype(np.uint8)
    for name, array in (("ct", exported), ("mask", made.mask.astype(np.uint8))):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(made.spacing[::-1])
        sitk.WriteImage(image, str(tmp_path / f"{name}.nrrd"))
    report = tmp_path / "numbers.json"
    assert measure(tmp_path / "mask.nrrd", "--ct", tmp_path / "ct.nrrd", "--report", report) == 0
    expected = np.clip(made.volume, 0, 80)[made.mask > 0].mean()
    content = json.loads(report.read_text(encoding="utf-8"))
    assert content["hu_mean"] == pytest.approx(expected, abs=3)
    assert any("windowed export" in warning for warning in content["warnings"])
    assert "windowed export" in capsys.readouterr().out
