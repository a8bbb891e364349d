"""A scribble is taken back by button and Ctrl+Z, and none that a round has seen."""

from Testing.slicer_module.stand_in import Shortcut, Timer
from Testing.slicer_module.test_widget import add_ct, finish, held_session, state


def draw(widget, index):
    """A scribble, and what the event loop does after it."""
    import numpy as np
    import slicer

    ct = widget.logic.scene.ct
    scribbles, foreground, _ = widget.logic.scene.ensure_scribbles()
    painted = widget.logic.scene.read_scribbles().foreground.astype(np.uint8)
    painted[index, 5:9, 5:9] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, scribbles, foreground, ct)
    Timer.runSingle()


def slices(widget):
    return widget.logic.scene.read_scribbles().slices()


def test_one_scribble_after_the_other(ct, make_widget):
    widget = make_widget()
    button = widget.ui.undoScribbleButton
    assert not button.enabled
    draw(widget, 1)
    draw(widget, 3)
    assert button.enabled
    button.click()
    assert slices(widget) == [1]
    next(one for one in Shortcut.alive if one.key == "Ctrl+Z").slot()
    assert slices(widget) == []
    assert not button.enabled
    Timer.runSingle()
    assert not button.enabled, "taking back is no scribble"
    next(one for one in Shortcut.alive if one.key == "Ctrl+Z").slot()
    assert widget.ui.messageLabel.text == "There is no scribble to take back."


def test_a_scribble_of_a_round_stays_and_the_panel_says_how_to_take_it_back(ct, make_widget):
    widget = make_widget()
    draw(widget, 1)
    widget.ui.refineButton.click()
    finish(widget)
    assert not widget.ui.undoScribbleButton.enabled
    widget.parts.undoScribble.undo()
    assert slices(widget) == [1]
    assert "Undo round" in widget.ui.messageLabel.text
    draw(widget, 3)
    assert "not in the volume yet" in widget.ui.messageLabel.text
    widget.ui.undoScribbleButton.click()
    assert slices(widget) == [1]
    assert "where the result is wrong" in widget.ui.messageLabel.text


def test_a_round_that_has_perhaps_seen_the_scribble_is_cancelled(ct, make_widget):
    widget = make_widget(open_session=held_session())
    draw(widget, 1)
    widget.ui.refineButton.click()
    widget.ui.undoScribbleButton.click()
    finish(widget)
    assert (widget.logic.scene.rounds(), slices(widget)) == (0, [])


def test_taking_back_starts_no_round_by_itself(ct, make_widget):
    widget = make_widget()
    draw(widget, 1)
    draw(widget, 3)
    widget._parameterNode.autoRefine = True
    widget.ui.undoScribbleButton.click()
    Timer.runSingle()
    assert not state(widget).is_busy
    draw(widget, 4)
    finish(widget)
    assert widget.logic.scene.rounds() >= 1


def test_each_ct_has_its_own_scribbles_to_take_back(ct, scene, make_widget):
    widget = make_widget()
    draw(widget, 1)
    widget._parameterNode.inputVolume = add_ct(scene, "other")
    assert not widget.ui.undoScribbleButton.enabled
    widget._parameterNode.inputVolume = ct
    assert widget.ui.undoScribbleButton.enabled


def test_a_scribble_that_waits_when_the_scene_is_saved_is_taken_back_later(ct, scene, make_widget, tmp_path):
    from ICHHPINetLib.scene import load_mrb, save_mrb

    widget = make_widget()
    for index in (1, 2):
        draw(widget, index)
        widget.ui.refineButton.click()
        finish(widget)
    draw(widget, 3)
    draw(widget, 4)
    path = save_mrb(scene, tmp_path / "case.mrb")
    scene.Clear(False)
    load_mrb(scene, path)
    for left in ([1, 2, 3], [1, 2]):
        widget.ui.undoScribbleButton.click()
        assert slices(widget) == left
    assert not widget.ui.undoScribbleButton.enabled
