"""The panel leads to the slices that are in doubt."""

from contextlib import contextmanager

import numpy as np
import pytest

from Testing.slicer_module.stand_in import Shortcut
from Testing.slicer_module.test_widget import add_view, finish, paint


class Doubt:
    """About two slices."""

    slices = (4, 1)
    areas = np.array([0, 100, 0, 0, 400, 0.0])
    interval_ml = (1.04, 2.52)

    def outline(self, index):
        return np.indices((20, 24)).sum(0) < 5

    def place(self, index):
        return 3, index


@pytest.fixture
def widget(ct, make_widget):
    """A panel after a round that is in doubt."""
    from ICHHPINetSupport.SelfTest import StandInSession

    widget = make_widget(open_session=type("Doubting", (StandInSession,), {"doubt": Doubt()}))
    assert not widget.ui.nextSliceButton.enabled
    paint(widget)
    widget.ui.refineButton.click()
    finish(widget)
    return widget


def outlined(scene):
    """Whether anything is outlined as in doubt."""
    node = scene.GetFirstNodeByName("In doubt")
    return node is not None and node.GetPolyData().GetNumberOfCells() > 0


def test_each_click_goes_on_to_the_next_slice_and_begins_anew_after_the_last(widget, scene, ct):
    view = add_view(scene, "Red", ct)
    world = widget.logic.scene.geometry().world_of
    seen = []
    for _ in range(3):
        widget.ui.nextSliceButton.click()
        seen.append([view.GetSliceToRAS().GetElement(row, 3) for row in range(3)])
        assert outlined(scene)
    expected = [world((4, 3, 4)), world((1, 3, 1)), world((4, 3, 4))]
    assert np.allclose(seen, expected)


def test_the_likely_volume_stands_beside_the_headline(widget):
    assert widget.ui.likelyLabel.text == "1.0 to 2.5 mL"


def test_a_guess_that_found_nothing_gives_no_range_that_would_read_as_an_all_clear(widget):
    view = widget.view
    view.showRounds([{**view.rows[-1], "Volume (mL)": 0.0, "Scribbled slices": 0}], doubt=Doubt())
    assert widget.ui.volumeLabel.text == "– mL (guess)"
    assert widget.ui.likelyLabel.text == "–"


def test_a_ct_under_a_warp_is_an_error_in_words(widget, scene, ct, monkeypatch):
    import slicer

    from Testing.scene.builders import add_warp

    said = []

    @contextmanager
    def display(message, **options):
        try:
            yield
        except Exception as error:
            said.append(f"{message} {error}")

    monkeypatch.setattr(slicer.util, "tryWithErrorDisplay", display)
    ct.SetAndObserveTransformNodeID(add_warp(scene).GetID())
    widget.ui.nextSliceButton.click()
    assert len(said) == 1
    assert "Harden" in said[0]
    assert not outlined(scene)


def test_a_shortcut_does_the_same(widget, scene):
    next(one for one in Shortcut.alive if one.key == "Shift+N").slot()
    assert outlined(scene)


def test_after_the_next_round_undo_and_edits_nothing_old_is_shown(widget, scene):
    widget.ui.nextSliceButton.click()
    paint(widget, 3)
    widget.ui.refineButton.click()
    finish(widget)
    assert not outlined(scene)
    widget.ui.undoRoundButton.click()
    assert widget.ui.nextSliceButton.enabled
    widget.ui.undoRoundButton.click()
    assert not widget.ui.nextSliceButton.enabled
    assert widget.ui.likelyLabel.text == "–"


def test_nothing_in_doubt_is_saved_with_the_scene(widget, scene, ct):
    widget.ui.nextSliceButton.click()
    node = scene.GetFirstNodeByName("In doubt")
    assert not node.GetSaveWithScene()
    assert not node.GetDisplayNode().GetSaveWithScene()
    widget.logic.setCt(None)
    widget.setCt(None)
    assert not outlined(scene)


def test_a_strip_shows_the_doubt_of_all_slices_and_leads_to_them(widget, scene, ct):
    view = add_view(scene, "Red", ct)
    label = widget.ui.doubtStripLabel
    assert label.visible
    assert label.text.count("<a ") == 6
    assert label.text.startswith("feet ")
    label.slots["linkActivated(QString)"]("1")
    assert view.GetSliceToRAS().GetElement(2, 3) == widget.logic.scene.geometry().world_of((1, 0, 0))[2]
    widget.ui.undoRoundButton.click()
    assert not label.visible
