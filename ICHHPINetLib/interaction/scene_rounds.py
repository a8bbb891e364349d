"""The rounds on the CT at work and the scene that shows them: both change together."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress

import numpy as np

from ..errors import ICHHPINetError, InvalidScribblesError, RoundCancelled
from ..words import tr as _
from .doubt import Doubt
from .round_job import Outcome
from .round_log import RoundLog
from .scene_port import ScenePort
from .status import State


class SceneRounds:
    """Whatever the scene refuses is raised, and then the rounds are those of before.

    Attributes
    ----------
    log: the finished rounds.
    last: the one of them whose result is in the scene, None after a reload or an undo.
    has_new_scribbles: whether scribbles are there that no round has seen, as far as one was told.
    edited_ml: volume of the result where it was changed by hand since the last round, otherwise None.
    is_writing: whether what the scene tells is an echo of what is written here.
    """

    def __init__(self, port: ScenePort) -> None:
        self._port = port
        self.is_writing = False
        self.forget()

    def forget(self) -> None:
        """Nothing is known of any round; the scene stays as it is."""
        self.log = RoundLog.empty((0, 0, 0), (1, 1, 1))
        self.last: Outcome | None = None
        self.has_new_scribbles = False
        self.edited_ml: float | None = None
        self._key: Hashable | None = None
        self._before: np.ndarray | None = None
        self._is_shown = False

    def load(self) -> None:
        """Go on from the rounds that the scene has for its CT."""
        with self.writing():
            self.log, self._key = self._port.load_rounds(), self._port.ct_key()
            if self.log.number:
                self.has_new_scribbles = self.log.differs(self._port.read_scribbles())
        self.look_for_edits()

    @property
    def doubt(self) -> Doubt | None:
        """About the last round, where its mask is as it was computed."""
        return self.log.current.doubt if self.log.current and self.edited_ml is None else None

    def look_for_edits(self) -> None:
        """The result may have been changed by hand."""
        self.edited_ml = None
        # Another segment of the node may have been painted, which is none of ours.
        with suppress(ICHHPINetError):
            mask = self._port.read_mask()
            if self.log.number and mask is not None and not np.array_equal(mask, self.log.finished_mask):
                self.edited_ml = self.log.volume_ml(mask)

    def begin(self, guess: bool) -> RoundLog:
        """The rounds that the next one follows, with the mask as it is in the scene now."""
        self._before = self._port.read_mask()
        self._is_shown = self._before is not None
        if self._key != self._port.ct_key():
            self.load()
        if self._before is None:
            self.drop_deleted()
        elif guess and self._before.any():
            raise InvalidScribblesError(
                _("There is a hematoma already. Draw scribbles and refine it; for a first guess, erase it.")
            )
        nothing = np.zeros(self.log.shape, np.uint8)
        return self.log.with_mask(nothing if self._before is None else self._before)

    def show_preview(self, mask: np.ndarray) -> None:
        """Show what the running round has so far."""
        # A scene that refuses this refuses the result as well, and that is reported.
        with self.writing(), suppress(ICHHPINetError):
            self._port.show(mask, is_preview=True)
            self._is_shown = True

    def has_vanished(self) -> bool:
        """Whether the user has deleted the result, or its preview, since the running round began."""
        return self._is_shown and not self._port.has_result()

    def finish(self, end: Outcome | Exception) -> tuple[State | None, Exception | None]:
        """The running round came to its end: show its result, or what was there before it.

        How it ended, None for well, and what is to be told of that; never raises.
        """
        if isinstance(end, Outcome) and self.has_vanished():
            # Whoever deletes the result while the round runs does not expect it back.
            end = RoundCancelled()
        if isinstance(end, Outcome):
            try:
                self._accept(end)
                return None, None
            except Exception as failure:
                end = failure
        is_cancelled = isinstance(end, RoundCancelled)
        error = None if is_cancelled else end
        try:
            self.restore()
        except Exception as failure:
            error = error or failure
        return State.CANCELLED if is_cancelled else State.FAILED, error

    def _accept(self, outcome: Outcome) -> None:
        with self.writing():
            self._port.write_rounds(outcome.log)
        self.log, self.last, self.edited_ml = outcome.log, outcome, None

    def restore(self) -> None:
        """The running round came to nothing: show what was there before it began to show its slices."""
        self.has_new_scribbles = True
        deleted = self._port.read_mask() is None
        with self.writing():
            if self._before is None:
                self._port.write_rounds(self.log.emptied())
            elif not deleted:
                self._port.show(self._before, is_preview=False)
        if self._before is not None and deleted:
            self.drop_deleted()

    def drop_deleted(self) -> None:
        """A result that was thrown away must not come back as the memory of the next round."""
        if self.log.number:
            self.log, self.last, self.edited_ml = self.log.emptied(), None, None
            with self.writing():
                self._port.write_rounds(self.log)

    def undo(self) -> None:
        """Take back the last round with its scribbles; later ones stay."""
        with self.writing():
            scribbles = self.log.rounds[-1].change.revert(self._port.read_scribbles())
            log = self.log.without_last()
            self._port.write_scribbles(scribbles)
            self._port.write_rounds(log)
        self.log, self.last, self.has_new_scribbles = log, None, log.differs(scribbles)
        # The round before may have been edited when the one that is gone began.
        self.look_for_edits()

    def clear(self) -> None:
        """Remove result, rounds and scribbles from the scene."""
        with self.writing():
            nothing = self._port.load_rounds().emptied()
            self._port.write_rounds(nothing)
            if self._port.has_scribbles():
                self._port.write_scribbles(nothing.scribbles)

    def has_unseen_scribbles(self) -> bool:
        """Whether there are scribbles that the last round has not seen."""
        try:
            with self.writing():
                return self.log.differs(self._port.read_scribbles())
        except ICHHPINetError:
            # The next round will say what is wrong with them.
            return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What the scene tells while it lasts is no news."""
        self.is_writing = True
        try:
            yield
        finally:
            self.is_writing = False
