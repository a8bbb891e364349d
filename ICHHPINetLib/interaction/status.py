"""Where the interactive work stands: a phase, how the last round ended, and what follows from both.

Nothing here computes, draws or knows a scene; ``controller.py`` moves from phase to phase.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..errors import ICHHPINetError, InvalidScribblesError, InvalidVolumeError, TorchMissingError
from ..words import tr as _


class Phase(Enum):
    """What goes on: nothing, a round, or the end of a round that was cancelled."""

    REST = "rest"
    REFINING = "refining"
    CANCELLING = "cancelling"


class State(Enum):
    """What a front end shows of it, see :attr:`Status.state`."""

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


@dataclass(frozen=True)
class Status:
    """What a front end shows; a new one after every change.

    Attributes
    ----------
    phase: what goes on.
    outcome: CANCELLED or FAILED where the last round ended so and nothing has happened since.
    has_torch, has_ct, has_scribbles: what is there to work with.
    rounds: number of finished rounds.
    has_history: whether a round can be taken back.
    message: what went wrong and what to do, empty when nothing did.
    error: the exception behind the message, if there is one.
    fraction: of the running round, 0 to 1.
    stage: of the running round, as :class:`Progress` names it.
    slice_index: axial slice segmented last in the running round.
    slice_count: axial slices of the CT.
    queued: whether another round follows the running one.
    new_scribbles: whether scribbles are there that no round has seen, as far as one was told.
    edited_ml: volume of the result where it was changed by hand since the last round, otherwise None.
    preparing: whether the CT is looked at in the background.
    warnings: what to know about the CT whatever the round.
    """

    phase: Phase = Phase.REST
    outcome: State | None = None
    has_torch: bool = False
    has_ct: bool = False
    has_scribbles: bool = False
    rounds: int = 0
    has_history: bool = False
    message: str = ""
    error: Exception | None = None
    fraction: float = 0.0
    stage: str = ""
    slice_index: int | None = None
    slice_count: int = 0
    queued: bool = False
    new_scribbles: bool = False
    edited_ml: float | None = None
    preparing: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def is_busy(self) -> bool:
        """Whether a round runs."""
        return self.phase is not Phase.REST

    @property
    def state(self) -> State:
        """What goes on, how the last round ended, or what is there to work with."""
        if self.is_busy:
            return State.REFINING if self.phase is Phase.REFINING else State.CANCELLING
        if self.outcome is not None:
            return self.outcome
        if not self.has_torch:
            return State.NO_TORCH
        if not self.has_ct:
            return State.NO_CT
        return State.READY if self.has_scribbles else State.IDLE

    @property
    def needs_polls(self) -> bool:
        """Whether the computing thread is at work: an application's event loop must let it have its turn."""
        return self.is_busy or self.preparing

    @property
    def can_refine(self) -> bool:
        """Whether a round can start, now or after the running one."""
        return self.has_torch and self.has_ct and self.has_scribbles

    @property
    def can_guess(self) -> bool:
        """Whether a first guess can start: it comes before all scribbles and rounds."""
        ready = self.has_torch and self.has_ct and not self.is_busy
        return ready and not self.has_scribbles and not self.rounds

    @property
    def can_cancel(self) -> bool:
        return self.phase is Phase.REFINING

    @property
    def can_undo(self) -> bool:
        return self.has_history and not self.is_busy

    @property
    def can_start_over(self) -> bool:
        return self.has_ct and (self.has_scribbles or self.rounds > 0)

    def why_not_refine(self) -> ICHHPINetError:
        """What to tell a user who asks for a round where there can be none."""
        if not self.has_torch:
            return TorchMissingError(_("PyTorch is not installed. Install it, then refine again."))
        if not self.has_ct:
            return InvalidVolumeError(_("No CT is chosen. Choose a head CT first."))
        return InvalidScribblesError(_("Nothing is painted yet. Paint a scribble on the bleeding first."))

    def why_not_guess(self) -> ICHHPINetError:
        """What to tell a user who asks for a first guess where there can be none."""
        if self.has_torch and self.has_ct:
            return InvalidScribblesError(
                _("A first guess comes before all scribbles and rounds. Paint and refine, or start over.")
            )
        return self.why_not_refine()
