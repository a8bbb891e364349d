"""The panel when CTs are exchanged and scenes come and go."""

from ICHHPINetLib.interaction.controller_state import State
from Testing.scene.builders import add_warp
from Testing.slicer_module.test_widget import add_ct, finish, held_session, paint, state


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

    shown = []
    widget = make_widget()
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    composite.SetBackgroundVolumeID(ct.GetID())
    monkeypatch.setattr(
        slicer.util, "setSliceViewerLayers", lambda **layers: shown.append(layers["background"])
    )
    widget.ui.foregroundButton.click()
    assert not shown
    composite.SetBackgroundVolumeID(add_ct(scene, "Follow-up").GetID())
    widget.ui.backgroundButton.click()
    assert shown == [ct]


def test_a_ct_that_cannot_be_used_is_told_before_anything_is_drawn(scene, make_widget):
    widget = make_widget()
    ct = add_ct(scene, "CT")
    ct.SetAndObserveTransformNodeID(add_warp(scene).GetID())
    widget._parameterNode.inputVolume = ct
    assert "non-linear transform" in widget.ui.messageLabel.text


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
    scene.RemoveNode(ct)
    assert state(widget) is State.NO_CT
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


def test_a_scene_loaded_while_the_module_is_open_keeps_its_strokes(ct, scene, make_widget, tmp_path):
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
    assert widget.logic.scene.has_strokes()
    assert widget.logic.scene.rounds() == 1
    assert len(nodes(scene, "vtkMRMLSegmentationNode")) == 2, "strokes and hematoma"
    assert widget.ui.undoRoundButton.enabled is False
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
