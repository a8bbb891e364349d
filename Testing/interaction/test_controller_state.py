"""The transition table, every state with every event."""

import itertools

import pytest

from ICHHPINetLib.interaction.controller_state import Event, Facts, State, next_state

EITHER = True, False
ALL_FACTS = [Facts(*facts) for facts in itertools.product(EITHER, EITHER, EITHER, (0, 2))]
STARTING = {
    Event.REFINE: [facts for facts in ALL_FACTS if facts.resting_state is State.READY],
    Event.GUESS: [Facts(True, True, False, 0)],
}

# What each event does to a running round; None: the state that the facts speak for.
REFINING = {
    Event.TORCH_INSTALLED: State.REFINING,
    Event.CT_CHOSEN: None,
    Event.CT_REMOVED: None,
    Event.STROKES_CHANGED: State.REFINING,
    Event.REFINE: State.REFINING,
    Event.GUESS: State.REFINING,
    Event.PROGRESS: State.REFINING,
    Event.DONE: None,
    Event.CANCEL: State.CANCELLING,
    Event.ROUND_CANCELLED: State.CANCELLED,
    Event.ROUND_FAILED: State.FAILED,
    Event.UNDO: State.CANCELLING,
    Event.START_OVER: None,
    Event.NODE_DELETED: State.REFINING,
    Event.SCENE_CLOSED: None,
    Event.MODULE_RELOADED: None,
}
CANCELLING = {
    Event.TORCH_INSTALLED: State.CANCELLING,
    Event.CT_CHOSEN: None,
    Event.CT_REMOVED: None,
    Event.STROKES_CHANGED: State.CANCELLING,
    Event.REFINE: State.CANCELLING,
    Event.GUESS: State.CANCELLING,
    Event.PROGRESS: State.CANCELLING,
    Event.DONE: State.CANCELLED,
    Event.CANCEL: State.CANCELLING,
    Event.ROUND_CANCELLED: State.CANCELLED,
    Event.ROUND_FAILED: State.FAILED,
    Event.UNDO: State.CANCELLING,
    Event.START_OVER: None,
    Event.NODE_DELETED: State.CANCELLING,
    Event.SCENE_CLOSED: None,
    Event.MODULE_RELOADED: None,
}
RESTING = [state for state in State if not state.is_busy]
IGNORED_AT_REST = {
    Event.PROGRESS,
    Event.DONE,
    Event.CANCEL,
    Event.ROUND_CANCELLED,
    Event.ROUND_FAILED,
}


@pytest.mark.parametrize("facts", ALL_FACTS)
@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize(("state", "moves"), [(State.REFINING, REFINING), (State.CANCELLING, CANCELLING)])
def test_every_event_during_a_round(state, moves, event, facts):
    expected = moves[event] or facts.resting_state
    assert next_state(state, event, facts) is expected


@pytest.mark.parametrize("facts", ALL_FACTS)
@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", RESTING)
def test_every_event_at_rest(state, event, facts):
    after = next_state(state, event, facts)
    if event in IGNORED_AT_REST:
        assert after is state
    elif facts in STARTING.get(event, ()):
        assert after is State.REFINING
    else:
        assert after is facts.resting_state


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (Facts(False, True, True), State.NO_TORCH),
        (Facts(True, False, False), State.NO_CT),
        (Facts(True, True, False), State.IDLE),
        (Facts(True, True, True), State.READY),
    ],
)
def test_facts_decide_the_resting_state(facts, state):
    assert facts.resting_state is state


@pytest.mark.parametrize("facts", [facts for facts in ALL_FACTS if facts.resting_state is not State.READY])
def test_what_is_missing_is_said_in_a_sentence(facts):
    message = str(facts.why_not_ready())
    missing = "PyTorch" if not facts.has_torch else "CT" if not facts.has_ct else "stroke"
    assert missing in message
    assert message.endswith("first." if facts.has_torch else "again.")


@pytest.mark.parametrize("facts", [facts for facts in ALL_FACTS if not facts.can_guess])
def test_why_there_is_no_guess_is_said_in_a_sentence(facts):
    missing = "PyTorch" if not facts.has_torch else "CT" if not facts.has_ct else "before all strokes"
    assert missing in str(facts.why_no_guess())
