"""The panel when the user edits the result by hand."""

import numpy as np

from Testing.slicer_module.test_widget import finish, paint


def test_an_edit_by_hand_is_not_in_the_volume_and_is_not_undone_unasked(ct, make_widget, monkeypatch):
    import slicer

    widget = make_widget()
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    assert widget.ui.exportLabelmapButton.enabled
    edited = np.zeros((6, 20, 24), np.uint8)
    edited[2, 5:12, 5:12] = 1
    node = widget.logic.scene.node("hematoma")
    slicer.util.updateSegmentBinaryLabelmapFromArray(edited, node, "Hematoma", ct)
    assert "Edited by hand" in widget.ui.messageLabel.text
    assert widget.ui.volumeLabel.text == "0.2 mL (edited)"
    assert widget.ui.abcLabel.text == "–"
    assert not widget.ui.exportLabelmapButton.enabled
    assert widget.ui.exportSegmentationButton.enabled
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *arguments: False)
    widget.ui.undoRoundButton.click()
    assert widget.logic.scene.rounds() == 1
    paint(widget, index=4)
    widget.ui.refineButton.click()
    finish(widget)
    assert "Edited" not in widget.ui.messageLabel.text
    assert widget.ui.exportLabelmapButton.enabled
    assert widget.logic.scene.read_mask()[2].sum() == 49
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *arguments: True)
    widget.ui.undoRoundButton.click()
    assert "Edited by hand" in widget.ui.messageLabel.text, "the round before was edited when this one began"
    widget.logic.scene.node("hematoma").GetSegmentation().AddEmptySegment("Edema", "Edema")
    widget._parameterNode.inputVolume = None
    widget._parameterNode.inputVolume = ct
    assert "Edited by hand" in widget.ui.messageLabel.text
    assert not widget.ui.exportLabelmapButton.enabled


def test_another_segment_beside_the_hematoma_is_no_edit_of_it(ct, make_widget):
    import slicer

    widget = make_widget()
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    node = widget.logic.scene.node("hematoma")
    node.GetSegmentation().AddEmptySegment("Edema", "Edema")
    painted = np.zeros((6, 20, 24), np.uint8)
    painted[4, 2:4, 2:4] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, node, "Edema", ct)
    assert "Edited" not in widget.ui.messageLabel.text
    assert widget.ui.exportLabelmapButton.enabled
