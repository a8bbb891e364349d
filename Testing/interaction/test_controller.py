"""What the controller does with rounds, results, scribbles and failures."""

import threading
import time

import numpy as np
import pytest

from ICHHPINetLib.errors import DeviceError, InvalidScribblesError, InvalidVolumeError, TorchMissingError
from ICHHPINetLib.interaction.executor import ThreadExecutor
from ICHHPINetLib.interaction.scribbles import Scribbles
from ICHHPINetLib.interaction.status import State
from Testing.inline_executor import InlineExecutor
from Testing.interaction.controller_fakes import SHAPE, World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def ready(world):
    world.controller.ct_chosen()
    world.scene.paint(1, 2, 3)
    return world


def test_a_round_is_written_with_its_numbers(ready):
    ready.round()
    outcome = ready.controller.last
    assert ready.scene.written == ["1 rounds"]
    assert outcome.result.round == ready.controller.status.rounds == 1
    assert outcome.measurement.volume_ml == pytest.approx(30 * 1.25 / 1000)
    assert outcome.log.rounds[0].volume_ml == outcome.measurement.volume_ml
    assert ready.controller.status.message == ""
    assert outcome.notes.count("looks windowed") == outcome.notes.count("on the CPU") == 1


def test_second_request_during_a_round_runs_once_more_afterwards(ready):
    ready.controller.refine()
    ready.controller.refine()
    ready.controller.refine()
    assert ready.controller.status.queued
    ready.finish()
    assert ready.state is State.REFINING
    assert not ready.controller.status.queued
    ready.finish()
    assert ready.state is State.READY
    assert ready.executor.jobs == []
    assert ready.scene.rows == 2


def test_request_while_cancelling_starts_a_round_after_the_cancelled_one(ready):
    ready.controller.refine()
    ready.controller.cancel()
    ready.controller.refine()
    ready.finish()
    assert ready.state is State.REFINING
    ready.finish()
    assert ready.scene.rows == 1


def test_cancel_drops_the_queued_round(ready):
    ready.controller.refine()
    ready.controller.refine()
    ready.controller.cancel()
    ready.finish()
    assert ready.state is State.CANCELLED
    assert ready.executor.jobs == []


def test_cancel_keeps_previous_result_and_scribbles(ready):
    ready.round()
    before = ready.scene.mask.copy()
    ready.scene.paint(2, 0, 0)
    ready.session_class.on_slice = ready.controller.cancel
    ready.round()
    assert ready.state is State.CANCELLED
    assert np.array_equal(ready.scene.mask, before)
    assert ready.scene.scribbles.foreground[2, 0, 0]
    assert ready.scene.rows == 1
    assert ready.controller.status.can_undo


def test_round_that_ends_before_it_notices_the_cancel_is_taken_back(ready):
    ready.controller.refine()
    ready.executor.run()
    ready.controller.cancel()
    ready.controller.poll()
    assert ready.state is State.CANCELLED
    assert ready.scene.mask is None
    ready.round()
    assert ready.controller.last.result.round == 1


def test_cancelled_first_round_leaves_no_result(ready):
    ready.session_class.on_slice = ready.controller.cancel
    ready.scene.paint(2, 0, 0)
    ready.round()
    assert ready.scene.mask is None
    assert ready.scene.rows == 0


def test_slices_are_shown_while_the_round_runs_and_not_too_often(ready, monkeypatch):
    for index in (0, 2, 3):
        ready.scene.paint(index, 0, 0)
    now, times = [0.0], iter((0.0, 0.1, 0.2, 0.4))
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def on_slice():
        now[0] = next(times)
        ready.controller.poll()

    ready.session_class.on_slice = staticmethod(on_slice)
    ready.round()
    # The first slice at once, the last because 0.3 s had passed, then the result.
    assert ready.scene.written == ["preview", "preview", "1 rounds"]
    running = [status for status in ready.shown if status.slice_index is not None]
    assert [status.slice_index for status in running][:4] == [0, 1, 2, 3]
    assert {status.slice_count for status in running} == {4}


def test_failure_says_why_and_the_next_round_works(ready):
    ready.round()
    before = ready.scene.mask.copy()
    ready.session_class.fail_with = DeviceError("The GPU ran out of memory. Choose the CPU.")
    ready.round()
    assert ready.state is State.FAILED
    assert ready.controller.status.message == "The GPU ran out of memory. Choose the CPU."
    assert np.array_equal(ready.scene.mask, before)
    ready.session_class.fail_with = None
    ready.round()
    assert ready.state is State.READY
    assert ready.controller.status.message == ""
    assert ready.controller.last.result.round == 2


def test_unexpected_error_is_named_by_its_type(ready):
    ready.session_class.fail_with = KeyError("layer")
    ready.round()
    assert ready.controller.status.message.startswith("KeyError: ")
    assert isinstance(ready.controller.status.error, KeyError)


def test_unreadable_scene_fails_without_a_round(ready):
    def broken():
        raise InvalidScribblesError("scribbles cross")

    ready.scene.read_scribbles = broken
    assert not ready.controller.refine()
    assert ready.state is State.FAILED
    assert ready.controller.status.message == "scribbles cross"


def test_unwritable_scene_fails(ready):
    ready.round()
    before = ready.scene.mask
    ready.scene.fail_writing = RuntimeError("no segmentation")
    ready.scene.paint(2, 0, 0)
    ready.round()
    assert ready.state is State.FAILED
    assert np.array_equal(ready.scene.mask, before)
    ready.scene.fail_writing = None
    ready.round()
    assert ready.state is State.READY
    assert ready.scene.rows == 2
    assert ready.scene.mask[2].all()
    assert ready.controller.undo()
    assert np.array_equal(ready.scene.mask, before)


def test_a_round_ends_whatever_the_scene_refuses(ready):
    """A transform that was put on the CT in the middle of a round must not leave the panel waiting."""

    def refuse(*arguments):
        raise InvalidVolumeError("The CT lies under a non-linear transform.")

    ready.controller.refine()
    ready.controller.cancel()
    ready.scene.write_rounds = refuse
    ready.finish()
    assert ready.state is State.CANCELLED
    assert "non-linear" in ready.controller.status.message
    ready.scene.read_scribbles = refuse
    ready.controller.refine()
    assert ready.state is State.FAILED


def test_saved_scribbles_that_cannot_be_read_are_said_when_the_ct_is_chosen(world):
    def refuse():
        raise InvalidVolumeError("The CT lies under a non-linear transform.")

    world.scene.load_rounds = refuse
    world.controller.ct_chosen()
    assert "non-linear" in world.controller.status.message
    assert not world.controller.status.state.is_busy


def test_failure_while_opening_the_session():
    def open_session(*arguments):
        raise TorchMissingError("PyTorch is not installed.")

    ready = World(open_session=open_session)
    ready.controller.ct_chosen()
    ready.scene.paint(1, 2, 3)
    ready.round()
    assert ready.state is State.FAILED
    assert isinstance(ready.controller.status.error, TorchMissingError)


def test_late_report_of_an_abandoned_round_changes_nothing(ready):
    ready.controller.refine()
    ready.controller.leave_ct()
    ready.scene.ct, ready.scene.scribbles = "CT 2", Scribbles.empty(SHAPE)
    ready.controller.ct_chosen()
    ready.finish()
    assert ready.state is State.IDLE
    assert ready.scene.mask is None
    assert "1 rounds" not in ready.scene.written


def test_auto_refine_runs_after_a_scribble_and_once_more_for_scribbles_during_a_round(ready):
    ready.controller.auto_refine = True
    ready.scene.paint(2, 0, 0)
    assert ready.state is State.REFINING
    ready.scene.paint(3, 0, 0)
    ready.finish()
    assert ready.state is State.REFINING
    ready.controller.scribbles_changed()
    ready.finish()
    assert ready.state is State.READY
    assert ready.executor.jobs == []
    assert ready.scene.rows == 2


def test_refining_without_scribbles_explains_itself(world):
    world.controller.ct_chosen()
    assert not world.controller.refine()
    assert world.state is State.IDLE
    assert "scribble" in world.controller.status.message


def test_inline_executor_needs_one_poll():
    world = World(InlineExecutor())
    world.controller.ct_chosen()
    world.scene.paint(1, 1, 1)
    world.controller.refine()
    assert world.controller.wait()
    assert world.scene.rows == 1


def test_thread_executor_leaves_the_scene_to_the_calling_thread():
    world = World(ThreadExecutor())
    world.controller.ct_chosen()
    world.scene.paint(1, 1, 1)
    threads = []
    write = world.scene.write_rounds
    world.scene.write_rounds = lambda log: (threads.append(threading.current_thread()), write(log))
    world.controller.refine()
    assert world.controller.wait()
    assert threads == [threading.current_thread()]
    assert world.controller.close()


def test_wait_gives_up_after_its_timeout(ready):
    ready.controller.refine()
    assert not ready.controller.wait(timeout=0.01)


def test_close_in_the_middle_of_a_round_stops_it_and_listens_no_more(ready):
    ready.controller.refine()
    shown = len(ready.shown)
    assert not ready.controller.close(timeout=0)
    assert ready.executor.shut
    ready.executor.run()
    assert not ready.controller.poll()
    assert ready.scene.rows == 0
    assert len(ready.shown) == shown
    assert not ready.controller.refine()


def test_densities_of_a_windowed_export_are_measured_in_hu(world):
    world.scene.volume[:] = 100
    world.scene.volume[0, 0, 0] = 255
    world.controller.ct_chosen()
    world.scene.paint(1, 2, 3)
    for _ in range(2):
        world.round()
        assert world.controller.last.measurement.hu_mean == pytest.approx(100 * 80 / 255, abs=0.1)
    assert any("windowed export" in note for note in world.controller.last.notes)
