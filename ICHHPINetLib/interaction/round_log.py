"""What is remembered of the rounds on one CT: the only list of them that there is.

The session makes its results from it, undo goes back in it, a scene saves it, the table of rounds shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .packing import pack, unpack_whole
from .result import RoundResult
from .scribbles import Scribbles, read_only

_NOTHING = np.empty(0)

# Makes the probability, float32 (Z, Y, X), of a round from its scribbles.
Likely = Callable[[Scribbles], np.ndarray]


@dataclass(frozen=True)
class ScribbleChange:
    """What a round changed about the scribbles: flat indices of voxels, and their labels before and after.

    Scribbles are thin, so this stays small.
    """

    places: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def between(cls, before: Scribbles, after: Scribbles) -> ScribbleChange:
        """The change from ``before`` to ``after``."""
        old, new = before.labels().ravel(), after.labels().ravel()
        places = np.flatnonzero(old != new)
        return cls(places, old[places], new[places])

    def revert(self, now: Scribbles) -> Scribbles:
        """``now`` without this change; what was drawn after it stays, and wins where it crosses."""
        later, restored = now.labels(), np.zeros(now.shape, np.uint8)
        untouched = later.flat[self.places] == self.after
        later.flat[self.places[untouched]] = 0
        restored.flat[self.places] = self.before
        return Scribbles.of(restored).merged(Scribbles.of(later))

    def slices(self, shape: tuple[int, int, int]) -> int:
        """Number of axial slices on which scribbles were added or erased."""
        return len(np.unique(self.places // (shape[1] * shape[2])))


@dataclass(frozen=True)
class Round:
    """A finished round in a small part of the memory: eight of a thin-slice CT would not fit as arrays.

    Attributes
    ----------
    header: the result without its arrays.
    mask: of the result, packed.
    change: of the scribbles.
    edited: packed mask that the round began with, where the user had changed the last one by hand.
    likely: makes the probability; None for a round from a saved scene, whose probability is its mask.
    volume_ml, abc2_ml: measured in the mask, the latter None where nobody did.
    """

    header: RoundResult
    mask: str
    change: ScribbleChange
    volume_ml: float
    edited: str | None = None
    likely: Likely | None = None
    abc2_ml: float | None = None


@dataclass(frozen=True)
class RoundLog:
    """Immutable, so that whoever has one exchanges it in one step: nothing is ever half remembered.

    Attributes
    ----------
    scribbles: all scribbles of the finished rounds.
    spacing: of the CT, mm (z, y, x).
    restored: result of the round before the first of ``rounds``, where there was one.
    rounds: those that can be taken back, oldest first.
    last: result of the last of them, whole.
    edited: what the user made of the last mask by hand; the next round begins with it.
    waiting: scribbles of rounds that were cancelled or failed; they take part in the next one.
    """

    scribbles: Scribbles
    spacing: tuple[float, float, float]
    restored: RoundResult | None = None
    rounds: tuple[Round, ...] = ()
    last: RoundResult | None = None
    edited: np.ndarray | None = None
    waiting: Scribbles | None = None

    @classmethod
    def empty(cls, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> RoundLog:
        """No round and no scribble on a CT of ``shape`` (Z, Y, X)."""
        return cls(Scribbles.empty(shape).frozen(), spacing)

    @classmethod
    def resumed(
        cls,
        mask: np.ndarray,
        scribbles: Scribbles,
        number: int,
        spacing: tuple[float, float, float],
        model: str = "",
    ) -> RoundLog:
        """Goes on from round ``number``, of which the mask (Z, Y, X) and all scribbles are known."""
        restored = RoundResult(*kept_arrays(mask), number, 0.0, [], "", model)
        return cls(scribbles.frozen(), spacing, restored)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Z, Y, X) of the CT."""
        return self.scribbles.shape

    @property
    def current(self) -> RoundResult | None:
        """Result of the last finished round."""
        return self.last if self.rounds else self.restored

    @property
    def number(self) -> int:
        """Of the last finished round; 0 before the first."""
        return self.current.round if self.current else 0

    @property
    def mask(self) -> np.ndarray:
        """Memory of the next round, uint8 (Z, Y, X), read-only."""
        return self.finished_mask if self.edited is None else self.edited

    @property
    def finished_mask(self) -> np.ndarray:
        """Mask of the last finished round, as it was before any edit; zeros before the first."""
        return self.current.mask if self.current else read_only(np.zeros(self.shape, np.uint8))

    def volume_ml(self, mask: np.ndarray) -> float:
        """Volume of a mask on this CT."""
        return float(np.count_nonzero(mask) * np.prod(self.spacing) / 1000)

    def differs(self, scribbles: Scribbles) -> bool:
        """Whether ``scribbles`` are other than what the last round knew."""
        return not np.array_equal(scribbles.labels(), self.scribbles.labels())

    def emptied(self) -> RoundLog:
        """As before the first round."""
        return RoundLog.empty(self.shape, self.spacing)

    def with_mask(self, mask: np.ndarray) -> RoundLog:
        """The next round begins with ``mask``, which the user may have changed."""
        same = np.array_equal(mask, self.finished_mask)
        return replace(self, edited=None if same else kept_arrays(mask)[0])

    def with_round(self, result: RoundResult, scribbles: Scribbles, likely: Likely | None = None) -> RoundLog:
        """One round more, which has seen all of ``scribbles`` and with them what was waiting."""
        scribbles = scribbles.frozen()
        one = Round(
            header=replace(result, mask=_NOTHING, likely=_NOTHING),
            mask=pack(result.mask),
            change=ScribbleChange.between(self.scribbles, scribbles),
            volume_ml=self.volume_ml(result.mask),
            edited=None if self.edited is None else pack(self.edited),
            likely=likely,
        )
        rounds = (*self.rounds, one)
        return replace(self, scribbles=scribbles, rounds=rounds, last=result, edited=None, waiting=None)

    def measured(self, volume_ml: float, abc2_ml: float) -> RoundLog:
        """With the numbers of the last round."""
        *earlier, last = self.rounds
        return replace(self, rounds=(*earlier, replace(last, volume_ml=volume_ml, abc2_ml=abc2_ml)))

    def without_last(self) -> RoundLog:
        """One round less, with its scribbles; what waits goes on waiting."""
        if not self.rounds:
            return self
        *earlier, gone = self.rounds
        scribbles = gone.change.revert(self.scribbles).frozen()
        last = self._result(earlier[-1], scribbles) if earlier else None
        edited = None if gone.edited is None else read_only(unpack_whole(gone.edited, self.shape))
        return replace(self, scribbles=scribbles, rounds=tuple(earlier), last=last, edited=edited)

    def results(self) -> tuple[RoundResult, ...]:
        """Results of ``rounds``, oldest first; made anew but for the last."""
        results: list[RoundResult] = []
        log = self
        while log.last is not None:
            results.append(log.last)
            log = log.without_last()
        return tuple(reversed(results))

    def _result(self, one: Round, scribbles: Scribbles) -> RoundResult:
        mask, likely = kept_arrays(unpack_whole(one.mask, self.shape))
        if one.likely is not None:
            likely = partial(one.likely, scribbles)
        return replace(one.header, mask=mask, likely=likely)


def kept_arrays(mask: np.ndarray) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
    """A mask of one's own, uint8, and what makes a probability of it; both read-only."""
    binary = read_only((np.asarray(mask) > 0).astype(np.uint8))
    return binary, lambda: read_only(binary.astype(np.float32))
