import json

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib import cli
from Testing.commands.conftest import coarse_phantom


def test_demo_writes_all_that_a_user_would_get(demo):
    names = {path.name for path in demo.iterdir()}
    assert {"ct.nrrd", "hematoma.seg.nrrd", "hematoma.nii.gz", "report.json", "contact_sheet.png"} <= names
    assert {f"scribbles_round{number}.nrrd" for number in (1, 2, 3)} <= names
    report = json.loads((demo / "report.json").read_text(encoding="utf-8"))
    assert len(report["rounds"]) == 3 and report["true_volume_ml"] > 1
    assert all(0 <= one["dice"] <= 1 for one in report["rounds"])


def test_demo_does_not_replace_somebody_elses_ct(tmp_path, capsys):
    (tmp_path / "ct.nrrd").write_bytes(b"a CT")
    assert cli.main(["demo", "-o", str(tmp_path)]) == 2
    assert "not of this demo" in capsys.readouterr().err
    assert (tmp_path / "ct.nrrd").read_bytes() == b"a CT"


def test_demo_writes_a_scene_where_slicers_classes_are(demo):
    pytest.importorskip("slicer", reason="slicer-core is not installed")
    assert (demo / "scene.mrb").exists()


def test_files_of_the_demo_can_be_segmented_again(demo, without_network, tmp_path):
    scribbles = [
        word for number in (1, 2, 3) for word in ("--scribbles", str(demo / f"scribbles_round{number}.nrrd"))
    ]
    again = tmp_path / "again.nii.gz"
    arguments = ["segment", str(demo / "ct.nrrd"), *scribbles, "-o", str(tmp_path / "again.seg.nrrd")]
    assert cli.main([*arguments, "--labelmap", str(again)]) == 0
    first, second = (
        sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (demo / "hematoma.nii.gz", again)
    )
    np.testing.assert_array_equal(first, second)


def test_robot_only_marks_what_is_so(demo):
    truth = coarse_phantom("deep", seed=0).mask
    for number in (1, 2, 3):
        marks = sitk.GetArrayFromImage(sitk.ReadImage(str(demo / f"scribbles_round{number}.nrrd")))
        assert (marks == 1).any() and truth[marks == 1].all() and not truth[marks == 2].any()
