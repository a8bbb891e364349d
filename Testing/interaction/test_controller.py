"""The controller against a scene, a session and an executor made for the test."""

import numpy as np
import pytest

from ICHHPINetLib.errors import DeviceError, InvalidScribblesError, RoundCancelled, TorchMissingError
from ICHHPINetLib.interaction.controller import Controller
from ICHHPINetLib.interaction.controller_state import Event, State
from ICHHPINetLib.interaction.executor import InlineExecutor, ThreadExecutor
from ICHHPINetLib.interaction.result import Progress, RoundResult
from ICHHPINetLib.interaction.round_job import Message, Settings
from ICHHPINetLib.interaction.scribbles import Scribbles

SHAPE = (4, 5, 6)
SPACING = (5.0, 0.5, 0.5)


class Scene:
    """A scene port on plain arrays; ``log`` holds what was written."""

    def __init__(self):
        self.ct = "CT 1"
        self.volume = np.zeros(SHAPE, np.int16)
        self.strokes = Scribbles.empty(SHAPE)
        self.mask = None
        self.rows = 0
        self.log = []
        self.fail_writing = None
        self.controller = None

    def paint(self, *voxel, background=False):
        (self.strokes.background if background else self.strokes.foreground)[voxel] = True
        self.controller.strokes_changed()

    def ct_key(self):
        return self.ct

    def read_ct(self):
        return self.volume.copy(), SPACING

    def has_strokes(self):
        return not self.strokes.is_empty

    def read_scribbles(self):
        return Scribbles(self.strokes.foreground.copy(), self.strokes.background.copy())

    def write_scribbles(self, strokes):
        self.strokes = strokes
        self.controller.strokes_changed()

    def read_mask(self):
        return None if self.mask is None else self.mask.copy()

    def rounds(self):
        return self.rows

    def show_preview(self, mask):
        self.log.append("preview")
        self.mask = mask.copy()

    def write_round(self, outcome):
        if self.fail_writing is not None:
            raise self.fail_writing
        self.log.append("round")
        self.mask = outcome.result.mask.copy()
        self.rows = outcome.result.round

    def remove_last_round(self, mask):
        self.log.append("undo")
        self.mask = mask.copy()
        self.rows -= 1

    def clear_rounds(self):
        self.log.append("clear rounds")
        self.mask, self.rows = None, 0
        self.controller.node_deleted()

    def clear_strokes(self):
        self.strokes = Scribbles.empty(SHAPE)
        self.controller.strokes_changed()


class Session:
    """Marks the whole slice of a foreground stroke; keeps what the contract says it keeps."""

    opened = 0
    fail_with = None
    on_slice = staticmethod(lambda: None)

    def __init__(self, volume, spacing, settings):
        type(self).opened += 1
        self.settings = settings
        self.base = np.zeros(volume.shape, np.uint8), 0
        self.rounds = ()
        self.restored = None

    @property
    def mask(self):
        return self.rounds[-1].mask if self.rounds else self.base[0]

    def restore(self, mask, scribbles, round_number):
        self.base, self.rounds, self.restored = (mask, round_number), (), scribbles

    def reset(self):
        self.base, self.rounds = (np.zeros_like(self.base[0]), 0), ()

    def undo(self):
        self.rounds = self.rounds[:-1]
        return self.rounds[-1] if self.rounds else None

    def refine(self, scribbles, on_progress=None, is_cancelled=None, *, accumulate=True):
        assert accumulate is False
        mask = self.mask.copy()
        for index in scribbles.slices():
            if is_cancelled():
                raise RoundCancelled("stopped")
            mask[index] = scribbles.foreground[index].any()
            on_progress(Progress(index / len(mask), "slice", index, mask[index].copy()))
            type(self).on_slice()
        if type(self).fail_with is not None:
            raise type(self).fail_with
        number = self.base[1] + len(self.rounds) + 1
        result = RoundResult(mask, mask.astype(np.float32), number, 0.1, scribbles.slices(), "cpu", "fake")
        self.rounds = (*self.rounds, result)
        return result


class Held:
    """Executor that keeps jobs until the test lets one run."""

    def __init__(self):
        self.jobs = []
        self.shut = False

    def submit(self, job):
        self.jobs.append(job)

    def run(self):
        self.jobs.pop(0)()

    def shutdown(self, timeout):
        self.shut = True
        return not self.jobs


class World:
    """Controller with its collaborators."""

    def __init__(self, executor=None):
        class OwnSession(Session):
            pass

        self.session_class = OwnSession
        self.torch = True
        self.time = 0.0
        self.shown = []
        self.scene = Scene()
        self.executor = executor or Held()
        self.controller = Controller(
            self.scene,
            OwnSession,
            self.executor,
            self.shown.append,
            has_torch=lambda: self.torch,
            clock=lambda: self.time,
            measure=lambda mask, spacing, volume: mask.sum() * np.prod(spacing) / 1000,
        )
        self.scene.controller = self.controller

    @property
    def state(self):
        return self.controller.status.state

    def finish(self):
        self.executor.run()
        self.controller.poll()

    def round(self):
        assert self.controller.refine()
        self.finish()


@pytest.fixture
def world():
    return World()


@pytest.fixture
def ready(world):
    world.controller.ct_chosen()
    world.scene.paint(1, 2, 3)
    return world


def enter(world, state):
    """Bring a fresh world into ``state``."""
    if state is State.NO_TORCH:
        world.torch = False
    if state is State.NO_CT:
        world.scene.ct = None
        world.controller.ct_removed()
        return
    world.controller.ct_chosen()
    if state in (State.IDLE, State.NO_TORCH):
        return
    world.scene.paint(1, 2, 3)
    if state is State.READY:
        return
    world.controller.refine()
    if state is State.FAILED:
        world.session_class.fail_with = DeviceError("out of memory")
        world.finish()
        world.session_class.fail_with = None
    elif state in (State.CANCELLING, State.CANCELLED):
        world.controller.cancel()
        if state is State.CANCELLED:
            world.finish()


def fire(world, event):
    """Let ``event`` happen through the controller's own methods."""
    controller, scene = world.controller, world.scene
    if event is Event.TORCH_INSTALLED:
        world.torch = True
        controller.torch_installed()
    elif event is Event.CT_CHOSEN:
        controller.leave_ct()
        scene.ct, scene.strokes = "CT 2", Scribbles.empty(SHAPE)
        controller.ct_chosen()
    elif event is Event.CT_REMOVED:
        scene.ct = None
        controller.ct_removed()
    elif event is Event.STROKES_CHANGED:
        scene.paint(2, 0, 0)
    elif event in (Event.PROGRESS, Event.DONE, Event.ROUND_CANCELLED, Event.ROUND_FAILED):
        if world.executor.jobs:
            cancelled = controller._job.cancelled
            cancelled.set() if event is Event.ROUND_CANCELLED else cancelled.clear()
            if event is Event.PROGRESS:
                controller._inbox.put(Message(controller._job, event, Progress(0.5, "volume")))
            else:
                world.session_class.fail_with = ValueError("broken") if event is Event.ROUND_FAILED else None
                world.executor.run()
        controller.poll()
    elif event is Event.SCENE_CLOSED:
        scene.ct = None
        controller.scene_closed()
    elif event is Event.NODE_DELETED:
        scene.mask = None
        controller.node_deleted()
    else:
        {
            Event.REFINE: controller.refine,
            Event.CANCEL: controller.cancel,
            Event.UNDO: controller.undo,
            Event.START_OVER: controller.start_over,
            Event.MODULE_RELOADED: controller.close,
        }[event]()


NO_CT_AFTER = {Event.CT_REMOVED, Event.SCENE_CLOSED, Event.MODULE_RELOADED}
REPORTS = {Event.PROGRESS, Event.DONE, Event.ROUND_CANCELLED, Event.ROUND_FAILED, Event.CANCEL}
DURING_ROUND = {
    Event.DONE: {State.REFINING: State.READY, State.CANCELLING: State.CANCELLED},
    Event.CANCEL: {State.REFINING: State.CANCELLING},
    Event.UNDO: {State.REFINING: State.CANCELLING},
    Event.ROUND_CANCELLED: {State.REFINING: State.CANCELLED, State.CANCELLING: State.CANCELLED},
    Event.ROUND_FAILED: {State.REFINING: State.FAILED, State.CANCELLING: State.FAILED},
}


def expected(state, event):
    if event in NO_CT_AFTER:
        return State.NO_TORCH if state is State.NO_TORCH else State.NO_CT
    if state is State.NO_TORCH:
        return State.IDLE if event is Event.TORCH_INSTALLED else State.NO_TORCH
    if event in (Event.CT_CHOSEN, Event.START_OVER):
        return State.NO_CT if state is State.NO_CT and event is Event.START_OVER else State.IDLE
    if state.is_busy:
        return DURING_ROUND.get(event, {}).get(state, state)
    if event in REPORTS or state is State.NO_CT:
        return state
    if event is Event.STROKES_CHANGED:
        return State.READY
    if state is State.IDLE:
        return State.IDLE
    return State.REFINING if event is Event.REFINE else State.READY


@pytest.mark.parametrize("event", Event, ids=lambda event: event.name)
@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
def test_every_event_in_every_state(world, state, event):
    enter(world, state)
    assert world.state is state
    fire(world, event)
    assert world.state is expected(state, event)
    assert world.shown[-1] == world.controller.status or event is Event.MODULE_RELOADED
    # Whatever happened, the work can go on afterwards.
    if event is not Event.MODULE_RELOADED:
        world.session_class.fail_with = None
        world.torch, world.scene.ct = True, world.scene.ct or "CT 3"
        world.controller.leave_ct()
        world.controller.ct_chosen()
        world.scene.paint(3, 3, 3)
        world.executor.jobs.clear()
        world.round()
        assert world.state is State.READY
        assert world.scene.mask[3].all()


def test_a_round_is_written_with_its_numbers(ready):
    ready.round()
    outcome = ready.controller.last
    assert ready.scene.log == ["round"]
    assert outcome.result.round == ready.controller.status.rounds == 1
    assert outcome.measurement == pytest.approx(30 * 1.25 / 1000)
    assert ready.controller.status.message == ""


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


def test_cancel_keeps_previous_result_and_strokes(ready):
    ready.round()
    before = ready.scene.mask.copy()
    ready.scene.paint(2, 0, 0)
    ready.session_class.on_slice = ready.controller.cancel
    ready.round()
    assert ready.state is State.CANCELLED
    assert np.array_equal(ready.scene.mask, before)
    assert ready.scene.strokes.foreground[2, 0, 0]
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


def test_slices_are_shown_while_the_round_runs_and_not_too_often(ready):
    for index in (0, 2, 3):
        ready.scene.paint(index, 0, 0)
    times = iter((0.0, 0.1, 0.2, 0.4))

    def on_slice():
        ready.time = next(times)
        ready.controller.poll()

    ready.session_class.on_slice = staticmethod(on_slice)
    ready.round()
    # The first slice at once, the last because 0.3 s had passed, then the result.
    assert ready.scene.log == ["preview", "preview", "round"]
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
        raise InvalidScribblesError("strokes cross")

    ready.scene.read_scribbles = broken
    assert not ready.controller.refine()
    assert ready.state is State.FAILED
    assert ready.controller.status.message == "strokes cross"


def test_unwritable_scene_fails(ready):
    ready.scene.fail_writing = RuntimeError("no segmentation")
    ready.round()
    assert ready.state is State.FAILED


def test_failure_while_opening_the_session(ready):
    def open_session(*arguments):
        raise TorchMissingError("PyTorch is not installed.")

    ready.controller._open_session = open_session
    ready.round()
    assert ready.state is State.FAILED
    assert isinstance(ready.controller.status.error, TorchMissingError)


def test_session_and_volume_are_kept_between_rounds(ready):
    ready.round()
    ready.scene.read_ct = None
    ready.round()
    assert ready.session_class.opened == 1


def test_changed_settings_open_a_session_that_goes_on(ready):
    ready.round()
    ready.controller.settings = Settings(device="cpu")
    ready.round()
    assert ready.session_class.opened == 2
    assert ready.controller.last.result.round == 2


def test_undo_takes_back_result_row_and_strokes_of_the_round(ready):
    ready.round()
    first = ready.scene.mask.copy()
    ready.scene.paint(2, 0, 0)
    ready.round()
    ready.scene.paint(3, 0, 0)
    assert ready.controller.undo()
    assert np.array_equal(ready.scene.mask, first)
    assert ready.scene.rows == ready.controller.status.rounds == 1
    assert [z for z, _, _ in np.argwhere(ready.scene.strokes.foreground)] == [1, 3]
    assert ready.controller.last is None
    assert ready.controller.undo()
    assert not ready.controller.undo()
    assert ready.controller.status.message == "There is no round to take back."
    assert not ready.scene.mask.any()


def test_mask_corrected_by_hand_is_the_memory_of_the_next_round(ready):
    ready.round()
    ready.scene.mask[0, 0, 0] = 1
    ready.round()
    assert ready.scene.mask[0, 0, 0] == 1
    assert ready.controller.last.result.round == 2
    assert ready.controller.undo()
    assert ready.scene.mask[0, 0, 0] == 1
    assert ready.scene.rows == 1


def test_work_goes_on_after_a_reload(world):
    world.scene.mask = np.zeros(SHAPE, np.uint8)
    world.scene.mask[0] = 1
    world.scene.rows = 3
    world.scene.strokes.foreground[0, 0, 0] = True
    world.controller.ct_chosen()
    assert world.controller.status.rounds == 3
    assert not world.controller.status.can_undo
    world.scene.paint(2, 0, 0)
    world.round()
    assert world.controller.last.result.round == world.scene.rows == 4
    assert world.scene.mask[0].all()
    assert world.controller.undo()
    assert np.argwhere(world.scene.strokes.foreground).tolist() == [[0, 0, 0]]


def test_deleted_result_does_not_come_back_as_memory(ready):
    ready.round()
    ready.scene.strokes.foreground[:] = False
    ready.scene.mask = None
    ready.controller.node_deleted()
    assert ready.scene.rows == 0
    assert not ready.controller.status.can_undo
    ready.scene.paint(3, 0, 0)
    ready.round()
    assert ready.controller.last.result.round == 1
    assert not ready.scene.mask[1].any()


def test_result_deleted_unnoticed_is_noticed_by_the_next_round(ready):
    ready.round()
    ready.scene.mask = None
    ready.round()
    assert ready.scene.rows == 1


def test_result_deleted_during_a_round_that_is_cancelled_stays_deleted(ready):
    ready.round()
    ready.controller.refine()
    ready.scene.mask = None
    ready.controller.node_deleted()
    ready.controller.cancel()
    ready.finish()
    assert ready.scene.mask is None
    assert ready.scene.rows == 0


def test_late_report_of_an_abandoned_round_changes_nothing(ready):
    ready.controller.refine()
    ready.controller.leave_ct()
    ready.scene.ct, ready.scene.strokes = "CT 2", Scribbles.empty(SHAPE)
    ready.controller.ct_chosen()
    ready.finish()
    assert ready.state is State.IDLE
    assert ready.scene.mask is None
    assert ready.scene.log.count("round") == 0


def test_start_over_forgets_strokes_and_rounds(ready):
    ready.round()
    ready.controller.start_over()
    assert ready.state is State.IDLE
    assert ready.scene.strokes.is_empty
    assert ready.scene.mask is None
    assert not ready.controller.status.can_start_over


def test_auto_refine_runs_after_a_stroke_and_once_more_for_strokes_during_a_round(ready):
    ready.controller.auto_refine = True
    ready.scene.paint(2, 0, 0)
    assert ready.state is State.REFINING
    ready.scene.paint(3, 0, 0)
    ready.finish()
    assert ready.state is State.REFINING
    ready.controller.strokes_changed()
    ready.finish()
    assert ready.state is State.READY
    assert ready.executor.jobs == []
    assert ready.scene.rows == 2


def test_refining_without_strokes_explains_itself(world):
    world.controller.ct_chosen()
    assert not world.controller.refine()
    assert world.state is State.IDLE
    assert "stroke" in world.controller.status.message


@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
def test_buttons_are_offered_where_they_do_something(world, state):
    enter(world, state)
    status = world.controller.status
    working = state in (State.READY, State.REFINING, State.CANCELLING, State.CANCELLED, State.FAILED)
    assert status.can_refine is working
    assert status.can_cancel is (state is State.REFINING)
    assert status.can_undo is False
    assert status.can_start_over is working


def test_inline_executor_needs_one_poll():
    world = World(InlineExecutor())
    world.controller.ct_chosen()
    world.scene.paint(1, 1, 1)
    world.controller.refine()
    assert world.controller.wait()
    assert world.scene.rows == 1


def test_thread_executor_leaves_the_scene_to_the_calling_thread():
    import threading

    world = World(ThreadExecutor())
    world.controller.ct_chosen()
    world.scene.paint(1, 1, 1)
    threads = []
    write = world.scene.write_round
    world.scene.write_round = lambda outcome: (threads.append(threading.current_thread()), write(outcome))
    world.controller.refine()
    assert world.controller.wait()
    assert threads == [threading.current_thread()]
    assert world.controller.close()


def test_wait_gives_up_after_its_timeout(ready):
    ready.controller.refine()
    times = iter(range(100))
    ready.controller._clock = lambda: next(times)
    assert not ready.controller.wait(timeout=0.5)


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
