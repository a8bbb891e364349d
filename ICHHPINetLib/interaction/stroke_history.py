"""Which strokes came with which round, so that taking a round back takes back its strokes too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .scribbles import Scribbles


@dataclass(frozen=True)
class _Patch:
    """Flat voxel indices that changed in one round; strokes are thin, so this stays small."""

    foreground_added: np.ndarray
    foreground_removed: np.ndarray
    background_added: np.ndarray
    background_removed: np.ndarray


class StrokeHistory:
    """Strokes at the last round and what each round changed about them."""

    def __init__(self, at_start: Scribbles) -> None:
        self._last = at_start
        self._patches: list[_Patch] = []

    @property
    def last(self) -> Scribbles:
        """All strokes as the last round saw them."""
        return self._last

    def __len__(self) -> int:
        return len(self._patches)

    def differs(self, strokes: Scribbles) -> bool:
        """Whether ``strokes`` are other than what the last round saw."""
        return not (
            np.array_equal(strokes.foreground, self._last.foreground)
            and np.array_equal(strokes.background, self._last.background)
        )

    def record(self, strokes: Scribbles) -> None:
        """A round was finished with ``strokes``, all of them, arrays (Z, Y, X)."""
        before, self._last = self._last, strokes
        self._patches.append(
            _Patch(
                np.flatnonzero(strokes.foreground & ~before.foreground),
                np.flatnonzero(before.foreground & ~strokes.foreground),
                np.flatnonzero(strokes.background & ~before.background),
                np.flatnonzero(before.background & ~strokes.background),
            )
        )

    def take_back(self, now: Scribbles) -> Scribbles:
        """``now`` without the strokes of the last round; later strokes stay.

        Raises
        ------
        IndexError
            If no round is left to take back.
        """
        patch = self._patches.pop()
        self._last = _reverted(self._last, patch)
        return _reverted(now, patch)


def _reverted(strokes: Scribbles, patch: _Patch) -> Scribbles:
    foreground, background = strokes.foreground.copy(), strokes.background.copy()
    foreground.flat[patch.foreground_added] = False
    background.flat[patch.background_added] = False
    restored = Scribbles.empty(strokes.shape)
    restored.foreground.flat[patch.foreground_removed] = True
    restored.background.flat[patch.background_removed] = True
    # What was drawn since then is later than what comes back.
    return restored.merged(Scribbles(foreground, background))
