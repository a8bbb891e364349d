"""Single scribbles that no round has seen, so that the last of them can be taken back."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidScribblesError
from ..imaging.scribbles_grid import places
from ..imaging.segment_kinds import BACKGROUND, FOREGROUND, SegmentKind
from ..interaction.packing import pack_places, unpack_places
from ..interaction.scribbles import Scribbles
from .geometry import CTGeometry, local_to_world
from .saved_rounds import kept_order
from .segments import ensure_segment, find_segment, segment_voxels, write_segment

_WAITING = "ICHHPINet.waitingScribbles"
# Between the labels that a scribble has replaced and those that it has left.
_TO = ","


@dataclass(frozen=True)
class _Labels:
    """Labels of few voxels: ascending flat places, and 1 on foreground, 2 on background, uint8."""

    places: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, places: np.ndarray, values: np.ndarray) -> _Labels:
        """Without the voxels that carry none."""
        return cls(places[values > 0], values[values > 0])

    def at(self, places: np.ndarray) -> np.ndarray:
        """Labels at ``places``, 0 where there is none."""
        if not len(self.places):
            return np.zeros(len(places), np.uint8)
        index = np.minimum(np.searchsorted(self.places, places), len(self.places) - 1)
        return np.where(self.places[index] == places, self.values[index], 0).astype(np.uint8)

    def equals(self, other: _Labels) -> bool:
        return np.array_equal(self.places, other.places) and np.array_equal(self.values, other.values)


@dataclass(frozen=True)
class _Step:
    """One scribble, or one wipe of the eraser: labels of the voxels that it changed, before and after."""

    before: _Labels
    after: _Labels

    @classmethod
    def between(cls, before: _Labels, after: _Labels) -> _Step | None:
        """None where nothing changed."""
        at = np.union1d(before.places, after.places)
        old, new = before.at(at), after.at(at)
        changed = old != new
        parts = (_Labels.of(at[changed], labels[changed]) for labels in (old, new))
        return cls(*parts) if changed.any() else None

    def revert(self, now: _Labels) -> _Labels:
        """``now`` without this step; what was drawn over it later stays."""
        changed = np.union1d(self.before.places, self.after.places)
        at = np.union1d(now.places, changed)
        labels = now.at(at)
        untouched = np.isin(at, changed) & (labels == self.after.at(at))
        labels[untouched] = self.before.at(at[untouched])
        return _Labels.of(at, labels)


_NONE = _Labels(np.zeros(0, np.int64), np.zeros(0, np.uint8))


class WaitingScribbles:
    """The steps from the scribbles that the last round has seen to those in the scene.

    They are saved on the scribbles node, in the order of :func:`.kept_order`. Reading costs what the
    scribbles cost, not what the CT would: it is done after every one of them.

    Parameters
    ----------
    node, ct, geometry: of the scribbles, and of the CT that they lie on.
    finished: what the last round has seen, in canonical order; None for nothing.
    """

    def __init__(self, node, ct, geometry: CTGeometry, finished: Scribbles | None) -> None:
        self._node, self._geometry, self._order = node, geometry, kept_order(ct)
        first, second, third = (geometry.stored_shape[axis] for axis in self._order.axes)
        self._shape = first, second, third
        self._steps = self._saved()
        self._now = _NONE
        self.seen(finished)

    def __len__(self) -> int:
        return len(self._steps)

    def note(self) -> None:
        """A scribble was finished, or some were erased."""
        now = self._read(self._now)
        step = _Step.between(self._now, now)
        if step is not None:
            self._steps.append(step)
            self._now = now
            self._save()

    def take_back(self) -> None:
        """Remove the last step from the scene; IndexError without one."""
        left = self._steps.pop().revert(self._now)
        at = np.stack(np.unravel_index(left.places, self._shape), axis=1)
        stored = self._order.stored_places(at, self._shape)
        for value, kind in enumerate((FOREGROUND, BACKGROUND), start=1):
            marked = stored[left.values == value]
            start = marked.min(axis=0) if len(marked) else np.zeros(3, int)
            mask = np.zeros(np.ptp(marked, axis=0) + 1 if len(marked) else (1, 1, 1), bool)
            mask[tuple((marked - start).T)] = True
            grid, (z, y, x) = self._geometry.ijk_to_world, start.tolist()
            write_segment(self._node, ensure_segment(self._node, kind, grid), mask, grid, (z, y, x))
        self.written()

    def written(self) -> None:
        """The scribbles in the scene were replaced, not drawn."""
        self._now = state = self._read(self._now)
        steps: list[_Step] = []
        for step in reversed(self._steps):
            before = step.revert(state)
            # What is gone already cannot be taken back.
            if not before.equals(state):
                steps.insert(0, step)
            state = before
        self._steps = steps
        self._save()

    def seen(self, scribbles: Scribbles | None) -> None:
        """A round has seen ``scribbles``, in canonical order, None for none: what is newer waits."""
        base = _NONE
        if scribbles is not None:
            base = self._labels(self._of(scribbles.foreground), self._of(scribbles.background))
        self._now = state = self._read(self._now)
        newer = len(self._steps)
        while not state.equals(base) and newer:
            newer -= 1
            state = self._steps[newer].revert(state)
        self._steps = self._steps[newer:]
        if not state.equals(base):
            # Scribbles that nobody has told of, or that a damaged file has lost: one step is as good.
            step = _Step.between(base, self._now)
            self._steps = [] if step is None else [step]
        self._save()

    def _read(self, before: _Labels) -> _Labels:
        """Labels in the scene; where both meet, the one that was not there ``before`` wins, as in a round."""
        foreground, background = self._places(FOREGROUND), self._places(BACKGROUND)
        both = np.intersect1d(foreground, background, assume_unique=True)
        return self._labels(np.setdiff1d(foreground, both[before.at(both) == 1]), background)

    @staticmethod
    def _labels(foreground: np.ndarray, background: np.ndarray) -> _Labels:
        """Foreground wins."""
        at = np.union1d(foreground, background)
        return _Labels(at, np.where(np.isin(at, foreground), 1, 2).astype(np.uint8))

    def _places(self, kind: SegmentKind) -> np.ndarray:
        """Flat places of a segment of the node."""
        segment = find_segment(self._node, kind)
        if segment is None:
            return _NONE.places
        marked, image_to_local = segment_voxels(self._node, segment)
        to_world = local_to_world(self._node, InvalidScribblesError) @ image_to_local
        to_ct = np.linalg.inv(self._geometry.ijk_to_world) @ to_world
        return self._flat(places(marked, to_ct, self._geometry.stored_shape))

    def _of(self, marked: np.ndarray) -> np.ndarray:
        """Flat places of an array in canonical order."""
        at = np.stack(np.unravel_index(np.flatnonzero(marked), marked.shape), axis=1)
        return self._flat(self._geometry.reorientation.stored_places(at, marked.shape))

    def _flat(self, stored: np.ndarray) -> np.ndarray:
        kept = self._order.places(stored, self._geometry.stored_shape)
        return np.unique(np.ravel_multi_index(tuple(kept.T), self._shape))

    def _save(self) -> None:
        parts = [[self._packed(step.before), self._packed(step.after)] for step in self._steps]
        self._node.SetAttribute(_WAITING, " ".join(map(_TO.join, parts)) or None)

    def _packed(self, labels: _Labels) -> str:
        return pack_places(labels.places, labels.values, self._shape)

    def _saved(self) -> list[_Step]:
        """The last of the saved steps, back to a damaged one."""
        steps: list[_Step] = []
        for text in reversed((self._node.GetAttribute(_WAITING) or "").split()):
            try:
                before, after = (_Labels.of(*unpack_places(part, self._shape)) for part in text.split(_TO))
            except (ValueError, IndexError, zlib.error):
                break
            steps.insert(0, _Step(before, after))
        return steps
