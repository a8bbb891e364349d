import json

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from ICHHPINetLib import cli


def segment(case, *more, output="out.seg.nrrd"):
    arguments = ["segment", case.ct, "--scribbles", case.round1, "-o", case.folder / output, *more]
    return cli.main([str(word) for word in arguments])


def expected(*scribbles):
    foreground = np.any([one == 1 for one in scribbles], axis=0)
    background = np.any([one == 2 for one in scribbles], axis=0)
    return ndimage.binary_dilation(foreground) & ~background


def test_segmentation_lies_on_the_voxels_of_the_ct(case, without_network):
    assert segment(case) == 0
    image = sitk.ReadImage(str(case.folder / "out.seg.nrrd"))
    ct = sitk.ReadImage(str(case.ct))
    assert np.allclose(image.GetOrigin(), ct.GetOrigin()) and image.GetDirection() == ct.GetDirection()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image) > 0, expected(case.scribbles[0]))


def test_network_sees_axial_slices_from_feet_to_head(case, without_network):
    segment(case)
    (session,) = without_network
    assert session.spacing == (5.0, 1.0, 0.5)
    stored = sitk.GetArrayFromImage(sitk.ReadImage(str(case.ct)))
    np.testing.assert_array_equal(session.volume, stored[::-1])


def test_each_scribble_file_is_a_round_on_top_of_the_earlier_ones(case, without_network):
    report = case.folder / "report.json"
    labelmap = case.folder / "out.nii.gz"
    assert segment(case, "--scribbles", case.round2, "--report", report, "--labelmap", labelmap) == 0
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(labelmap)))
    np.testing.assert_array_equal(mask > 0, expected(*case.scribbles))
    content = json.loads(report.read_text(encoding="utf-8"))
    assert [one["round"] for one in content["rounds"]] == [1, 2]
    assert content["volume_ml"] == pytest.approx(mask.sum() * 2.5 / 1000)
    assert content["rounds"][1]["scribbled_slices"] == [1]  # slice 4 of 6, counted from the feet
    assert content["network"]["sha256"] and "made for a test" in content["warnings"]
    assert "not a medical device" in content["notice"]


def test_table_headline_and_notes_are_printed(case, without_network, capsys):
    segment(case)
    text = capsys.readouterr().out
    for words in ("mL, all marked blood, ventricles included. Research use only", "note: made for a test"):
        assert words in text
    assert "out.seg.nrrd" in text


def test_preview_is_a_picture(case, without_network):
    pytest.importorskip("matplotlib")
    assert segment(case, "--preview", case.folder / "rounds.png") == 0
    assert (case.folder / "rounds.png").read_bytes().startswith(b"\x89PNG")


def test_slices_of_several_thicknesses_count_with_their_own(case, without_network):
    dicom = pytest.importorskip("Testing.imaging.dicom_cases", reason="pydicom is not installed")
    folder, report = case.folder / "series", case.folder / "report.json"
    z = np.cumsum([0.0, *[4.0] * 6, 1.08, *[7.0] * 5])
    dicom.write_slices(folder, dicom.head_hu(13), z, thickness=[4.0] * 7 + [7.0] * 6, tilt=18.5)
    drawn = np.zeros((13, dicom.ROWS, dicom.COLUMNS), np.uint8)
    drawn[3, 12, 10] = drawn[10, 12, 10] = 1
    image = sitk.GetImageFromArray(drawn)
    image.SetSpacing((0.5, 0.5, 5.0))
    image.SetOrigin(dicom.ORIGIN.tolist())
    sitk.WriteImage(image, str(case.round1))
    case.ct = folder
    assert segment(case, "--report", report) == 0
    content = json.loads(report.read_text(encoding="utf-8"))
    # The stand-in grows a scribble by a voxel each way: five pixels, and a plane above and below.
    planes = 4 + 7
    assert content["volume_ml"] == pytest.approx((5 * planes + 4) * 0.25 / 1000, rel=0.01)
    words = " ".join(content["warnings"])
    assert "7 slices of 4 mm, then 6 slices of 7 mm" in words and "tilted by 18.5 degrees" in words


def test_scene_goes_on_at_the_next_round(case, without_network):
    pytest.importorskip("slicer", reason="slicer-core is not installed")
    from ICHHPINetLib.scene import SceneAdapter, headless_scene, load_mrb

    path = case.folder / "work.mrb"
    assert segment(case, "--scribbles", case.round2, "--scene", path) == 0
    with headless_scene() as scene:
        (ct,) = load_mrb(scene, path)
        adapter = SceneAdapter(scene, ct)
        assert adapter.rounds() == 2
        np.testing.assert_array_equal(adapter.read_mask(), expected(*case.scribbles)[::-1])
        scribbles = adapter.read_scribbles()
        np.testing.assert_array_equal(
            scribbles.foreground, (case.scribbles[0] == 1)[::-1] | (case.scribbles[1] == 1)[::-1]
        )
        assert len(adapter.rounds_rows()) == 2


@pytest.mark.parametrize(
    "more",
    [
        ["--labelmap", "mask.png"],
        ["--scene", "scene.zip"],
        ["--report", "report.txt"],
        ["--preview", "preview.mp4"],
        ["--labelmap", "missing/../1.nrrd"],
    ],
)
def test_outputs_that_cannot_be_written_are_found_before_the_work(case, without_network, more, capsys):
    option, name = more
    assert segment(case, option, case.folder / name) == 2
    assert not without_network
    assert capsys.readouterr().err.count("\n") == 1


def test_file_in_place_of_a_folder_is_found_before_the_work(case, without_network):
    assert segment(case, output="head.nii.gz/out.seg.nrrd") == 2
    assert not without_network


def test_first_round_needs_a_scribble_on_the_bleed(case, without_network, capsys):
    background = sitk.ReadImage(str(case.round1)) == 2
    background.CopyInformation(sitk.ReadImage(str(case.round1)))
    sitk.WriteImage(background * 2, str(case.round1))
    assert segment(case) == 2
    assert "bleed" in capsys.readouterr().err
    assert not without_network


def test_scribbles_or_a_guess_are_asked_for(case, without_network, capsys):
    assert cli.main(["segment", str(case.ct), "-o", str(case.folder / "out.seg.nrrd")]) == 2
    message = capsys.readouterr().err
    assert "--scribbles" in message
    assert "--guess" in message
    assert not without_network


def test_the_page_is_written_with_the_other_results(case, without_network, capsys):
    pytest.importorskip("matplotlib")
    page = case.folder / "page.pdf"
    assert segment(case, "--scribbles", case.round2, "--report-pdf", page) == 0
    assert page.read_bytes().startswith(b"%PDF")
    assert "page.pdf" in capsys.readouterr().out
    assert segment(case, "--report-pdf", case.folder / "page.html") == 2
    assert "End its name with .pdf" in capsys.readouterr().err


def test_a_guess_comes_before_the_scribbles(case, without_network, capsys):
    pytest.importorskip("matplotlib")
    report, preview = case.folder / "report.json", case.folder / "rounds.png"
    assert segment(case, "--guess", "--report", report, "--preview", preview) == 0
    content = json.loads(report.read_text(encoding="utf-8"))
    assert [one["round"] for one in content["rounds"]] == [1, 2]
    assert [one["scribbled_slices"] for one in content["rounds"]] == [[], [3]]
    assert content["rounds"][0]["notes"] == ["a guess"]
    assert "a guess" not in content["warnings"]
    assert "first guess" in capsys.readouterr().out
    assert preview.exists()


def test_a_guess_needs_no_scribbles(case, without_network):
    out = case.folder / "guess.seg.nrrd"
    assert cli.main(["segment", str(case.ct), "--guess", "-o", str(out)]) == 0
    written = sitk.ReadImage(str(out))
    assert sitk.GetArrayFromImage(written).sum() == 1
    assert "Segmentation.Status:flagged|" in written.GetMetaData("Segment0_Tags")
    assert segment(case, "--guess", "-o", out) == 0
    assert "Segmentation.Status:inprogress|" in sitk.ReadImage(str(out)).GetMetaData("Segment0_Tags")


def test_interruption_in_a_round_leaves_no_file(case, interrupted):
    before = sorted(case.folder.iterdir())
    report = case.folder / "report.json"
    assert segment(case, "--scribbles", case.round2, "--report", report) == 130
    assert sorted(case.folder.iterdir()) == before


def test_no_torch_is_one_line(case, monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("ICHHPINetLib.interaction.session")]:
        monkeypatch.delitem(sys.modules, name)
    assert segment(case) == 2
    assert "torch" in capsys.readouterr().err
