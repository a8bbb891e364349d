"""The panel when CTs are exchanged and scenes come and go."""

import pytest

from ICHHPINetLib.interaction.status import State
from Testing.scene.builders import add_warp
from Testing.slicer_module.test_widget import add_ct, add_view, finish, held_session, paint, state


def test_blood_of_another_ct_is_not_drawn_over_this_one(ct, scene, make_widget):
    widget = make_widget()
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    first = [widget.logic.scene.node(role).GetDisplayNode() for role in ("scribbles", "hematoma")]
    widget._parameterNode.inputVolume = add_ct(scene, "Follow-up")
    assert widget.logic.scene.ct.GetName() == "Follow-up"
    assert not any(display.GetVisibility() for display in first)
    assert widget.logic.scene.node("scribbles").GetDisplayNode().GetVisibility()
    widget._parameterNode.inputVolume = ct
    assert all(display.GetVisibility() for display in first)


def test_no_brush_on_a_ct_that_the_views_do_not_show(ct, scene, make_widget, monkeypatch):
    import slicer

    shown, other = [], add_ct(scene, "Follow-up")
    widget = make_widget()
    widget._parameterNode.inputVolume = ct
    red, yellow = add_view(scene, "Red", ct), add_view(scene, "Yellow", ct)
    add_view(scene, "Green", other, mapped=False)
    monkeypatch.setattr(
        slicer.util, "setSliceViewerLayers", lambda **layers: shown.append(layers["background"])
    )
    display = widget.logic.scene.node("scribbles").GetDisplayNode()
    widget.ui.foregroundButton.click()
    assert not shown
    assert display.IsDisplayableInView(red.GetID())
    assert display.GetNumberOfViewNodeIDs() == 0
    composites = nodes(scene, "vtkMRMLSliceCompositeNode")
    composites[1].SetBackgroundVolumeID(other.GetID())
    widget.ui.backgroundButton.click()
    assert not shown, "beside each other both stay"
    assert display.IsDisplayableInView(red.GetID())
    assert not display.IsDisplayableInView(yellow.GetID())
    composites[0].SetBackgroundVolumeID(other.GetID())
    composites[2].SetBackgroundVolumeID(ct.GetID())
    widget.ui.foregroundButton.click()
    assert shown == [ct], "a view that the layout does not show does not count"
    assert display.IsDisplayableInView(yellow.GetID())
    composites[1].SetBackgroundVolumeID(ct.GetID())
    widget.ui.backgroundButton.click()
    assert display.GetNumberOfViewNodeIDs() == 1
    widget.onTool(None)
    assert display.GetNumberOfViewNodeIDs() == 0, "without a brush, scribbles are shown wherever the CT is"


def test_a_ct_that_cannot_be_used_is_told_before_anything_is_drawn(scene, make_widget):
    widget = make_widget()
    ct = add_ct(scene, "CT")
    ct.SetAndObserveTransformNodeID(add_warp(scene).GetID())
    widget._parameterNode.inputVolume = ct
    assert "non-linear transform" in widget.ui.messageLabel.text
    assert not nodes(scene, "vtkMRMLSegmentationNode")
    assert ct.GetAttribute("ICHHPINet.shownInBrainWindow") is None


def test_an_mr_is_neither_chosen_nor_touched(scene, make_widget):
    import slicer

    mr = add_ct(scene, "T1")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(mr) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), mr)
    hierarchy.SetItemAttribute(item, "DICOM.Modality", "MR")
    widget = make_widget()
    assert widget.logic.scene.ct is None
    widget._parameterNode.inputVolume = mr
    assert "modality MR" in widget.ui.messageLabel.text
    assert not nodes(scene, "vtkMRMLSegmentationNode")
    assert mr.GetAttribute("ICHHPINet.shownInBrainWindow") is None


@pytest.mark.parametrize(
    ("date", "time", "shown"),
    [("20260131", "140503.25", "2026-01-31 14:05"), ("20260131", "", "2026-01-31"), ("", "1405", "–")],
)
def test_when_a_ct_was_taken_is_shown_and_in_the_names_of_exports(
    scene, make_widget, monkeypatch, date, time, shown
):
    import slicer
    from ICHHPINetSupport import Export

    ct = add_ct(scene, "2: HEAD")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(ct) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), ct)
    hierarchy.SetItemAttribute(item, "DICOM.SeriesDate", date)
    hierarchy.SetItemAttribute(item, "DICOM.SeriesTime", time)
    widget = make_widget()
    assert widget.ui.acquiredLabel.text == shown
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    names = []
    monkeypatch.setattr(Export, "askForPath", lambda title, name, extensions: names.append(name) or "")
    widget.ui.exportTableButton.click()
    assert names[0].startswith("2: HEAD hematoma rounds")
    assert (shown in names[0]) == bool(date)
    widget._parameterNode.inputVolume = None
    assert widget.ui.acquiredLabel.text == "–"


def test_a_ct_loaded_into_the_open_panel_is_chosen(scene, make_widget):
    import qt

    widget = make_widget()
    assert widget.ui.messageLabel.text == "Choose a head CT."
    ct = add_ct(scene, "CT")
    for slot in qt.QTimer.single:
        slot()
    assert widget.logic.scene.ct is ct
    add_ct(scene, "Another")
    scene.RemoveNode(ct)
    qt.QTimer.single.clear()
    scene.AddNewNodeByClass("vtkMRMLTableNode")
    for slot in qt.QTimer.single:
        slot()
    assert widget.logic.scene.ct is None, "a volume that was there before is not chosen unasked"


def test_doubts_about_a_ct_are_said_when_it_is_chosen_and_stay(scene, make_widget):
    import numpy as np

    from ICHHPINetLib.scene import add_ct_node

    volume = np.random.default_rng(0).integers(0, 256, (6, 20, 24)).astype(np.int16)
    widget = make_widget()
    widget._parameterNode.inputVolume = add_ct_node(scene, "Export", volume, np.diag([-1, -1, 5.0, 1]))
    assert "windowed export" in widget.ui.messageLabel.text
    for _ in range(2):
        paint(widget, index=widget.logic.scene.rounds())
        widget.ui.refineButton.click()
        finish(widget)
        assert "windowed export" in widget.ui.messageLabel.text
    widget.ui.undoRoundButton.click()
    assert "windowed export" in widget.ui.messageLabel.text


def test_ct_switched_during_a_round(ct, scene, make_widget):
    widget = make_widget(open_session=held_session())
    paint(widget)
    widget.ui.refineButton.click()
    widget._parameterNode.inputVolume = add_ct(scene, "other")
    assert state(widget) is State.IDLE
    assert widget.logic.scene.node("scribbles").GetName() == "other scribbles"
    finish(widget)
    widget._parameterNode.inputVolume = ct
    assert state(widget) is State.READY
    assert widget.logic.scene.read_mask() is None


def test_ct_deleted_during_a_round(ct, scene, make_widget):
    widget = make_widget(open_session=held_session())
    paint(widget)
    widget.ui.refineButton.click()
    other = add_ct(scene, "Another")
    scene.RemoveNode(ct)
    assert state(widget) is State.NO_CT
    assert widget.logic.scene.ct is None, "no other volume takes its place unasked"
    assert other.GetAttribute("ICHHPINet.shownInBrainWindow") is None
    assert not widget.timer.running
    assert widget.ui.messageLabel.text == "Choose a head CT."


def test_scene_closed_during_a_round(ct, scene, make_widget):
    widget = make_widget(open_session=held_session())
    paint(widget)
    widget.ui.refineButton.click()
    widget.timer.slot()
    scene.Clear(False)
    assert state(widget) is State.NO_CT
    widget.timer.slot()
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_a_scene_loaded_while_the_module_is_open_keeps_its_scribbles(ct, scene, make_widget, tmp_path):
    from ICHHPINetLib.scene import load_mrb, save_mrb

    widget = make_widget()
    widget._parameterNode.brushDiameter = 7.0
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    path = save_mrb(scene, tmp_path / "case.mrb")
    scene.Clear(False)
    assert widget.logic.scene.ct is None
    load_mrb(scene, path)
    assert widget.logic.scene.ct is not None
    assert widget.logic.scene.has_scribbles()
    assert widget.logic.scene.rounds() == 1
    assert len(nodes(scene, "vtkMRMLSegmentationNode")) == 2, "scribbles and hematoma"
    assert widget.ui.undoRoundButton.enabled, "as before the scene was saved"
    paint(widget, index=4)
    widget.ui.refineButton.click()
    finish(widget)
    assert widget.logic.scene.rounds() == 2


def test_a_scene_added_to_this_one_does_not_end_the_work(ct, scene, make_widget):
    from ICHHPINetLib.scene.headless import headless_scene

    with headless_scene() as other:
        add_ct(other, "Another")
        other.SetSaveToXMLString(1)
        other.Commit()
        content = other.GetSceneXMLString()
    widget = make_widget()
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    scene.SetLoadFromXMLString(1)
    scene.SetSceneXMLString(content)
    assert scene.Import()
    assert len(nodes(scene, "vtkMRMLScalarVolumeNode")) > 1
    assert widget.logic.scene.ct is ct
    assert widget.ui.undoRoundButton.enabled


def nodes(scene, class_name):
    return [scene.GetNthNodeByClass(n, class_name) for n in range(scene.GetNumberOfNodesByClass(class_name))]
