"""A saved scene as one side of a comparison."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from ICHHPINetLib import cli
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.interaction.result import RoundResult
from ICHHPINetLib.interaction.scribbles import Scribbles
from Testing.imaging.images import as_ct, ct_image

SHAPE = (6, 20, 24)


def finish(scene, name, voxels, angle=10.0, guess=False, doubt=None):
    """A CT with a hematoma, and the two as they went in."""
    from ICHHPINetLib.scene import SceneAdapter, add_ct_image

    image, mask = ct_image(SHAPE, angle=angle), np.zeros(SHAPE, np.uint8)
    mask.ravel()[700 : 700 + voxels] = 1
    adapter = SceneAdapter(scene, add_ct_image(scene, image, name))
    scribbles = Scribbles((mask > 0) & (not guess), mask > 1)
    adapter.write_scribbles(scribbles)
    result = RoundResult(mask, mask.astype(np.float32), 1, 0.5, [0], "cpu", "fake", doubt=doubt)
    adapter.write_rounds(adapter.load_rounds().with_round(result, scribbles).measured(1.0, 1.0))
    return as_ct(image), mask


def test_ct_and_mask_come_back_in_their_place(scene, tmp_path):
    from ICHHPINetLib.imaging.registration import hu_image
    from ICHHPINetLib.scene import save_mrb
    from ICHHPINetLib.scene.finished import read_finished

    ct, mask = finish(scene, "CT", 300)
    save_mrb(scene, tmp_path / "one.mrb")
    found = read_finished(tmp_path / "one.mrb")
    read = found.ct
    np.testing.assert_array_equal(found.mask, mask)
    np.testing.assert_array_equal(read.hu, ct.hu)
    for name in ("GetOrigin", "GetDirection", "GetSpacing"):
        assert np.allclose(getattr(hu_image(read), name)(), getattr(hu_image(ct), name)(), atol=1e-4)
    assert (found.when, found.patient, found.interval_ml, found.is_guess) == ("", "", None, False)


def test_a_guess_and_its_likely_volume_come_back_until_the_mask_is_another(scene, tmp_path):
    from ICHHPINetLib.scene import SceneAdapter, save_mrb
    from ICHHPINetLib.scene.finished import finished, finished_cts, read_finished

    finish(scene, "CT", 300, guess=True, doubt=SimpleNamespace(interval_ml=(0.3, 0.5)))
    save_mrb(scene, tmp_path / "one.mrb")
    found = read_finished(tmp_path / "one.mrb")
    assert found.is_guess and found.interval_ml == (0.3, 0.5) and not found.is_edited
    side = found.as_side("one")
    assert side.is_guess and side.interval_ml == (0.3, 0.5)
    (node,) = finished_cts(scene, [scene.GetFirstNodeByName("CT")])
    adapter = SceneAdapter(scene, node)
    adapter.show(adapter.read_mask() * (np.arange(24) < 12), is_preview=False)
    edited = finished(adapter)
    assert edited.is_edited and not edited.is_guess and edited.interval_ml is None
    adapter.write_rounds(adapter.load_rounds().emptied())
    assert not finished_cts(scene, [node])
    assert adapter.node("hematoma").GetAttribute("ICHHPINet.likelyMl") is None


def test_patient_and_time_of_dicom_are_known_from_the_scene(scene):
    import slicer

    from ICHHPINetLib.scene import SceneAdapter
    from ICHHPINetLib.scene.finished import finished

    finish(scene, "CT", 300)
    node = scene.GetFirstNodeByName("CT")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "somebody")
    study = hierarchy.CreateStudyItem(patient, "study")
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(study, node)
    hierarchy.SetItemParent(item, study)
    for owner, name, text in (
        (patient, "DICOM.PatientID", "4711"),
        (patient, "DICOM.PatientBirthDate", "19500102"),
        (item, "DICOM.SeriesDate", "20260131"),
        (item, "DICOM.SeriesTime", "140501.5"),
    ):
        hierarchy.SetItemAttribute(owner, name, text)
    hierarchy.SetItemUID(item, "DICOM", "1.2.3.4")
    known = finished(SceneAdapter(scene, node)).as_side("CT").acquisition
    assert (known.patient, known.born, known.series) == ("4711", "19500102", "1.2.3.4")
    assert known.when == "2026-01-31 14:05"
    # What Slicer writes there where the files name no patient.
    hierarchy.SetItemUID(study, "DICOM", "1.2.3")
    hierarchy.SetItemAttribute(patient, "DICOM.PatientID", "Patient-1.2.3")
    assert finished(SceneAdapter(scene, node)).patient == ""


def test_two_scenes_are_compared(scene, tmp_path, capsys):
    from ICHHPINetLib.scene import headless_scene, save_mrb
    from ICHHPINetLib.scene.finished import read_finished

    finish(scene, "CT", 300)
    save_mrb(scene, tmp_path / "one.mrb")
    with headless_scene() as other:
        finish(other, "CT", 380)
        save_mrb(other, tmp_path / "two.mrb")
    words = ["compare", tmp_path / "one.mrb", tmp_path / "two.mrb", "--report", tmp_path / "r.json"]
    assert cli.main([str(word) for word in words]) == 0
    content = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert content["difference_ml"] == pytest.approx(80 * 1.25 / 1000)
    finish(scene, "Other", 300)
    save_mrb(scene, tmp_path / "both.mrb")
    with pytest.raises(InputFileError, match="several CTs: CT, Other"):
        read_finished(tmp_path / "both.mrb")
    with headless_scene() as empty:
        save_mrb(empty, tmp_path / "empty.mrb")
    with pytest.raises(InputFileError, match="no hematoma"):
        read_finished(tmp_path / "empty.mrb")
