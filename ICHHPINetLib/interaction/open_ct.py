"""The CT at work: its voxels, and the session that is opened on it once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from .round_job import RoundJob, Settings, WarmUp
from .round_log import RoundLog
from .scene_port import ScenePort


class OpenCT:
    """Read once, and again where its voxels or the settings have changed.

    Attributes
    ----------
    key: of the CT as it was read last, None before.
    volume, spacing: HU (Z, Y, X) and mm (z, y, x).
    """

    def __init__(self) -> None:
        self._warm_up: WarmUp | None = None
        self.forget()

    def forget(self) -> None:
        """No CT is at work any more."""
        self._end_warm_up()
        self.key: Hashable | None = None
        self.volume: np.ndarray | None = None
        self.spacing: tuple[float, float, float] | None = None
        self._settings: Settings | None = None
        self._session: Any = None

    @property
    def is_warming_up(self) -> bool:
        """Whether a session is being opened in the background."""
        return self._warm_up is not None and not self._warm_up.ended.is_set()

    def begin_warm_up(self, port: ScenePort, settings: Settings) -> WarmUp | None:
        """The work to be done before the first round; None where there is a session or it is done already."""
        self._read(port, settings)
        if self._session is not None or self._warm_up is not None:
            return None
        self._warm_up = WarmUp(self.volume, self.spacing, settings)
        return self._warm_up

    def new_job(self, port: ScenePort, settings: Settings, log: RoundLog, guess: bool) -> RoundJob:
        """Everything that a round after those of ``log`` needs, read from the scene now."""
        self._read(port, settings)
        scribbles = port.read_scribbles()
        return RoundJob(
            self.volume, self.spacing, settings, log, scribbles, self._session, self._warm_up, guess
        )

    def keep(self, job: RoundJob) -> None:
        """Take over the session that ``job`` has opened."""
        self._session, self.volume = job.session, job.volume

    def _read(self, port: ScenePort, settings: Settings) -> None:
        if (key := port.ct_key(), settings) != (self.key, self._settings):
            self._end_warm_up()
            self.volume, self.spacing = port.read_ct()
            self._session, self.key, self._settings = None, key, settings

    def _end_warm_up(self) -> None:
        if self._warm_up is not None:
            self._warm_up.cancelled.set()
            self._warm_up = None
