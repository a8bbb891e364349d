"""What the rounds on one CT share: its session, and which strokes came with which round."""

from __future__ import annotations

import copy
from collections.abc import Hashable
from typing import Any

import numpy as np

from ..errors import ICHHPINetError
from .round_job import RoundJob, SavedRounds, Settings, WarmUp
from .scene_port import ScenePort
from .scribbles import Scribbles
from .stroke_history import StrokeHistory


class Workbench:
    """Made anew for each CT, and where its result was thrown away.

    Attributes
    ----------
    session: of the rounds so far, None before the first.
    key: what the session was opened for: the CT and the settings.
    volume, spacing: of the CT, HU (Z, Y, X) and mm (z, y, x).
    history: strokes of the rounds that can be taken back.
    strokes_at_start: strokes of rounds that were there before, in a loaded scene.
    warm_up: the session that is opened before the first round, if one is.
    before: the mask that the running round began with, None where there was none.

    A round that starts from a mask of the user gets a session of its own, and session and history of
    the rounds so far stay until it is done: one that is cancelled takes none of them along.
    """

    def __init__(self) -> None:
        self.session: Any = None
        self.key: tuple[Hashable, Settings] | None = None
        self.volume: np.ndarray | None = None
        self.spacing: tuple[float, float, float] | None = None
        self.history: StrokeHistory | None = None
        self.strokes_at_start: Scribbles | None = None
        self.before: np.ndarray | None = None
        self.warm_up: WarmUp | None = None
        self._next_history: StrokeHistory | None = None

    @property
    def can_undo(self) -> bool:
        """Whether there is a round to take back."""
        return bool(self.history) and self.session is not None

    def take_back(self, painted: Scribbles) -> Scribbles:
        """Undo the last round; what stays of the painted strokes."""
        self.session.undo()
        return self.history.take_back(painted)

    def has_unseen_strokes(self, port: ScenePort) -> bool:
        """Whether there are strokes that the last round has not seen."""
        try:
            return self.history.differs(port.read_scribbles())
        except ICHHPINetError:
            # The next round will say what is wrong with them.
            return True

    def resume(self, finished: Scribbles, painted: Scribbles) -> bool:
        """Go on from the rounds of a loaded scene; whether there are strokes that they have not seen."""
        self.strokes_at_start = finished
        return StrokeHistory(finished).differs(painted)

    def begin_warm_up(self, port: ScenePort, settings: Settings) -> WarmUp | None:
        """The work to be done before the first round; None where there is a session or it is done already."""
        self._open(port, settings)
        if self.session is not None or self.warm_up is not None:
            return None
        self.warm_up = WarmUp(self.volume, self.spacing, settings)
        return self.warm_up

    @property
    def is_warming_up(self) -> bool:
        """Whether it still runs."""
        return self.warm_up is not None and not self.warm_up.ended.is_set()

    def end_warm_up(self) -> None:
        """Stop it, if it runs."""
        if self.warm_up is not None:
            self.warm_up.cancelled.set()
            self.warm_up = None

    def _open(self, port: ScenePort, settings: Settings) -> None:
        if (key := (port.ct_key(), settings)) != self.key:
            self.end_warm_up()
            self.volume, self.spacing = port.read_ct()
            self.session, self.key = None, key

    def new_job(
        self, port: ScenePort, before: np.ndarray | None, settings: Settings, guess: bool = False
    ) -> RoundJob:
        """Everything a round needs, read from the scene now; ``before`` is the mask in it."""
        self._open(port, settings)
        strokes, rounds, self.before = port.read_scribbles(), port.rounds(), before
        job = RoundJob(self.volume, self.spacing, strokes, settings, self.session, self.warm_up, guess=guess)
        mask = np.zeros(self.volume.shape, np.uint8) if before is None else before
        if self.session is not None and np.array_equal(self.session.mask, mask):
            self._next_history = self.history
            return job
        # A reloaded scene, a new session, or a mask that the user drew or corrected by hand.
        at_start = self.strokes_at_start or Scribbles.empty(mask.shape)
        at_start = at_start if self.history is None else self.history.last
        self._next_history = StrokeHistory(at_start)
        if rounds or mask.any():
            job.restore = SavedRounds(mask, at_start, rounds)
            # With the image's features, which do not depend on the rounds.
            job.session = copy.copy(self.session)
        elif self.session is not None:
            self.session.reset()
        return job

    def keep(self, job: RoundJob, accepted: bool) -> None:
        """Take over the session of a job that has ended, and with it what its rounds can be taken back to."""
        if accepted or self.session is None or job.session is self.session:
            self.session, self.volume, self.history = job.session, job.volume, self._next_history
