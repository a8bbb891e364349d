"""How a running round tells of its progress, and asks whether to go on."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch

from ..errors import ICHHPINetError, RoundCancelled
from ..imaging.working_grid import WorkingGrid
from ..words import tr as _
from .result import Progress

OnProgress = Callable[[Progress], None]
_logger = logging.getLogger(__name__)


class Reporter:
    """Turns finished working slices into progress on the CT's slices, and asks whether to go on."""

    def __init__(
        self, grid: WorkingGrid, on_progress: OnProgress | None, is_cancelled: Callable[[], bool] | None
    ) -> None:
        self._grid, self._on_progress, self._is_cancelled = grid, on_progress, is_cancelled
        self._finished = 0
        self._in_volume = False

    def __call__(self, stage: str, fraction: float) -> None:
        self._check()
        self._tell(Progress(fraction, stage))

    def image_stage(self, share: float) -> None:
        """VIM has looked at so much of the CT, in a round that has to wait for it."""
        self("prepare", 0.3 * share)

    def volume_stage(self, share: float) -> None:
        """VIM is so far."""
        self._in_volume = True
        self("volume", 0.3 + 0.35 * share)

    def slice_done(self, stage: str, index: int, probability: torch.Tensor) -> None:
        self._check()
        self._finished += self._in_volume
        if not self._on_progress:
            return
        plane = self._grid.slice_on_ct(probability[0].float().cpu().numpy())
        mask = (plane >= 0.5).astype(np.uint8)
        # What is shown before VIM begins will be shown again.
        fraction = 0.65 + 0.3 * self._finished / self._grid.depth if self._in_volume else 0.3
        for source in self._grid.source_slices(index):
            self._tell(Progress(min(fraction, 0.99), stage, source, mask))

    def done(self) -> None:
        try:
            self._tell(Progress(1.0, "done"))
        except ICHHPINetError:
            _logger.exception("The round is finished; what on_progress raised has no effect")

    def _tell(self, progress: Progress) -> None:
        """A display that is broken, or closed, must not cost a round."""
        if self._on_progress:
            try:
                self._on_progress(progress)
            except ICHHPINetError:
                raise
            except Exception:
                _logger.exception("on_progress failed; the round goes on without it")
                self._on_progress = None

    def _check(self) -> None:
        cause = None
        try:
            if not self._is_cancelled or not self._is_cancelled():
                return
        except Exception as error:
            # As the caller's own: the device, whose errors look alike, has nothing to do with it.
            cause = error
        raise RoundCancelled(
            _("The round was cancelled; the previous result and all scribbles are kept.")
        ) from cause
