"""Runs interactive work: takes what the user and the scene do, starts rounds, hands results back.

The module and the Segment Editor effect drive it, each with its :class:`ScenePort`, from the thread that owns
the scene. Rounds are computed by an executor; :meth:`Controller.poll` fetches what it reported.

>>> controller = Controller(port, SessionFactory(), ThreadExecutor(), on_change=show)
>>> controller.ct_chosen()
>>> controller.refine()  # returns at once
>>> controller.poll(0.02)  # from a timer, while status.needs_polls
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ..errors import ICHHPINetError, RoundCancelled
from ..words import tr as _
from .doubt import Doubt
from .executor import Executor, Inbox
from .open_ct import OpenCT
from .preview import Preview
from .result import Progress
from .round_job import OpenSession, Outcome, RoundJob, RoundSettings, compute
from .scene_port import ScenePort
from .scene_rounds import SceneRounds
from .session_factory import torch_is_installed
from .status import Phase, State, Status
from .status_board import StatusBoard


class Controller:
    """One CT at a time: its rounds, and which phase the work is in.

    Parameters
    ----------
    port: the scene.
    open_session: makes a session from a CT and settings; called in the executor.
    executor: where rounds are computed.
    on_change: called with the new :class:`Status` after everything that changed it.
    has_torch: whether rounds can be computed at all.

    Attributes
    ----------
    settings: network and device of the next session; a change takes effect with the next round.
    auto_refine: start a round after every scribble.
    """

    def __init__(
        self,
        port: ScenePort,
        open_session: OpenSession,
        executor: Executor,
        on_change: Callable[[Status], None] = lambda status: None,
        has_torch: Callable[[], bool] = torch_is_installed,
    ) -> None:
        self.settings = RoundSettings()
        self.auto_refine = False
        self._port = port
        self._executor = executor
        self._inbox = Inbox()
        self._rounds, self._ct = SceneRounds(port), OpenCT(port, open_session)
        self._board = StatusBoard(port, self._rounds, self._ct, has_torch, on_change)
        self._job: RoundJob | None = None
        self._forget()
        self._board.rest()

    @property
    def status(self) -> Status:
        return self._board.status

    @property
    def last(self) -> Outcome | None:
        """The round whose result is in the scene, None after a reload or an undo."""
        return self._rounds.last

    @property
    def doubt(self) -> Doubt | None:
        """About the result in the scene; None after a reload, an edit by hand, and while a round runs."""
        return None if self.status.is_busy else self._rounds.doubt

    # What the user does

    def refine(self) -> bool:
        """Start a round, or let one follow the running round; False where nothing can be refined."""
        now = self._board.now()
        if now.is_busy:
            self._board.show(queued=now.can_refine)
            return now.can_refine
        return self._start(None if now.can_refine else now.why_not_refine())

    def guess(self) -> bool:
        """Start a first round without scribbles; False where there is a result, a scribble or a round."""
        if self.status.is_busy:
            return False
        now = self._board.now()
        return self._start(None if now.can_guess else now.why_not_guess(), guess=True)

    def prepare(self) -> None:
        """Look at the CT in the background, so that the first round need not wait for it.

        Does nothing where it cannot be done now: the round does it then, and says what is wrong.
        """
        now = self._board.now()
        if now.is_busy or not (now.has_torch and now.has_ct):
            return
        with suppress(ICHHPINetError):
            if (warm_up := self._ct.begin_warm_up(self.settings)) is not None:
                self._executor.submit(warm_up.run)
                self._board.show(preparing=True)

    def cancel(self) -> None:
        """Stop the running round; the previous result and every scribble stay."""
        if self._job is not None:
            self._job.cancelled.set()
            self._follow_up = False
            self._board.update(phase=Phase.CANCELLING, queued=False)

    def undo(self) -> bool:
        """Take back the last round with its scribbles; a running round is cancelled instead."""
        if self.status.is_busy:
            self.cancel()
            return False
        done = self.status.can_undo
        try:
            if done:
                self._rounds.undo()
            self._board.rest(message="" if done else _("There is no round to take back."))
        except Exception as error:
            self._board.rest(error=error)
            return False
        return done

    def start_over(self) -> None:
        """Remove result, rounds and scribbles of this CT."""
        self.leave_ct()
        try:
            if self._port.ct_key() is not None:
                self._rounds.clear()
            self._board.rest()
        except ICHHPINetError as error:
            self._board.rest(error=error)

    # What happens around it

    def torch_installed(self) -> None:
        """PyTorch may have become available."""
        self._board.noticed()

    def leave_ct(self) -> None:
        """Call while the port still shows the CT that is about to be exchanged: ends its round."""
        if self._job is not None:
            self._job.cancelled.set()
            # A CT that cannot be read any more has nothing to be restored on.
            with suppress(ICHHPINetError):
                if self._port.ct_key() == self._ct.key:
                    self._rounds.restore()
        self._forget()

    def ct_chosen(self) -> None:
        """The port shows another CT, or the same one for the first time."""
        self.ct_removed()
        if self._port.ct_key() is None:
            return
        try:
            # Now, not after the user has drawn on a CT that cannot be used; first, before work is mended.
            self._board.warnings = tuple(self._port.check_ct())
            self._rounds.load()
            self._board.rest()
        except ICHHPINetError as error:
            # It stays to be read whatever is painted; each round says it again.
            self._board.warnings = (str(error),)
            self._board.rest(error=error)

    def ct_removed(self) -> None:
        """The port shows no CT any more, or its scene is being emptied."""
        self.leave_ct()
        self._board.warnings = ()
        self._board.rest()

    def scribbles_changed(self) -> None:
        """The user painted or erased."""
        if self._rounds.is_writing:
            return
        self._rounds.has_new_scribbles = True
        self._board.noticed()
        if self.auto_refine and self.status.phase is Phase.REFINING:
            self._follow_up = True
        elif self.auto_refine and self.status.state is State.READY:
            self.refine()

    def result_edited(self) -> None:
        """The user changed the hematoma by hand; the next round takes it along."""
        if not self._rounds.is_writing and not self.status.is_busy and self._rounds.log.number:
            self._rounds.look_for_edits()
            self._board.rest()

    @contextmanager
    def taking_back_scribbles(self, are_left: Callable[[], bool]) -> Iterator[None]:
        """Wrap what takes scribbles back: it starts no round, and ends one that may have seen them.

        ``are_left`` tells afterwards whether there are others that no round has seen.
        """
        self.cancel()
        with self._rounds.writing():
            yield
        self._rounds.has_new_scribbles = are_left()
        self._board.noticed()

    def node_deleted(self) -> None:
        """The result, the scribbles or the table was deleted by the user."""
        if self._rounds.is_writing:
            return
        if self.status.is_busy:
            if self._rounds.has_vanished():
                self.cancel()
        elif self._port.ct_key() is not None and self._port.read_mask() is None:
            self._rounds.drop_deleted()
        self._board.noticed()

    def close(self, timeout: float = 5.0) -> bool:
        """Stop everything for good; False where the computing did not end within ``timeout`` seconds."""
        self.leave_ct()
        self._board.is_closed = True
        self._board.rest()
        return self._executor.shutdown(timeout)

    # Reports of the computing thread

    def poll(self, wait: float = 0.0) -> bool:
        """Handle what was reported, waiting up to ``wait`` seconds for the first report.

        The wait gives the computing thread its turn where an application's event loop
        holds the interpreter lock. Returns whether there is more to wait for: a round,
        or what ``prepare`` began.
        """
        for message in self._inbox.fetch(wait):
            if message.job is not self._job:
                continue
            if isinstance(content := message.content, Progress):
                self._preview.add(content)
                shown = {"fraction": content.fraction, "stage": content.stage}
                self._board.show(**shown, slice_index=self._preview.slice_index)
            else:
                self._finish(content)
        self._draw_preview()
        if self.status.preparing and not self._ct.is_warming_up:
            # The result of that is nothing to show; the panel need not ask any more.
            self._board.show(preparing=False)
        return self.status.needs_polls

    def wait(self, timeout: float | None = None) -> bool:
        """Block until no round runs any more; False on timeout. For scripts."""
        start = time.monotonic()
        while self.poll(0.05) and self.status.is_busy:
            if timeout is not None and time.monotonic() > start + timeout:
                return False
        return True

    # A round, from its start to its end

    def _start(self, obstacle: Exception | None, guess: bool = False) -> bool:
        if obstacle is not None:
            self._board.rest(error=obstacle)
            return False
        self._board.status = Status(Phase.REFINING)
        self._board.update()
        try:
            job = self._ct.new_job(self.settings, self._rounds.begin(guess), guess)
        except Exception as error:
            self._board.rest(State.FAILED, error)
            return False
        self._job, self._preview, self._rounds.has_new_scribbles = job, Preview(job.log.mask), False
        self._board.show(slice_count=job.log.shape[0])
        self._executor.submit(lambda: compute(job, self._inbox.put))
        return True

    def _draw_preview(self) -> None:
        if self.status.phase is Phase.REFINING and self._preview.take_due():
            if self._rounds.has_vanished():
                self.cancel()
            else:
                self._rounds.show_preview(self._preview.mask)

    def _finish(self, end: Outcome | Exception) -> None:
        """The round came to its end: by itself, by a cancel or by a failure."""
        self._job = None
        refine_again, follow_up, self._follow_up = self.status.queued, self._follow_up, False
        if isinstance(end, Outcome) and not self.status.can_cancel:
            # It ended before it noticed the cancel.
            end = RoundCancelled()
        # Whatever the scene refuses, this round has ended: a phase that waits for it would wait for good.
        outcome, error = self._rounds.finish(end)
        self._board.rest(outcome, error)
        if outcome is None and follow_up:
            refine_again = refine_again or self._rounds.has_unseen_scribbles()
        if refine_again and error is None:
            self.refine()

    def _forget(self) -> None:
        self._job = None
        self._follow_up = False
        self._ct.forget()
        self._rounds.forget()
        self._preview = Preview(self._rounds.log.mask)
