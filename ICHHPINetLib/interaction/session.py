"""An interactive session: one CT, round after round."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from ..errors import (
    DeviceError,
    InvalidScribblesError,
    InvalidVolumeError,
    RoundCancelled,
    SessionBusyError,
)
from ..imaging.ct import CT, as_ct
from ..imaging.windowing import windowed
from ..imaging.working_grid import WorkingGrid
from ..networks.hpinet import HPINet, Look
from ..networks.mpffm import SliceFeatures
from ..weights.devices import fast_math, is_out_of_memory
from ..words import tr as _
from .doubt import doubt_of
from .propagation import run_round
from .reporter import OnProgress, Reporter
from .result import RoundResult
from .round_log import Likely, RoundLog
from .scribbles import Scribbles, read_only

_AIR_HU = -1000.0


class _Answer(NamedTuple):
    """Probabilities of the whole network and of VIM alone, float32 (Z, Y, X) on the working grid."""

    probability: np.ndarray
    volume_probability: np.ndarray


def _one_at_a_time(method: Callable) -> Callable:
    """Refuses a call while another one, of any method so marked, changes the same session."""

    @functools.wraps(method)
    def guarded(self, *arguments, **named):
        if not self._in_use.acquire(blocking=False):
            raise SessionBusyError(
                _(
                    "This session is in the middle of a round, and nothing was changed. Wait until "
                    "the round is done or cancelled, then try again."
                )
            )
        try:
            return method(self, *arguments, **named)
        finally:
            self._in_use.release()

    return guarded


class InteractiveSession:
    """Segments one CT by scribble and refine (paper, Algorithm 1).

    Scribbles accumulate over rounds and a later scribble wins; scribbled voxels always carry the
    user's label. A round that fails or is cancelled leaves the previous result as it was and
    keeps its scribbles for the next one. The same inputs give the same result.

    One call at a time: while a round runs, every other call that would change the session, from another
    thread or from ``on_progress``, raises ``SessionBusyError`` and changes nothing.

    Parameters
    ----------
    network: from ``load_network``.
    volume: CT in HU, (Z, Y, X), any real type, axial slices along the first axis; or a ``CT``, which
        was checked and calibrated already.
    spacing: mm (z, y, x); a ``CT`` has its own.

    Raises
    ------
    InvalidVolumeError
        If the array cannot be a CT; the message says what to do.
    """

    def __init__(
        self, network: HPINet, volume: np.ndarray | CT, spacing: Sequence[float] | None = None
    ) -> None:
        self.network = network
        ct = as_ct(volume, spacing)
        hu = ct.network_hu
        self.warnings: list[str] = list(ct.warnings)
        self.shape: tuple[int, int, int] = ct.shape
        self.spacing = ct.spacing
        self._grid = WorkingGrid.fit(hu, self.spacing)
        self._image = torch.from_numpy(windowed(self._grid.on_working_grid(hu, fill=_AIR_HU))).transpose(0, 1)
        self._features: dict[str, tuple[torch.Tensor, SliceFeatures, Look | None]] = {}
        self._in_use = threading.Lock()
        self.reset()

    @property
    def rounds(self) -> tuple[RoundResult, ...]:
        """Results of the rounds computed in this session, oldest first; made anew but for the last."""
        return self._log.results()

    @property
    def round(self) -> int:
        """Number of the last finished round; 0 before the first."""
        return self._log.number

    @property
    def scribbles(self) -> Scribbles:
        """All scribbles of the finished rounds; its arrays are read-only."""
        return self._log.scribbles

    @property
    def mask(self) -> np.ndarray:
        """Mask of the last finished round, uint8 (Z, Y, X), read-only; zeros before the first."""
        return self._log.mask

    @property
    def log(self) -> RoundLog:
        """All that is remembered of the rounds; that of a saved scene may be put in its place."""
        return self._log

    @log.setter
    @_one_at_a_time
    def log(self, log: RoundLog) -> None:
        if log.shape != self.shape:
            raise InvalidVolumeError(
                _("The saved mask has the shape {mask_shape}, the CT {ct_shape}.").format(
                    mask_shape=log.shape, ct_shape=self.shape
                )
            )
        self._log = log

    @_one_at_a_time
    def reset(self) -> None:
        """Forgets all rounds and scribbles; what was computed from the image alone is kept."""
        self._log = RoundLog.empty(self.shape, self.spacing)

    @_one_at_a_time
    def undo(self) -> RoundResult | None:
        """Takes the last finished round and its scribbles back; returns the one before it, if any.

        Scribbles of a round that was cancelled or failed stay: the next round takes them along, whichever
        rounds are taken back before it. ``reset`` forgets them too.
        """
        self._log = self._log.without_last()
        return self._log.current

    @_one_at_a_time
    def prepare(self, is_cancelled: Callable[[], bool] | None = None) -> None:
        """Computes what depends on the image alone, so that the first round need not.

        ``is_cancelled`` is asked on the way; True raises RoundCancelled.
        """
        with torch.inference_mode(), fast_math(self.network.device):
            self._encoded(self.network.device, Reporter(self._grid, None, is_cancelled))

    @_one_at_a_time
    def refine(
        self,
        scribbles: Scribbles,
        on_progress: OnProgress | None = None,
        is_cancelled: Callable[[], bool] | None = None,
        *,
        accumulate: bool = True,
    ) -> RoundResult:
        """Runs one round.

        Parameters
        ----------
        scribbles: scribbles of this round; with ``accumulate=False`` all scribbles that stand,
            as after the use of an eraser.
        on_progress: called with a ``Progress`` as slices finish, scribbled ones first. Where it fails,
            that is logged and the round goes on without it; only an ``ICHHPINetError`` ends the round,
            as long as it is not finished.
        is_cancelled: asked between slices; True ends the round, and so does a failure of it.

        Raises
        ------
        InvalidScribblesError
            If the scribbles are on another grid, there are none, or all lie in the air around the head.
        RoundCancelled
            If ``is_cancelled`` said so.
        DeviceError
            If the device failed; running out of memory on a GPU is retried on the CPU first.
        """
        self._check_scribbles(scribbles)
        # The caller may draw the next ones into the same arrays.
        given = scribbles.frozen()
        if accumulate and self._log.waiting is not None:
            given = self._log.waiting.merged(given)
        together = self.scribbles.merged(given) if accumulate else given
        if together.is_empty:
            raise InvalidScribblesError(
                _("There is no scribble yet. Draw a foreground scribble inside the hemorrhage, then refine.")
            )
        if accumulate:
            self._log = replace(self._log, waiting=given)
        return self._run(together, Reporter(self._grid, on_progress, is_cancelled))

    @_one_at_a_time
    def guess(
        self, on_progress: OnProgress | None = None, is_cancelled: Callable[[], bool] | None = None
    ) -> RoundResult:
        """A first round without scribbles: what looks like fresh blood, for the user to check and correct.

        VIM alone answers, since there is no slice to propagate from. It counts as a round: ``undo``
        takes it back, and the next round has it as its previous mask.

        Raises
        ------
        InvalidScribblesError
            If there are scribbles or rounds already; those are refined.
        RoundCancelled, DeviceError
            As ``refine``.
        """
        if self._log.current is not None or self._log.waiting is not None:
            raise InvalidScribblesError(
                _("A first guess comes before all scribbles. Refine, or start over and then ask for it.")
            )
        return self._run(Scribbles.empty(self.shape), Reporter(self._grid, on_progress, is_cancelled))

    def _run(self, scribbles: Scribbles, report: Reporter) -> RoundResult:
        """The next round with ``scribbles``, all there are; a guess where there are none."""
        start = time.monotonic()
        report("prepare", 0.0)
        answer, device, notes = self._compute(scribbles, report)
        likely = functools.partial(_on_ct, self._grid, answer.probability)
        try:
            result = self._result(scribbles, answer, likely, device, notes, start)
            log = self._log.with_round(result, scribbles, likely)
        except MemoryError as error:
            raise _failure(torch.device("cpu"), error) from error
        self._log = log
        report.done()
        return result

    def _result(
        self,
        scribbles: Scribbles,
        answer: _Answer,
        likely: Likely,
        device: torch.device,
        notes: tuple[str, ...],
        start: float,
    ) -> RoundResult:
        """Of the next round, of which ``answer`` is what was computed."""
        mask = scribbles.clamp(self._grid.mask_on_ct(answer.probability))
        previous = self.mask
        if not scribbles.is_empty and not scribbles.foreground.any() and not previous.any():
            alone = _(
                "There are background scribbles only. Draw a foreground scribble on the bleed for a "
                "better result."
            )
            notes = (alone, *notes)
        if scribbles.is_empty:
            guessed = _(
                "The first guess found nothing; a bleed may be there all the same: draw a scribble on it."
            )
            if mask.any():
                guessed = _(
                    "First guess from the CT alone, not checked yet: look at every slice and correct it."
                )
            notes = (guessed, *notes)
        return RoundResult(
            mask=read_only(mask),
            likely=functools.partial(likely, scribbles),
            round=self.round + 1,
            seconds=time.monotonic() - start,
            changed_slices=_differing(mask, previous),
            device=str(device),
            model=self.network.name,
            notes=notes,
            doubt=doubt_of(*answer, self._grid, self.spacing, self._log.volume_ml(mask), scribbles.slices()),
        )

    def _check_scribbles(self, scribbles: Scribbles) -> None:
        if scribbles.shape != self.shape:
            raise InvalidScribblesError(
                _(
                    "The scribbles are on a grid of {shape}, the CT on {ct_shape} (Z, Y, X). Paint "
                    "them on this CT."
                ).format(shape=scribbles.shape, ct_shape=self.shape)
            )

    def _compute(
        self, scribbles: Scribbles, report: Reporter
    ) -> tuple[_Answer, torch.device, tuple[str, ...]]:
        device = self.network.device
        try:
            return self._compute_on(device, scribbles, report), device, ()
        except RoundCancelled:
            raise
        except (RuntimeError, MemoryError) as error:
            if device.type == "cpu" or not is_out_of_memory(error):
                raise _failure(device, error) from error
        self._features.pop(str(device), None)
        if device.type == "cuda":
            torch.cuda.empty_cache()
        cpu = torch.device("cpu")
        try:
            answer = self._compute_on(cpu, scribbles, report)
        except RoundCancelled:
            raise
        except (RuntimeError, MemoryError) as error:
            raise _failure(cpu, error) from error
        finally:
            # Where even that fails, the network stays on the CPU.
            with suppress(RuntimeError):
                self.network.to(device)
        return (
            answer,
            cpu,
            (_("{device} ran out of memory; this round was computed on the CPU.").format(device=device),),
        )

    @torch.inference_mode()
    def _compute_on(self, device: torch.device, scribbles: Scribbles, report: Reporter) -> _Answer:
        self.network.to(device)
        drawn = self._grid.scribbles_on_working_grid(scribbles.foreground, scribbles.background)
        if not drawn.any() and not scribbles.is_empty:
            raise InvalidScribblesError(
                _("All scribbles lie in the air around the head. Draw one on the hemorrhage, then refine.")
            )
        channels = torch.from_numpy(drawn)
        previous = torch.from_numpy(self._grid.on_working_grid(self.mask) >= 0.5).unsqueeze(1)
        of_volume: list[torch.Tensor] = []
        calibrated = self.network.calibrated
        with fast_math(device):
            image, slices, look = self._encoded(device, report)
            result = run_round(
                self.network,
                image,
                slices,
                channels.to(device).float(),
                previous.to(device).float(),
                lambda stage, index, plane: report.slice_done(stage, index, calibrated(plane.float())),
                report.volume_stage,
                look,
                self._fresh(scribbles),
                of_volume.append,
            )
        return _Answer(*(calibrated(x.squeeze(1).float()).cpu().numpy() for x in (result, *of_volume)))

    def _fresh(self, scribbles: Scribbles) -> list[int]:
        """Working slices whose scribbles are other than in the last round: somebody waits for these."""
        before = self.scribbles
        differing = {
            *_differing(scribbles.foreground, before.foreground),
            *_differing(scribbles.background, before.background),
        }
        return sorted({index // self._grid.group for index in differing})

    def _encoded(
        self, device: torch.device, report: Reporter
    ) -> tuple[torch.Tensor, SliceFeatures, Look | None]:
        """Image, query encoder features and VIM's look at the CT on ``device``, computed once."""
        key = str(device)
        if key not in self._features:
            self.network.to(device)
            image = self._image.to(device)
            parts = []
            for start in range(0, len(image), 8):
                report("prepare", 0.0)
                parts.append(self.network.encode_slices(image[start : start + 8]))
            joined = SliceFeatures(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
            look = self.network.look(image, report.image_stage)
            self._features = {key: (image, joined, look)}
        return self._features[key]


def _on_ct(grid: WorkingGrid, coarse: np.ndarray, scribbles: Scribbles) -> np.ndarray:
    """Probability (Z, Y, X) on the grid of the CT, float32, from that on the working grid; read-only."""
    return read_only(scribbles.clamp(grid.on_ct(coarse)))


def _differing(first: np.ndarray, second: np.ndarray) -> list[int]:
    """Slices in which two arrays (Z, Y, X) differ; slice by slice, since arrays of thin slices are large."""
    return [index for index, pair in enumerate(zip(first, second, strict=True)) if not np.array_equal(*pair)]


def _failure(device: torch.device, error: BaseException) -> DeviceError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    advice = _("choose another device, for example 'cpu'")
    if is_out_of_memory(error):
        advice = _("close other programs that need memory, or choose another device")
    return DeviceError(
        _(
            "The round failed on {device} ({reason}). The previous result and all scribbles are "
            "kept; {advice}."
        ).format(device=device, reason=reason, advice=advice)
    )
