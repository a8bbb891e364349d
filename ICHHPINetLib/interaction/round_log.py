"""What a session remembers: its rounds, and the scribbles that wait for the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..imaging.working_grid import WorkingGrid
from .finished_round import FinishedRound, PackedRound
from .result import RoundResult
from .scribbles import Scribbles


@dataclass(frozen=True)
class RoundLog:
    """Immutable, so that a session exchanges it in one step: nothing is ever half remembered.

    Attributes
    ----------
    at_start: all scribbles of the rounds before this session, none for a new CT.
    restored: result of the last of those rounds, if there was one.
    earlier, last: rounds of this session; all but the last are packed.
    waiting: scribbles of rounds that were cancelled or failed; they take part in the next one.
    """

    at_start: Scribbles
    restored: RoundResult | None = None
    earlier: tuple[PackedRound, ...] = ()
    last: FinishedRound | None = None
    waiting: Scribbles | None = None

    @property
    def current(self) -> RoundResult | None:
        """Result of the last finished round."""
        return self.last.result if self.last else self.restored

    @property
    def scribbles(self) -> Scribbles:
        """All scribbles of the finished rounds."""
        return self.last.scribbles if self.last else self.at_start

    def results(self, grid: WorkingGrid) -> tuple[RoundResult, ...]:
        """Results of the rounds of this session, oldest first."""
        if self.last is None:
            return ()
        return (*(one.unpacked(grid).result for one in self.earlier), self.last.result)

    def with_round(self, finished: FinishedRound) -> RoundLog:
        """One round more, which has seen what was waiting."""
        packed = () if self.last is None else (self.last.packed(),)
        return replace(self, earlier=(*self.earlier, *packed), last=finished, waiting=None)

    def without_last(self, grid: WorkingGrid) -> RoundLog:
        """One round less, with its scribbles; what waits goes on waiting."""
        if not self.earlier:
            return replace(self, last=None)
        *earlier, before = self.earlier
        return replace(self, earlier=tuple(earlier), last=before.unpacked(grid))
