"""What may happen when: the states of the interactive work and the events that move between them.

Nothing here computes, draws or knows a scene; ``controller.py`` acts on the transitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..errors import ICHHPINetError, InvalidScribblesError, InvalidVolumeError, TorchMissingError


class State(Enum):
    """Where the work stands."""

    NO_TORCH = "no torch"
    NO_CT = "no CT"
    IDLE = "idle"
    READY = "ready"
    REFINING = "refining"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_busy(self) -> bool:
        return self in (State.REFINING, State.CANCELLING)


class Event(Enum):
    """Everything that can happen, from the user, the scene or the computing thread."""

    TORCH_INSTALLED = "torch installed"
    CT_CHOSEN = "CT chosen"
    CT_REMOVED = "CT removed"
    STROKES_CHANGED = "strokes changed"
    REFINE = "refine"
    GUESS = "guess"
    PROGRESS = "progress"
    DONE = "done"
    CANCEL = "cancel"
    ROUND_CANCELLED = "round cancelled"
    ROUND_FAILED = "round failed"
    UNDO = "undo"
    START_OVER = "start over"
    NODE_DELETED = "node deleted"
    SCENE_CLOSED = "scene closed"
    MODULE_RELOADED = "module reloaded"


@dataclass(frozen=True)
class Facts:
    """What decides between the resting states."""

    has_torch: bool
    has_ct: bool
    has_strokes: bool
    rounds: int = 0

    @property
    def can_guess(self) -> bool:
        """A first guess comes before all strokes and rounds."""
        return self.resting_state is State.IDLE and not self.rounds

    @property
    def resting_state(self) -> State:
        if not self.has_torch:
            return State.NO_TORCH
        if not self.has_ct:
            return State.NO_CT
        return State.READY if self.has_strokes else State.IDLE

    def why_not_ready(self) -> ICHHPINetError:
        """What to tell a user who asks for a round now."""
        if not self.has_torch:
            return TorchMissingError("PyTorch is not installed. Install it, then refine again.")
        if not self.has_ct:
            return InvalidVolumeError("No CT is chosen. Choose a head CT first.")
        return InvalidScribblesError("Nothing is painted yet. Paint a stroke on the bleeding first.")

    def why_no_guess(self) -> ICHHPINetError:
        """What to tell a user who asks for a first guess now."""
        if self.has_torch and self.has_ct:
            return InvalidScribblesError(
                "A first guess comes before all strokes and rounds. Paint a stroke and refine, or start over."
            )
        return self.why_not_ready()


# A round that these events overtake is abandoned: its outcome no longer concerns anyone.
ABANDONING = frozenset(
    {Event.CT_CHOSEN, Event.CT_REMOVED, Event.START_OVER, Event.SCENE_CLOSED, Event.MODULE_RELOADED}
)

# Reports of the computing thread, without meaning unless a round is running.
REPORTS = frozenset({Event.PROGRESS, Event.DONE, Event.ROUND_CANCELLED, Event.ROUND_FAILED})

_REFINING_MOVES = {
    Event.CANCEL: State.CANCELLING,
    Event.UNDO: State.CANCELLING,
    Event.ROUND_CANCELLED: State.CANCELLED,
    Event.ROUND_FAILED: State.FAILED,
}

# A round that ends before it noticed the cancel is taken back, so it counts as cancelled.
_CANCELLING_MOVES = {
    Event.DONE: State.CANCELLED,
    Event.ROUND_CANCELLED: State.CANCELLED,
    Event.ROUND_FAILED: State.FAILED,
}


def next_state(state: State, event: Event, facts: Facts) -> State:
    """State after ``event``; total over every state and event.

    ``facts`` are those that hold once the event has happened.
    """
    rest = facts.resting_state
    if state.is_busy:
        if event in ABANDONING:
            return rest
        if state is State.CANCELLING:
            return _CANCELLING_MOVES.get(event, state)
        return rest if event is Event.DONE else _REFINING_MOVES.get(event, state)
    if event in REPORTS or event is Event.CANCEL:
        return state
    if event is Event.REFINE:
        return State.REFINING if rest is State.READY else rest
    if event is Event.GUESS:
        return State.REFINING if facts.can_guess else rest
    return rest


def offers(state: State, facts: Facts, has_history: bool) -> dict[str, bool]:
    """What a click would be good for, by the names of ``Status``."""
    return {
        "can_refine": facts.resting_state is State.READY,
        "can_guess": not state.is_busy and facts.can_guess,
        "can_cancel": state is State.REFINING,
        "can_undo": not state.is_busy and has_history,
        "can_start_over": facts.has_ct and (facts.has_strokes or facts.rounds > 0),
    }


@dataclass(frozen=True)
class Status:
    """What a front end shows; a new one after every change.

    Attributes
    ----------
    state: where the work stands.
    message: what went wrong and what to do, empty when nothing did.
    error: the exception behind the message, if there is one.
    fraction: of the running round, 0 to 1.
    stage: of the running round, as :class:`Progress` names it.
    slice_index: axial slice segmented last in the running round.
    slice_count: axial slices of the CT.
    queued: whether another round follows the running one.
    rounds: number of finished rounds.
    new_strokes: whether strokes are there that no round has seen, as far as one was told.
    edited_ml: volume of the result where it was changed by hand since the last round, otherwise None.
    preparing: whether the CT is looked at in the background.
    warnings: what to know about the CT whatever the round.
    can_refine, can_guess, can_cancel, can_undo, can_start_over: what a click would be good for.
    """

    state: State
    message: str = ""
    error: Exception | None = None
    fraction: float = 0.0
    stage: str = ""
    slice_index: int | None = None
    slice_count: int = 0
    queued: bool = False
    rounds: int = 0
    new_strokes: bool = False
    edited_ml: float | None = None
    preparing: bool = False
    warnings: tuple[str, ...] = ()
    can_refine: bool = False
    can_guess: bool = False
    can_cancel: bool = False
    can_undo: bool = False
    can_start_over: bool = False

    @property
    def needs_polls(self) -> bool:
        """Whether the computing thread is at work: an application's event loop must let it have its turn."""
        return self.state.is_busy or self.preparing
