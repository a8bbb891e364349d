"""One round as the computing thread sees it: arrays in, messages out, nothing of a scene."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import RoundCancelled
from ..imaging.ct import CT
from ..words import tr as _
from .result import Progress, RoundResult
from .round_log import RoundLog
from .scribbles import Scribbles

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RoundSettings:
    """What a session is opened with: network name or path, and device ("auto", "cpu", "cuda", "mps")."""

    weights: str = "default"
    device: str = "auto"


@dataclass(frozen=True)
class Outcome:
    """A finished round, the numbers of its mask, all rounds with it, and what the user should read."""

    result: RoundResult
    measurement: Any
    log: RoundLog
    notes: tuple[str, ...] = ()


OpenSession = Callable[[CT, RoundSettings], Any]


class LazySession:
    """The session on a CT, opened in the computing thread by the first job that needs it.

    ``volume`` is (Z, Y, X) in canonical order, ``spacing`` mm (z, y, x).
    """

    def __init__(
        self,
        volume: np.ndarray,
        spacing: tuple[float, float, float],
        settings: RoundSettings,
        open_session: OpenSession,
    ) -> None:
        # The array makes place for the CT that comes of it: both at once are much memory.
        self._source: CT | tuple[np.ndarray, tuple[float, float, float]] = volume, spacing
        self._settings, self._open_session = settings, open_session
        self._session: Any = None

    @property
    def is_open(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self._session is not None

    def get(self, cancelled: threading.Event) -> tuple[Any, CT]:
        """The session and its CT; raises RoundCancelled, and what stands in the way of a session."""
        _check(cancelled)
        if not isinstance(self._source, CT):
            self._source = CT.of_array(*self._source)
        if self._session is None:
            self._session = self._open_session(self._source, self._settings)
            _check(cancelled)
        return self._session, self._source


@dataclass
class WarmUp:
    """Work in the background before the first round, which then need not look at the CT.

    Where it fails, the round tries again and says why.
    """

    session: LazySession
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """In the thread that computes the rounds, before them; never raises."""
        try:
            session, _ct = self.session.get(self.cancelled)
            session.prepare(self.cancelled.is_set)
        except RoundCancelled:
            pass
        except Exception:
            _log.debug("The CT could not be looked at in the background", exc_info=True)
        finally:
            self.ended.set()


@dataclass
class RoundJob:
    """A request and all that it needs, copied out of the scene before the computing starts.

    ``log`` are the rounds before it, ``scribbles`` all that are painted.
    ``guess`` asks for the first guess, which needs no scribbles.
    """

    session: LazySession
    log: RoundLog
    scribbles: Scribbles
    guess: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Message:
    """What the computing thread reports; ``job`` tells late reports from current ones.

    ``content`` is progress, or how the round ended; RoundCancelled where it was cancelled.
    """

    job: RoundJob
    content: Progress | Outcome | Exception


def compute(job: RoundJob, report: Callable[[Message], None]) -> None:
    """Run ``job`` and report its progress and its end; never raises."""
    try:
        report(Message(job, _outcome(job, report)))
    except RoundCancelled as stopped:
        report(Message(job, stopped))
    except Exception as error:
        # The front end decides how to show it; a thread that dies silently would look like a hang.
        _log.exception("The round failed")
        report(Message(job, error))


def _outcome(job: RoundJob, report: Callable[[Message], None]) -> Outcome:
    # Imported where it is first needed: it takes scipy along.
    from ..measurement import measure

    def on_progress(progress: Progress) -> None:
        report(Message(job, progress))

    session, ct = job.session.get(job.cancelled)
    session.log = job.log
    if job.guess:
        result = session.guess(on_progress, job.cancelled.is_set)
    else:
        result = session.refine(job.scribbles, on_progress, job.cancelled.is_set, accumulate=False)
    measurement = measure(result.mask, ct.spacing, ct.hu)
    log = session.log.measured(measurement.volume_ml, measurement.abc2_ml)
    notes = tuple(dict.fromkeys((*session.warnings, *result.notes)))
    return Outcome(result, measurement, log, notes)


def _check(cancelled: threading.Event) -> None:
    if cancelled.is_set():
        raise RoundCancelled(_("The round was cancelled before it started; everything is as it was."))
