"""Puts together what a front end shows, and tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import ICHHPINetError
from .open_ct import OpenCT
from .scene_port import ScenePort
from .scene_rounds import SceneRounds
from .status import State, Status


class StatusBoard:
    """The status of the work, made of what is in the scene and of what is remembered.

    Attributes
    ----------
    status: as it was shown last.
    warnings: what to know about the CT whatever the round.
    is_closed: whether nothing is there to work with any more.
    """

    def __init__(
        self,
        port: ScenePort,
        rounds: SceneRounds,
        ct: OpenCT,
        has_torch: Callable[[], bool],
        on_change: Callable[[Status], None],
    ) -> None:
        self.status = Status()
        self.warnings: tuple[str, ...] = ()
        self.is_closed = False
        self._port, self._rounds, self._ct = port, rounds, ct
        self._has_torch, self._on_change = has_torch, on_change

    def now(self) -> Status:
        """The status with what is there to work with at this moment, without showing it."""
        has_ct = not self.is_closed and self._port.ct_key() is not None
        has_scribbles, log = has_ct and self._port.has_scribbles(), self._rounds.log
        return replace(
            self.status,
            has_torch=self._has_torch(),
            has_ct=has_ct,
            has_scribbles=has_scribbles,
            rounds=log.number,
            has_history=bool(log.rounds),
            new_scribbles=has_scribbles and (self._rounds.has_new_scribbles or not log.number),
            edited_ml=self._rounds.edited_ml,
            preparing=self._ct.is_warming_up,
            warnings=self.warnings,
        )

    def rest(self, outcome: State | None = None, error: Exception | None = None, message: str = "") -> None:
        """No round runs; whatever was said before is settled."""
        if error is not None:
            kind = "" if isinstance(error, ICHHPINetError) else f"{type(error).__name__}: "
            message = f"{kind}{error}"
        self.status = Status(outcome=outcome, error=error, message=message)
        self.update()

    def noticed(self) -> None:
        """Something happened that a running round goes on in spite of."""
        if self.status.is_busy:
            self.update()
        else:
            self.rest()

    def update(self, **changes: Any) -> None:
        """Show what is there by now, and ``changes``."""
        self.status = self.now()
        self.show(**changes)

    def show(self, **changes: Any) -> None:
        """Show ``changes`` alone."""
        self.status = replace(self.status, **changes)
        if not self.is_closed:
            self._on_change(self.status)
