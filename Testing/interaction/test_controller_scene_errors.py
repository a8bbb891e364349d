"""What the controller does when the scene refuses: it says so, ends what runs, and loses nothing."""

import numpy as np
import pytest

from ICHHPINetLib.errors import InvalidScribblesError, InvalidVolumeError
from ICHHPINetLib.interaction.status import State
from Testing.interaction.controller_fakes import World

WARPED = InvalidVolumeError("the CT lies under a warp")


@pytest.fixture
def ready():
    world = World()
    world.controller.ct_chosen()
    world.scene.paint(1, 2, 3)
    return world


def refusing(error):
    def refuse(*arguments):
        raise error

    return refuse


def test_start_over_in_a_scene_that_refuses_ends_the_round(ready, monkeypatch):
    ready.controller.refine()
    monkeypatch.setattr(ready.scene, "write_rounds", refusing(WARPED))
    ready.controller.start_over()
    assert ready.state is State.READY
    assert "under a warp" in ready.controller.status.message
    ready.finish()
    assert ready.controller.poll() is False


def test_a_preview_that_cannot_be_shown_is_told_by_the_result(ready, monkeypatch):
    monkeypatch.setattr(ready.scene, "show", lambda mask, is_preview: refusing(WARPED)())
    ready.scene.fail_writing = WARPED
    raised = []

    def poll():
        try:
            assert ready.controller.poll()
        except Exception as error:
            raised.append(error)

    ready.session_class.on_slice = poll
    ready.round()
    assert not raised
    assert ready.state is State.FAILED
    assert "under a warp" in ready.controller.status.message


def test_scribbles_that_cannot_be_read_any_more_are_told_after_the_running_round(ready, monkeypatch):
    ready.controller.auto_refine = True
    ready.controller.refine()
    ready.scene.paint(2, 0, 0)
    monkeypatch.setattr(ready.scene, "read_scribbles", refusing(InvalidScribblesError("outside the CT")))
    ready.finish()
    assert ready.scene.rows == 1
    assert ready.state is State.FAILED
    assert "outside the CT" in ready.controller.status.message


def test_a_cancelled_round_on_an_edited_mask_takes_no_earlier_round_along(ready):
    ready.round()
    ready.scene.paint(2, 0, 0)
    ready.round()
    ready.scene.mask[0, 0, 0] = 1
    ready.scene.paint(3, 0, 0)
    ready.session_class.on_slice = ready.controller.cancel
    ready.round()
    assert ready.state is State.CANCELLED
    assert ready.scene.mask[0, 0, 0], "the edit is still there"
    assert ready.controller.status.can_undo
    assert ready.controller.undo()
    assert ready.scene.rows == 1
    assert not ready.scene.mask[2].any()
    ready.session_class.on_slice = staticmethod(lambda: None)
    ready.round()
    assert ready.scene.rows == 2
    assert ready.session_class.opened == 1, "what is known of the image is kept"


def test_a_round_on_an_edited_mask_is_one_more_and_has_the_doubts_of_the_ct(ready):
    ready.round()
    ready.scene.mask[0, 0, 0] = 1
    ready.scene.paint(3, 0, 0)
    ready.round()
    assert ready.scene.rows == 2
    assert ready.scene.mask[0, 0, 0]
    assert "looks windowed" in ready.controller.last.notes
    assert ready.controller.undo()
    np.testing.assert_array_equal(ready.scene.mask[0, 0, 0], 1)


def test_doubts_about_the_ct_are_those_of_the_chosen_one(ready):
    ready.scene.doubts = ["a windowed export"]
    ready.controller.ct_chosen()
    assert ready.controller.status.warnings == ("a windowed export",)
    ready.round()
    assert ready.controller.status.warnings == ("a windowed export",)
    ready.controller.start_over()
    assert ready.controller.status.warnings == ("a windowed export",)
    ready.scene.ct, ready.scene.doubts = "CT 2", []
    ready.controller.ct_chosen()
    assert ready.controller.status.warnings == ()
