"""Single scribbles that no round has seen, so that the last of them can be taken back."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidScribblesError
from ..imaging.scribbles_grid import places
from ..imaging.segment_kinds import BACKGROUND, FOREGROUND
from ..interaction.packing import pack_places, unpack_places
from ..interaction.scribbles import Scribbles
from .geometry import CTGeometry, local_to_world
from .saved_rounds import kept_order
from .segments import find_segment, segment_voxels

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


class WaitingScribbles:
    """The steps from the scribbles that the last round has seen to those in the scene.

    They are saved on the scribbles node, in the order of :func:`.kept_order`. Reading costs what the
    scribbles cost, not what the CT would: it is done after every one of them.

    Parameters
    ----------
    node, ct, geometry: of the scribbles, and of the CT that they lie on.
    finished: what the last round has seen, in the order of the CT node.
    """

    def __init__(self, node, ct, geometry: CTGeometry, finished: Scribbles) -> None:
        self._node, self._geometry, self._order = node, geometry, kept_order(ct)
        first, second, third = (geometry.stored_shape[axis] for axis in self._order.axes)
        self._shape = first, second, third
        self._steps = self._saved()
        self._now = _Labels(np.zeros(0, np.int64), np.zeros(0, np.uint8))
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

    def without_last(self) -> Scribbles:
        """The scribbles without the last step, in the order of the CT node; IndexError without one."""
        labels = self._steps[-1].revert(self._now)
        dense = np.zeros(int(np.prod(self._shape)), np.uint8)
        dense[labels.places] = labels.values
        return Scribbles.of(np.ascontiguousarray(self._order.undo(dense.reshape(self._shape))))

    def written(self) -> None:
        """The scribbles in the scene were replaced, not drawn."""
        self._now = self._read(self._now)
        # What is gone by itself cannot be taken back.
        self._steps = [step for step in self._steps if not step.revert(self._now).equals(self._now)]
        self._save()

    def seen(self, scribbles: Scribbles) -> None:
        """A round has seen ``scribbles``, in the order of the CT node: what is newer waits."""
        labels = self._order.apply(scribbles.labels()).ravel()
        seen = np.flatnonzero(labels)
        base = _Labels(seen, labels[seen])
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
        at = np.union1d(foreground, background)
        values = np.where(np.isin(at, foreground), 1, 2).astype(np.uint8)
        both = np.isin(at, background) & (values == 1)
        values[both & (before.at(at) == 1)] = 2
        return _Labels(at, values)

    def _places(self, kind) -> np.ndarray:
        segment = find_segment(self._node, kind)
        if segment is None:
            return np.zeros(0, np.int64)
        marked, image_to_local = segment_voxels(self._node, segment)
        to_world = local_to_world(self._node, InvalidScribblesError) @ image_to_local
        on_ct = places(
            marked, np.linalg.inv(self._geometry.ijk_to_world) @ to_world, self._geometry.stored_shape
        )
        kept = self._order.places(on_ct, self._geometry.stored_shape)
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
