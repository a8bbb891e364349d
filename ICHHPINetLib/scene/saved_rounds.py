"""The rounds as a saved scene keeps them, beside the voxels of its nodes and the rows of its table.

The round number and the mask of each round sit as attributes on the hematoma node, the scribbles of each
finished round on the scribbles node: both go with the node they describe, are saved with the scene, and need
no node of their own. What was damaged in a file is as if it were not there. Scenes of before, which hold no
masks, go on from the last round.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..imaging.orientation import Reorientation, to_canonical
from ..interaction.packing import pack, unpack, unpack_whole
from ..interaction.result import RoundResult
from ..interaction.round_log import RoundLog, kept_arrays
from ..interaction.scribbles import Scribbles
from .geometry import CTGeometry, ijk_to_ras

_ROUND = "ICHHPINet.round"
_SCRIBBLES = "ICHHPINet.finishedStrokes"
_MASKS = "ICHHPINet.masks"
_PREVIEW = "ICHHPINet.preview"
# The ends of the likely volume, and the volume that they belong to.
_LIKELY = "ICHHPINet.likelyMl"
# Between the mask of a round and the one it began with, where that was edited by hand.
_BEGAN_WITH = ","
# Nobody plays more rounds; more digits do not fit into the table.
_ROUND_DIGITS = 6
_SAME_ML = 1e-4


class SavedRounds:
    """Attributes of the nodes of one CT; either node may be None, as long as nothing is saved on it.

    Arrays go in and out in canonical order. They are kept in an order that neither a parent transform
    changes nor what Slicer does to a left-handed volume on saving: it turns the order of its slices around.
    """

    def __init__(self, hematoma, scribbles, ct, geometry: CTGeometry) -> None:
        self._hematoma, self._scribbles, self._geometry = hematoma, scribbles, geometry
        self._order = kept_order(ct)
        first, second, third = (geometry.stored_shape[axis] for axis in self._order.axes)
        self._shape = first, second, third

    def is_damaged(self) -> bool:
        """Whether something was remembered that cannot be used, or not on this CT."""
        if _attribute(self._hematoma, _ROUND) and not round_number(self._hematoma):
            return True
        texts = [_attribute(self._hematoma, _PREVIEW)] if is_preview(self._hematoma) else []
        return not all(map(self._is_whole, [*texts, *self._texts(_SCRIBBLES), *self._texts(_MASKS)]))

    def scribbles(self) -> Scribbles | None:
        """Scribbles of the last finished round; None where there are none for this grid."""
        texts = self._texts(_SCRIBBLES)
        last = self._unpacked_if_whole(texts[-1]) if texts else None
        return None if last is None else Scribbles.of(last)

    def load(
        self, mask: Callable[[], np.ndarray], scribbles: Callable[[], Scribbles], rows: list[dict]
    ) -> RoundLog:
        """The rounds, as many of the last ones as are whole.

        Parameters
        ----------
        mask, scribbles: give those of the last round where nothing whole is kept of them.
        rows: of the table.
        """
        number, spacing = round_number(self._hematoma), self._geometry.spacing
        drawn, masks = (self._whole(self._texts(name), number) for name in (_SCRIBBLES, _MASKS))
        count = min(len(drawn), len(masks))
        log = RoundLog.empty(self._geometry.shape, spacing)
        if count < number:
            # Before the first whole round nothing is known: that is how far undo goes back.
            last = self._unpacked(masks[-max(count, 1)].split(_BEGAN_WITH)[-1]) if masks else mask()
            known = Scribbles.of(self._unpacked(drawn[-max(count, 1)])) if drawn else scribbles()
            count = max(count - 1, 0)
            log = RoundLog.resumed(last, known, number - count, spacing)
        by_number = {row["Round"]: row for row in rows}
        for index in range(count, 0, -1):
            row = by_number.get(number - index + 1, {})
            *before, after = map(self._unpacked, masks[-index].split(_BEGAN_WITH))
            seconds, device, model = row.get("Time (s)", 0.0), row.get("Device", ""), row.get("Model", "")
            result = RoundResult(*kept_arrays(after), number - index + 1, seconds, [], device, model)
            log = log.with_mask(before[0]) if before else log
            log = log.with_round(result, Scribbles.of(self._unpacked(drawn[-index])))
            if row:
                log = log.measured(row["Volume (mL)"], row["ABC/2 (mL)"])
        return log

    def save(self, log: RoundLog) -> None:
        """Keep the last round of ``log`` behind those that are kept of the rounds before it."""
        later = round_number(self._hematoma) - log.number + 1
        drawn, masks = (
            self._whole(self._texts(name)[: -later or None] if later >= 0 else [], log.number - 1)
            for name in (_SCRIBBLES, _MASKS)
        )
        if len(log.rounds) == 1 and log.restored is not None and not masks:
            masks = [self._packed(log.restored.mask)]
        if log.number:
            parts = [self._packed(log.finished_mask)]
            if log.rounds and log.rounds[-1].edited is not None:
                parts.insert(0, self._packed(unpack_whole(log.rounds[-1].edited, log.shape)))
            masks = [*masks, _BEGAN_WITH.join(parts)]
            drawn = [*drawn, self._packed(log.scribbles.labels())]
        self._scribbles.SetAttribute(_SCRIBBLES, " ".join(drawn) or None)
        self._hematoma.SetAttribute(_MASKS, " ".join(masks) or None)
        current = log.current
        doubt = None if current is None else current.doubt
        likely = () if doubt is None else (*doubt.interval_ml, log.volume_ml(log.finished_mask))
        self._hematoma.SetAttribute(_LIKELY, " ".join(f"{end:.6f}" for end in likely) or None)
        # Last: whatever fails before, the scene still counts the rounds it had.
        self._hematoma.SetAttribute(_ROUND, str(log.number) if log.number else None)

    def begin_preview(self, before: np.ndarray) -> None:
        """Remember the mask (Z, Y, X) that a preview takes the place of."""
        self._hematoma.SetAttribute(_PREVIEW, self._packed(before))

    def before_preview(self) -> np.ndarray | None:
        """The mask from before a preview that the scene was saved with; None without one, or if damaged."""
        return self._unpacked_if_whole(_attribute(self._hematoma, _PREVIEW))

    def _texts(self, name: str) -> list[str]:
        return _attribute(self._scribbles if name == _SCRIBBLES else self._hematoma, name).split()

    def _whole(self, texts: list[str], most: int) -> list[str]:
        """The last of ``texts``, ``most`` at most, back to a damaged one."""
        count = 0
        while count < min(most, len(texts)) and self._is_whole(texts[-count - 1]):
            count += 1
        return texts[len(texts) - count :]

    def _is_whole(self, text: str) -> bool:
        return all(unpack(part, self._shape) is not None for part in text.split(_BEGAN_WITH))

    def _packed(self, array: np.ndarray) -> str:
        return pack(np.ascontiguousarray(self._order.apply(self._geometry.to_stored(array))))

    def _unpacked(self, text: str) -> np.ndarray:
        return self._geometry.to_canonical(self._order.undo(unpack_whole(text, self._shape)))

    def _unpacked_if_whole(self, text: str) -> np.ndarray | None:
        array = unpack(text, self._shape)
        return None if array is None else self._geometry.to_canonical(self._order.undo(array))


def round_number(hematoma) -> int:
    """Number of the last finished round, 0 before the first."""
    text = _attribute(hematoma, _ROUND)
    return int(text) if text.isdecimal() and len(text) <= _ROUND_DIGITS else 0


def likely_ml(hematoma, volume_ml: float) -> tuple[float, float] | None:
    """Between which volumes the true one is expected; None where nobody knows, or it is of another volume."""
    try:
        low, high, known = map(float, _attribute(hematoma, _LIKELY).split())
    except ValueError:
        return None
    return (low, high) if abs(known - volume_ml) < _SAME_ML and 0 <= low <= high < np.inf else None


def forget(hematoma, scribbles) -> None:
    """Keep nothing of any round; either node may be None."""
    if hematoma is not None:
        end_preview(hematoma)
        for name in (_ROUND, _MASKS, _LIKELY):
            hematoma.SetAttribute(name, None)
    if scribbles is not None:
        scribbles.SetAttribute(_SCRIBBLES, None)


def is_preview(hematoma) -> bool:
    """Whether the hematoma is a preview."""
    return bool(_attribute(hematoma, _PREVIEW))


def end_preview(hematoma) -> None:
    """The hematoma is no preview any more."""
    hematoma.SetAttribute(_PREVIEW, None)


def _attribute(node, name: str) -> str:
    return (node.GetAttribute(name) or "") if node is not None else ""


def kept_order(ct) -> Reorientation:
    """Order in which arrays are kept, from that of the CT node's own array: saving does not change it."""
    axes = np.diag([-1.0, -1.0, 1.0]) @ ijk_to_ras(ct)[:3, :3]
    nothing = np.broadcast_to(np.uint8(0), (1, 1, 1))
    return to_canonical(nothing, axes / np.linalg.norm(axes, axis=0))[1]
