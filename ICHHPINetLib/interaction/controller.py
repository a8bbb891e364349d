"""Runs interactive work: takes what the user and the scene do, starts rounds, hands results back.

The module and the Segment Editor effect both drive this class, each with its :class:`ScenePort`.
All methods are called from the thread that owns the scene. Rounds are computed by an executor;
:meth:`Controller.poll` fetches what it reported.

>>> controller = Controller(port, SessionFactory(), ThreadExecutor(), on_change=show)
>>> controller.ct_chosen()
>>> controller.strokes_changed()
>>> controller.refine()  # returns at once
>>> controller.poll(0.02)  # from a timer, while status.state.is_busy
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ICHHPINetError, InvalidScribblesError
from .controller_state import Event, Facts, State, Status, next_state, offers
from .executor import Executor, Inbox
from .preview import Preview
from .result import Progress
from .round_job import Message, OpenSession, Outcome, RoundJob, Settings, compute, measure_mask
from .scene_port import ScenePort
from .session_factory import torch_is_installed
from .workbench import Workbench


class Controller:
    """State machine of ``controller_state`` bound to a scene, a session and an executor.

    Parameters
    ----------
    port: the scene.
    open_session: makes a session from a volume; called in the executor.
    executor: where rounds are computed.
    on_change: called with the new :class:`Status` after everything that changed it.
    has_torch, clock, measure: replaceable for tests.

    Attributes
    ----------
    settings: network and device of the next session; a change takes effect with the next round.
    auto_refine: start a round after every stroke.
    status: see :class:`Status`.
    last: the round whose result is in the scene, None after a reload or an undo.
    """

    def __init__(
        self,
        port: ScenePort,
        open_session: OpenSession,
        executor: Executor,
        on_change: Callable[[Status], None] = lambda status: None,
        *,
        has_torch: Callable[[], bool] = torch_is_installed,
        clock: Callable[[], float] = time.monotonic,
        measure: Callable[..., Any] = measure_mask,
    ) -> None:
        self.settings = Settings()
        self.auto_refine = False
        self.status = Status(State.NO_CT)
        self.last: Outcome | None = None
        self._port = port
        self._open_session = open_session
        self._executor = executor
        self._on_change = on_change
        self._has_torch = has_torch
        self._clock = clock
        self._measure = measure
        self._inbox = Inbox()
        self._writing = False
        self._closed = False
        self._warnings: tuple[str, ...] = ()
        self._work = Workbench()
        self._forget()
        self._move(Event.CT_REMOVED)

    # What the user does

    def refine(self) -> bool:
        """Start a round, or let one follow the running round; False where nothing can be refined."""
        facts = self._facts()
        ready = facts.resting_state is State.READY
        if self.status.state.is_busy:
            self._show(queued=ready)
            return ready
        return self._start(Event.REFINE, None if ready else facts.why_not_ready())

    def guess(self) -> bool:
        """Start a first round without strokes; False where there is a result, a stroke or a running round."""
        if self.status.state.is_busy:
            return False
        facts = self._facts()
        return self._start(Event.GUESS, None if facts.can_guess else facts.why_no_guess())

    def prepare(self) -> None:
        """Look at the CT in the background, so that the first round need not wait for it.

        Does nothing where it cannot be done now: the round does it then, and says what is wrong.
        """
        facts = self._facts()
        if not facts.has_torch or not facts.has_ct or self.status.state.is_busy:
            return
        with suppress(ICHHPINetError):
            if (warm_up := self._work.begin_warm_up(self._port, self.settings)) is not None:
                self._executor.submit(lambda: warm_up.run(self._open_session))
                self._show(preparing=True)

    def discard_session(self) -> None:
        """What was prepared is of no use any more: sessions are opened in another way from now on."""
        self._work.end_warm_up()

    def cancel(self) -> None:
        """Stop the running round; the previous result and every stroke stay."""
        self._request_cancel(Event.CANCEL)

    def undo(self) -> bool:
        """Take back the last round with its strokes; a running round is cancelled instead."""
        if self.status.state.is_busy:
            self._request_cancel(Event.UNDO)
            return False
        if not self._work.can_undo:
            self._move(Event.UNDO, message="There is no round to take back.")
            return False
        try:
            with self._silently():
                strokes = self._work.take_back(self._port.read_scribbles())
                self.last = None
                self._new_strokes = self._work.history.differs(strokes)
                self._port.write_scribbles(strokes)
                self._port.remove_last_round(self._work.session.mask)
        except Exception as error:
            # What the scene shows by then is where the next round starts from.
            self._move(Event.UNDO, error=error)
            return False
        # The round before may have been edited when this one began.
        with suppress(ICHHPINetError):
            self._edited_ml = self._port.edited_ml()
        self._move(Event.UNDO)
        return True

    def start_over(self) -> None:
        """Remove result, rounds and strokes of this CT."""
        self._abandon()
        self._forget()
        try:
            if self._port.ct_key() is not None:
                with self._silently():
                    self._port.clear_rounds()
                    self._port.clear_strokes()
        except ICHHPINetError as error:
            self._move(Event.START_OVER, error=error)
        else:
            self._move(Event.START_OVER)

    # What happens around it

    def torch_installed(self) -> None:
        """PyTorch may have become available."""
        self._move(Event.TORCH_INSTALLED)

    def leave_ct(self) -> None:
        """Call while the port still shows the CT that is about to be exchanged: ends its round."""
        self._abandon()
        self._forget()

    def ct_chosen(self) -> None:
        """The port shows another CT, or the same one for the first time."""
        self._switch(Event.CT_CHOSEN)
        if self._port.ct_key() is None:
            return
        try:
            # Now, not after the user has drawn on a CT that cannot be used; first, before work is mended.
            self._warnings = tuple(self._port.check_ct())
            with self._silently():
                self._port.drop_preview()
                if self._port.rounds():
                    finished = self._port.finished_scribbles()
                    self._new_strokes = self._work.resume(finished, self._port.read_scribbles())
                    self._edited_ml = self._port.edited_ml()
        except ICHHPINetError as error:
            # It stays to be read whatever is painted; each round says it again.
            self._warnings = (str(error),)
            self._move(Event.CT_CHOSEN, error=error)
        else:
            self._move(Event.CT_CHOSEN)

    def ct_removed(self) -> None:
        """The port shows no CT any more."""
        self._switch(Event.CT_REMOVED)

    def scene_closed(self) -> None:
        """The scene is being emptied and the port shows no CT any more."""
        self._switch(Event.SCENE_CLOSED)

    def strokes_changed(self) -> None:
        """The user painted or erased."""
        if self._writing:
            return
        self._new_strokes = True
        self._move(Event.STROKES_CHANGED)
        if not self.auto_refine:
            return
        if self.status.state is State.REFINING:
            self._follow_up = True
        elif self.status.state is State.READY:
            self.refine()

    def result_edited(self) -> None:
        """The user changed the hematoma by hand; the next round takes it along."""
        if not self._writing and not self.status.state.is_busy and self._port.rounds():
            # Another segment of the node may have been painted, which is none of ours.
            with suppress(ICHHPINetError):
                self._edited_ml = self._port.edited_ml()
            self._move(Event.STROKES_CHANGED)

    def node_deleted(self) -> None:
        """The result, the strokes or the table was deleted by the user."""
        if self._writing:
            return
        if self.status.state.is_busy:
            if self._result_vanished():
                self._request_cancel(Event.CANCEL)
        elif self._port.ct_key() is not None and self._port.read_mask() is None:
            self._forget_deleted_result()
        self._move(Event.NODE_DELETED)

    def close(self, timeout: float = 5.0) -> bool:
        """Stop everything for good; False where the computing did not end within ``timeout`` seconds."""
        self._abandon()
        self._forget()
        self._closed = True
        ended = self._executor.shutdown(timeout)
        self._on_change = lambda status: None
        self._move(Event.MODULE_RELOADED)
        return ended

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
            if message.event is Event.PROGRESS:
                self._progress(message.content)
            else:
                self._finish(message)
        self._draw_preview()
        if self.status.preparing and not self._work.is_warming_up:
            # The result of that is nothing to show; the panel need not ask any more.
            self._show(preparing=False)
        return self.status.needs_polls

    def wait(self, timeout: float | None = None) -> bool:
        """Block until no round runs any more; False on timeout. For scripts and tests."""
        deadline = None if timeout is None else self._clock() + timeout
        while self.poll(0.05) and self.status.state.is_busy:
            if deadline is not None and self._clock() > deadline:
                return False
        return True

    # Inner workings

    def _start(self, event: Event, obstacle: Exception | None) -> bool:
        self._move(event, error=obstacle)
        if obstacle is not None:
            return False
        try:
            job = self._new_job(guess=event is Event.GUESS)
        except Exception as error:
            self._move(Event.ROUND_FAILED, error=error)
            return False
        self._job, self._new_strokes = job, False
        before = np.zeros(job.volume.shape, np.uint8) if self._work.before is None else self._work.before
        self._preview, self._has_result = Preview(before, self._clock), self._work.before is not None
        self._show(slice_count=len(job.volume))
        self._executor.submit(lambda: compute(job, self._open_session, self._measure, self._inbox.put))
        return True

    def _progress(self, progress: Progress) -> None:
        index = self._preview.add(progress)
        shown = self.status.slice_index if index is None else index
        self._show(fraction=progress.fraction, stage=progress.stage, slice_index=shown)

    def _draw_preview(self) -> None:
        if self.status.state is not State.REFINING or not self._preview.take_due():
            return
        if self._result_vanished():
            self._request_cancel(Event.CANCEL)
            return
        # A scene that refuses this refuses the result as well, and that is reported.
        with self._silently(), suppress(ICHHPINetError):
            self._port.show_preview(self._preview.mask)
            self._has_result = True

    def _finish(self, message: Message) -> None:
        """The round came to its end: by itself, by a cancel or by a failure."""
        job, self._job = self._job, None
        refine_again, follow_up, self._follow_up = self.status.queued, self._follow_up, False
        event, error = message.event, message.content if message.event is Event.ROUND_FAILED else None
        wanted = event is Event.DONE and self.status.state is State.REFINING
        if wanted and self._result_vanished():
            # Whoever deletes it while the round runs does not expect it back as if nothing had happened.
            wanted, event = False, Event.ROUND_CANCELLED
        # Whatever the scene refuses, this round has ended: a state that waits for it would wait for good.
        if wanted:
            try:
                self._accept(job, message.content)
            except Exception as failure:
                wanted, event, error = False, Event.ROUND_FAILED, failure
        if not wanted:
            self._new_strokes = True
            if message.event is Event.DONE:
                job.session.undo()
            self._work.keep(job, accepted=False)
            try:
                self._restore_view()
            except Exception as failure:
                error = error or failure
        self._move(event, error=error)
        if wanted and follow_up and not refine_again:
            with self._silently():
                refine_again = self._work.has_unseen_strokes(self._port)
        if refine_again and error is None:
            self.refine()

    def _accept(self, job: RoundJob, outcome: Outcome) -> None:
        with self._silently():
            self._port.write_round(outcome)
        self._work.keep(job, accepted=True)
        self._work.history.record(outcome.strokes)
        self.last, self._edited_ml = outcome, None

    def _restore_view(self) -> None:
        """Show what was there before the round began to show its slices."""
        before, deleted = self._work.before, self._port.read_mask() is None
        with self._silently():
            if before is None:
                self._port.clear_rounds()
            elif not deleted:
                self._port.restore_mask(before)
        if before is not None and deleted:
            self._forget_deleted_result()

    def _forget_deleted_result(self) -> None:
        # A result that was thrown away must not come back as the memory of the next round.
        # Without its node the scene counts no round any more; the status still does.
        if self._work.history or self._port.rounds() or self.status.rounds:
            self._forget()
            with self._silently():
                self._port.clear_rounds()

    def _new_job(self, guess: bool) -> RoundJob:
        before = self._port.read_mask()
        if before is None:
            self._forget_deleted_result()
        elif guess and before.any():
            raise InvalidScribblesError(
                "There is a hematoma already. Draw strokes and refine it; for a first guess, erase it."
            )
        with self._silently():
            return self._work.new_job(self._port, before, self.settings, guess)

    def _result_vanished(self) -> bool:
        """Whether the user has deleted the result, or its preview, since the running round began."""
        return self._has_result and not self._port.has_result()

    def _switch(self, event: Event) -> None:
        self._abandon()
        self._forget()
        self._warnings = ()
        self._move(event)

    def _abandon(self) -> None:
        if self._job is not None:
            self._job.cancelled.set()
            # A CT that cannot be read any more has nothing to be restored on.
            with suppress(ICHHPINetError):
                if self._port.ct_key() == self._work.key[0]:
                    self._restore_view()

    def _forget(self) -> None:
        self._job: RoundJob | None = None
        self._work.end_warm_up()
        self._work = Workbench()
        self._preview: Preview | None = None
        self._follow_up = self._new_strokes = self._has_result = False
        self._edited_ml: float | None = None
        self.last = None

    def _request_cancel(self, event: Event) -> None:
        if self._job is not None:
            self._job.cancelled.set()
        self._follow_up = False
        self._move(event, queued=False)

    def _facts(self) -> Facts:
        has_ct = not self._closed and self._port.ct_key() is not None
        in_scene = (self._port.has_strokes(), self._port.rounds()) if has_ct else (False, 0)
        return Facts(self._has_torch(), has_ct, *in_scene)

    def _move(self, event: Event, error: Exception | None = None, **changes: Any) -> None:
        facts = self._facts()
        state = next_state(self.status.state, event, facts)
        if not (state.is_busy and self.status.state.is_busy):
            self.status = Status(state)
        if error is not None:
            kind = "" if isinstance(error, ICHHPINetError) else f"{type(error).__name__}: "
            changes |= {"error": error, "message": f"{kind}{error}"}
        self._show(
            state=state,
            rounds=facts.rounds,
            **offers(state, facts, self._work.can_undo),
            new_strokes=facts.has_strokes and (self._new_strokes or not facts.rounds),
            preparing=self._work.is_warming_up,
            edited_ml=self._edited_ml,
            warnings=self._warnings,
            **changes,
        )

    def _show(self, **changes: Any) -> None:
        self.status = replace(self.status, **changes)
        self._on_change(self.status)

    @contextmanager
    def _silently(self) -> Iterator[None]:
        """The scene's echoes of what the controller itself writes mean nothing."""
        self._writing = True
        try:
            yield
        finally:
            self._writing = False
