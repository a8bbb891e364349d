"""The CT at work, and the session that is opened on it once."""

from __future__ import annotations

from collections.abc import Hashable

from .round_job import LazySession, OpenSession, RoundJob, RoundSettings, WarmUp
from .round_log import RoundLog
from .scene_port import ScenePort


class OpenCT:
    """Read once, and again where its voxels or the settings have changed.

    Attributes
    ----------
    key: of the CT as it was read last, None before.
    """

    def __init__(self, port: ScenePort, open_session: OpenSession) -> None:
        self._port, self._open_session = port, open_session
        self._warm_up: WarmUp | None = None
        self.forget()

    def forget(self) -> None:
        """No CT is at work any more."""
        self._end_warm_up()
        self.key: Hashable | None = None
        self._settings: RoundSettings | None = None
        self._session: LazySession | None = None

    @property
    def is_warming_up(self) -> bool:
        """Whether the CT is looked at in the background."""
        return self._warm_up is not None and not self._warm_up.ended.is_set()

    def begin_warm_up(self, settings: RoundSettings) -> WarmUp | None:
        """The work to be done before the first round; None where it is done already, or under way."""
        session = self._read(settings)
        if session.is_open or self._warm_up is not None:
            return None
        self._warm_up = WarmUp(session)
        return self._warm_up

    def new_job(self, settings: RoundSettings, log: RoundLog, guess: bool) -> RoundJob:
        """Everything that a round after those of ``log`` needs, read from the scene now."""
        return RoundJob(self._read(settings), log, self._port.read_scribbles(), guess)

    def _read(self, settings: RoundSettings) -> LazySession:
        key = self._port.ct_key()
        if self._session is None or (key, settings) != (self.key, self._settings):
            self._end_warm_up()
            volume, spacing = self._port.read_ct()
            self._session = LazySession(volume, spacing, settings, self._open_session)
            self.key, self._settings = key, settings
        return self._session

    def _end_warm_up(self) -> None:
        if self._warm_up is not None:
            self._warm_up.cancelled.set()
            self._warm_up = None
