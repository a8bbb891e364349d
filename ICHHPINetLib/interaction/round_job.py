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
from .result import Progress, RoundResult
from .round_log import RoundLog
from .scribbles import Scribbles

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
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


# CT, spacing mm (z, y, x), settings -> session
OpenSession = Callable[[CT, tuple, Settings], Any]


@dataclass
class WarmUp:
    """A session opened in the background before the first round, which then need not look at the CT.

    ``session`` is None until that is done, and where it failed: the round tries again and says why.
    """

    volume: np.ndarray
    spacing: tuple[float, float, float]
    settings: Settings
    session: Any = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self, open_session: OpenSession) -> None:
        """In the thread that computes the rounds, before them; never raises."""
        try:
            _check(self.cancelled)
            session, hu = _opened(self.volume, self.spacing, self.settings, open_session, self.cancelled)
            session.prepare(self.cancelled.is_set)
        except RoundCancelled:
            return
        except Exception:
            _log.debug("The CT could not be looked at in the background", exc_info=True)
            return
        finally:
            self.ended.set()
        self.session, self.volume = session, hu


@dataclass
class RoundJob:
    """A request and all that it needs, copied out of the scene before the computing starts.

    ``log`` are the rounds before it, ``scribbles`` all that are painted.
    ``session`` is opened first where there is none yet, nor in ``warm_up``, and left here for the next round.
    ``guess`` asks for the first guess, which needs no scribbles.
    """

    volume: np.ndarray
    spacing: tuple[float, float, float]
    settings: Settings
    log: RoundLog
    scribbles: Scribbles
    session: Any = None
    warm_up: WarmUp | None = None
    guess: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Message:
    """What the computing thread reports; ``job`` tells late reports from current ones.

    ``content`` is progress, or how the round ended; RoundCancelled where it was cancelled.
    """

    job: RoundJob
    content: Progress | Outcome | Exception


def compute(job: RoundJob, open_session: OpenSession, report: Callable[[Message], None]) -> None:
    """Run ``job`` and report its progress and its end; never raises."""
    try:
        report(Message(job, _outcome(job, open_session, report)))
    except RoundCancelled as stopped:
        report(Message(job, stopped))
    except Exception as error:
        # The front end decides how to show it; a thread that dies silently would look like a hang.
        _log.exception("The round failed")
        report(Message(job, error))


def _outcome(job: RoundJob, open_session: OpenSession, report: Callable[[Message], None]) -> Outcome:
    # Imported where it is first needed: it takes scipy along.
    from ..measurement import measure

    _check(job.cancelled)
    if job.session is None and job.warm_up is not None:
        job.session, job.volume = job.warm_up.session, job.warm_up.volume
    if job.session is None:
        opened = _opened(job.volume, job.spacing, job.settings, open_session, job.cancelled)
        job.session, job.volume = opened

    def on_progress(progress: Progress) -> None:
        report(Message(job, progress))

    job.session.log = job.log
    if job.guess:
        result = job.session.guess(on_progress, job.cancelled.is_set)
    else:
        result = job.session.refine(job.scribbles, on_progress, job.cancelled.is_set, accumulate=False)
    measurement = measure(result.mask, job.spacing, job.volume)
    log = job.session.log.measured(measurement.volume_ml, measurement.abc2_ml)
    notes = tuple(dict.fromkeys((*job.session.warnings, *result.notes)))
    return Outcome(result, measurement, log, notes)


def _opened(volume, spacing, settings, open_session, cancelled) -> tuple[Any, np.ndarray]:
    """A new session, and its CT in HU, in which densities are measured."""
    ct = CT.of_array(volume, spacing)
    session = open_session(ct, ct.spacing, settings)
    _check(cancelled)
    return session, ct.hu


def _check(cancelled: threading.Event) -> None:
    if cancelled.is_set():
        raise RoundCancelled("The round was cancelled before it started; everything is as it was.")
