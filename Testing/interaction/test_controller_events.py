"""The controller in every state with every event, and what it offers in each."""

import pytest

from ICHHPINetLib.interaction.controller_state import Event, State
from ICHHPINetLib.interaction.result import Progress
from ICHHPINetLib.interaction.round_job import Message
from ICHHPINetLib.interaction.scribbles import Scribbles
from Testing.interaction.controller_fakes import SHAPE, World, enter


@pytest.fixture
def world():
    return World()


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
            Event.GUESS: controller.guess,
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
        return State.REFINING if event is Event.GUESS else State.IDLE
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


@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
def test_buttons_are_offered_where_they_do_something(world, state):
    enter(world, state)
    status = world.controller.status
    working = state in (State.READY, State.REFINING, State.CANCELLING, State.CANCELLED, State.FAILED)
    assert status.can_refine is working
    assert status.can_guess is (state is State.IDLE)
    assert status.can_cancel is (state is State.REFINING)
    assert status.can_undo is False
    assert status.can_start_over is working
