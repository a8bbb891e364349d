"""The panel on real nodes: what it does on clicks, deletions and closed scenes."""

import threading
import time

import numpy as np

from ICHHPINetLib.interaction.status import State
from Testing.slicer_module.stand_in import Shortcut


def add_ct(scene, name):
    from ICHHPINetLib.scene import add_ct_node

    return add_ct_node(
        scene, name, np.arange(-200, 2680, dtype=np.int16).reshape(6, 20, 24), np.diag([-1.0, -1.0, 5.0, 1.0])
    )


def state(widget):
    return widget.logic.controller.status.state


def add_view(scene, name, volume, mapped=True):
    """A slice view of the layout that shows ``volume``; its slice node."""
    view, composite = (
        scene.AddNewNodeByClass(kind) for kind in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode")
    )
    for node in (view, composite):
        node.SetLayoutName(name)
    view.SetMappedInLayout(int(mapped))
    composite.SetBackgroundVolumeID(volume.GetID())
    return view


def paint(widget, index=2):
    import slicer

    ct = widget.logic.scene.ct
    scribbles, foreground, _ = widget.logic.scene.ensure_scribbles()
    painted = np.zeros((6, 20, 24), np.uint8)
    painted[index, 5:9, 5:9] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, scribbles, foreground, ct)


def finish(widget):
    deadline = time.monotonic() + 20
    while widget.timer.running:
        widget.timer.slot()
        assert time.monotonic() < deadline


def held_session():
    """A session class whose rounds go on only while ``go`` is set."""
    from ICHHPINetSupport.SelfTest import StandInSession

    class Held(StandInSession):
        go = threading.Event()

        def refine(self, scribbles, on_progress=None, is_cancelled=None, *, accumulate=True):
            def waiting(progress):
                on_progress(progress)
                while not (self.go.wait(0.01) or is_cancelled()):
                    pass

            return super().refine(scribbles, waiting, is_cancelled, accumulate=accumulate)

    return Held


def test_panel_explains_itself_without_anything(scene, make_widget):
    widget = make_widget(packages=False)
    assert widget.ui.installFrame.visible
    assert "PyTorch" in widget.ui.messageLabel.text
    assert not widget.ui.refineButton.enabled
    assert widget.ui.volumeLabel.text == "– mL"


def test_first_ct_is_chosen_and_shown_in_the_brain_window_once(ct, make_widget):
    widget = make_widget()
    display = ct.GetDisplayNode()
    assert widget.logic.scene.ct is ct
    assert (display.GetWindow(), display.GetLevel()) == (80, 40)
    display.SetWindowLevel(200, 50)
    widget.setCt(None)
    widget.setCt(ct)
    assert display.GetWindow() == 200


def test_nothing_but_the_ct_is_taken_for_the_first_ct(scene, make_widget):
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "color picture")
    assert make_widget().logic.scene.ct is None


def test_the_ct_that_the_user_looks_at_comes_first(ct, scene, make_widget):
    shown = add_ct(scene, "Shown")
    add_view(scene, "Red", shown)
    add_view(scene, "Hidden", ct, mapped=False)
    assert make_widget().logic.scene.ct is shown


def test_buttons_choose_the_effect_and_the_segment(ct, make_widget):
    widget = make_widget()
    editor = widget.scribbleTools.editor
    _, foreground, background = widget.logic.scene.ensure_scribbles()
    for button, effect, segment in (
        ("foregroundButton", "Paint", foreground),
        ("backgroundButton", "Paint", background),
        ("eraserButton", "Erase", foreground),
    ):
        getattr(widget.ui, button).click()
        assert (editor.effect.name, editor.segmentId) == (effect, segment)
        assert [name for name, other in widget.toolButtons.items() if other.checked] == [
            button.removesuffix("Button")
        ]
        assert editor.effect.parameters["BrushDiameterIsRelative"] == "0"
        assert float(editor.effect.parameters["BrushAbsoluteDiameter"]) == 4.0
    assert editor.effect.parameters["EraseAllSegments"] == "1"
    widget.ui.eraserButton.click()
    assert editor.effect is None


def test_brush_follows_the_slider_and_the_slider_the_mouse_wheel(ct, make_widget):
    widget = make_widget()
    widget.ui.foregroundButton.click()
    widget._parameterNode.brushDiameter = 7.0
    parameters = widget.scribbleTools.editor.effect.parameters
    assert float(parameters["BrushAbsoluteDiameter"]) == 7.0
    parameters["BrushAbsoluteDiameter"] = "55"
    paint(widget)
    assert widget._parameterNode.brushDiameter == 30.0


def test_a_tool_that_slicer_puts_away_does_not_stop_the_round(ct, make_widget):
    session = held_session()
    widget = make_widget(open_session=session)
    paint(widget)
    widget.ui.foregroundButton.click()
    widget.ui.refineButton.click()
    # What Slicer does when the user picks another mouse mode.
    widget.scribbleTools.editor.setActiveEffect(None)
    assert not widget.ui.foregroundButton.checked
    session.go.set()
    finish(widget)
    assert widget.logic.scene.rounds() == 1
    widget.ui.foregroundButton.click()
    assert widget.scribbleTools.tool == "foreground"


def test_editor_sees_the_scribbles_alone_and_lets_go_in_the_end(ct, make_widget):
    widget = make_widget()
    editor = widget.scribbleTools.editor
    scribbles, *_ = widget.logic.scene.ensure_scribbles()
    kind, attribute, value = editor.filter
    assert scribbles.IsA(kind) and scribbles.GetAttribute(attribute) == value
    widget.scribbleTools.close()
    assert editor.mrmlSegmentEditorNode() is None


def test_no_paint_effect_without_views(scene_without_views, make_widget):
    add_ct(scene_without_views, "CT")
    widget = make_widget()
    widget.ui.foregroundButton.click()
    assert not widget.ui.foregroundButton.checked
    assert Shortcut.alive == []


def test_shortcuts_live_only_while_the_module_is_shown(ct, make_widget):
    widget = make_widget()
    keys = ["Shift+F", "Shift+B", "Shift+R", "Ctrl+Z", "Shift+Z", "Shift+N", "Esc"]
    assert [shortcut.key for shortcut in Shortcut.alive] == keys
    Shortcut.alive[0].slot()
    assert widget.ui.foregroundButton.checked
    widget.exit()
    assert Shortcut.alive == []
    assert not widget.ui.foregroundButton.checked
    widget.enter()
    widget.enter()
    assert [shortcut.key for shortcut in Shortcut.alive] == keys


def test_round_by_button(ct, make_widget):
    widget = make_widget()
    assert "scribble" in widget.ui.messageLabel.text
    paint(widget)
    assert widget.ui.messageLabel.text.startswith("Refine.")
    widget.ui.refineButton.click()
    assert widget.ui.cancelButton.enabled
    assert widget.ui.progressBar.enabled
    finish(widget)
    assert state(widget) is State.READY
    assert "where the result is wrong" in widget.ui.messageLabel.text
    assert widget.ui.volumeLabel.text == "0.1 mL"
    assert widget.ui.changeLabel.text == "–"
    paint(widget, index=4)
    assert "not in the volume yet" in widget.ui.messageLabel.text
    widget.ui.refineButton.click()
    assert not widget.ui.exportSegmentationButton.enabled, "the segment shows a part of a round"
    finish(widget)
    assert widget.ui.changeLabel.text == "+0.1 mL"
    widget.ui.undoRoundButton.click()
    assert widget.ui.computedLabel.text.startswith("round 1, ")
    assert widget.ui.roundsTable.node.GetCellText(0, 1) == "0.1"
    assert widget.ui.exportLabelmapButton.enabled
    assert widget._parameterNode.hematoma is widget.logic.scene.node("hematoma")


def test_opacity_reaches_the_result(ct, make_widget):
    widget = make_widget()
    widget._parameterNode.opacity = 0.25
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    assert widget.logic.scene.node("hematoma").GetDisplayNode().GetOpacity2DFill() == 0.25


def test_second_click_during_a_round(ct, make_widget):
    widget = make_widget()
    paint(widget)
    widget.ui.refineButton.click()
    widget.ui.refineButton.click()
    assert "one more round" in widget.ui.messageLabel.text
    finish(widget)
    assert [row["Round"] for row in widget.logic.scene.rounds_rows()] == [1, 2]


def test_cancel_by_button(ct, make_widget):
    widget = make_widget(open_session=held_session())
    paint(widget)
    widget.ui.refineButton.click()
    while widget.logic.controller.status.slice_index is None:
        widget.timer.slot()
    assert widget.ui.messageLabel.text == "Refining 6 slices, those with scribbles first"
    widget.ui.cancelButton.click()
    finish(widget)
    assert state(widget) is State.CANCELLED
    assert widget.logic.scene.read_mask() is None
    assert widget.logic.scene.has_scribbles()
    assert "Cancelled" in widget.ui.messageLabel.text


def test_auto_refine(ct, make_widget):
    widget = make_widget()
    widget._parameterNode.autoRefine = True
    paint(widget)
    finish(widget)
    rounds = widget.logic.scene.rounds()
    assert rounds >= 1
    paint(widget, index=4)
    finish(widget)
    assert widget.logic.scene.rounds() > rounds


def test_undo_round_and_start_over_by_button(ct, make_widget):
    widget = make_widget()
    for index in (2, 3):
        paint(widget, index)
        widget.ui.refineButton.click()
        finish(widget)
    widget.ui.undoRoundButton.click()
    assert widget.logic.scene.rounds() == 1
    assert widget.ui.computedLabel.text.startswith("round 1, ")
    widget.ui.startOverButton.click()
    assert widget.ui.volumeLabel.text == "– mL"
    assert not widget.logic.scene.has_scribbles()
    assert state(widget) is State.IDLE


def test_deleted_result_is_forgotten(ct, scene, make_widget):
    widget = make_widget()
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    scene.RemoveNode(widget.logic.scene.node("hematoma"))
    assert widget.ui.volumeLabel.text == "– mL"
    assert not widget.ui.undoRoundButton.enabled
    widget.ui.refineButton.click()
    finish(widget)
    assert widget.logic.scene.rounds() == 1


def test_removed_hematoma_segment_is_forgotten(ct, make_widget):
    widget = make_widget()
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    segmentation = widget.logic.scene.node("hematoma").GetSegmentation()
    segmentation.RemoveSegment(segmentation.GetNthSegmentID(0))
    assert widget.logic.controller.status.rounds == 0


def test_renamed_segments_stay_ours(ct, make_widget):
    widget = make_widget()
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    for role in ("scribbles", "hematoma"):
        widget.logic.scene.node(role).GetSegmentation().GetNthSegment(0).SetName("mine")
    paint(widget, index=4)
    widget.ui.refineButton.click()
    finish(widget)
    assert widget.logic.scene.rounds() == 2
    assert widget.logic.scene.node("hematoma").GetSegmentation().GetNumberOfSegments() == 1


def test_deleted_scribbles_are_made_anew(ct, scene, make_widget):
    widget = make_widget()
    widget.ui.foregroundButton.click()
    scene.RemoveNode(widget.logic.scene.node("scribbles"))
    assert not widget.ui.foregroundButton.checked
    widget.ui.foregroundButton.click()
    assert widget.ui.foregroundButton.checked
    paint(widget)
    assert state(widget) is State.READY


def test_closing_slicer_during_a_round_ends_the_computing_thread(ct, make_widget):
    widget = make_widget(open_session=held_session())
    paint(widget)
    widget.ui.refineButton.click()
    widget.cleanup()
    assert not [thread for thread in threading.enumerate() if thread.name == "ICHHPINet"]
    assert not widget.timer.running


def test_reloaded_module_finds_the_work(ct, make_widget):
    widget = make_widget()
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    widget.cleanup()
    again = make_widget()
    assert again.ui.volumeLabel.text == "0.1 mL"
    assert "where the result is wrong" in again.ui.messageLabel.text
    paint(again, index=4)
    again.cleanup()
    again = make_widget()
    assert "not in the volume yet" in again.ui.messageLabel.text
    again.ui.refineButton.click()
    finish(again)
    assert again.logic.scene.rounds() == 2


def test_names_of_nodes_become_names_of_files_everywhere(scene, make_widget):
    make_widget()
    from ICHHPINetSupport.Export import fileName

    assert fileName("2: HEAD/axial? hematoma") == "2_ HEAD_axial_ hematoma"


def test_failure_is_shown_in_the_panel(ct, make_widget):
    from ICHHPINetLib.errors import DeviceError

    def broken(ct, settings):
        raise DeviceError("The GPU is gone. Choose the CPU under Advanced.")

    widget = make_widget(open_session=broken)
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    assert widget.ui.messageLabel.text == "The GPU is gone. Choose the CPU under Advanced."
    assert widget.ui.refineButton.enabled


def test_settings_reach_the_session(ct, make_widget):
    from ICHHPINetSupport.SelfTest import StandInSession

    opened = []

    def open_session(ct, settings):
        opened.append((settings.device, settings.weights))
        return StandInSession(ct, settings)

    widget = make_widget(open_session=open_session)
    widget._parameterNode.device = "cpu"
    widget._parameterNode.weights = " "
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    # The CT may have been looked at with the settings of before, in the background.
    assert opened[-1] == ("cpu", "default")
