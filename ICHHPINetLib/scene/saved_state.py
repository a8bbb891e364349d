"""What a saved scene needs beyond voxels to go on at the next round.

The round number sits as an attribute on the hematoma node, the strokes behind each
finished round on the scribbles node: both go with the node they describe, are saved
with the scene, and need no node of their own. What was damaged in a file is as if it
were not there. Arrays go in and out in the order of the CT node.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np

from ..imaging.orientation import Reorientation, to_canonical
from ..interaction.scribbles import Scribbles
from .geometry import ijk_to_ras

_ROUND = "ICHHPINet.round"
_STROKES = "ICHHPINet.finishedStrokes"
_PREVIEW = "ICHHPINet.preview"
# Nobody plays more rounds; more digits do not fit into the table.
_ROUND_DIGITS = 6
_HEADER_BYTES, _PLACE_BYTES, _LABEL_BYTES = 32, 8, 1


def save_round(hematoma_node, number: int) -> None:
    """Remember the number of the last finished round; 0 forgets it."""
    hematoma_node.SetAttribute(_ROUND, str(int(number)) if number else None)


def load_round(hematoma_node) -> int:
    """Number of the last finished round, 0 before the first."""
    text = hematoma_node.GetAttribute(_ROUND) or ""
    return int(text) if text.isdecimal() and len(text) <= _ROUND_DIGITS else 0


def begin_preview(hematoma_node, ct, before: np.ndarray) -> None:
    """Remember the mask, bool (Z, Y, X), that a preview takes the place of."""
    mask = _order(ct).apply(before)
    hematoma_node.SetAttribute(_PREVIEW, encode(Scribbles(mask, np.zeros_like(mask))))


def is_preview(hematoma_node) -> bool:
    """Whether the hematoma is a preview."""
    return hematoma_node.GetAttribute(_PREVIEW) is not None


def end_preview(hematoma_node) -> None:
    """The hematoma is no preview any more."""
    hematoma_node.SetAttribute(_PREVIEW, None)


def before_preview(hematoma_node, ct) -> np.ndarray | None:
    """The mask, bool (Z, Y, X), from before a preview that the scene was saved with.

    None without a preview, and where what was kept is damaged.
    """
    before = _decoded(hematoma_node.GetAttribute(_PREVIEW) or "", ct)
    return None if before is None else before.foreground


def is_damaged(hematoma_node, scribbles_node, ct) -> bool:
    """Whether something was remembered that cannot be used, or not on this CT; either node may be None."""
    if hematoma_node is not None:
        if hematoma_node.GetAttribute(_ROUND) and not load_round(hematoma_node):
            return True
        if is_preview(hematoma_node) and before_preview(hematoma_node, ct) is None:
            return True
    return (
        scribbles_node is not None
        and bool(_entries(scribbles_node))
        and load_strokes(scribbles_node, ct) is None
    )


def push_strokes(scribbles_node, ct, round_number: int, strokes: Scribbles) -> None:
    """Remember all strokes (Z, Y, X) there were in ``round_number``, the last round for now."""
    kept = _entries(scribbles_node)[: round_number - 1]
    order = _order(ct)
    saved = Scribbles(order.apply(strokes.foreground), order.apply(strokes.background))
    _store(scribbles_node, [*kept, encode(saved)])


def pop_strokes(scribbles_node) -> None:
    """Forget the strokes of the last round."""
    _store(scribbles_node, _entries(scribbles_node)[:-1])


def forget_strokes(scribbles_node) -> None:
    """Forget the strokes of every round."""
    _store(scribbles_node, [])


def load_strokes(scribbles_node, ct) -> Scribbles | None:
    """The strokes behind the last finished round; None where the node has none for the grid of ``ct``."""
    entries = _entries(scribbles_node)
    return _decoded(entries[-1], ct) if entries else None


def encode(strokes: Scribbles) -> str:
    """Strokes as text without XML's special characters, a few kB each."""
    labels = strokes.foreground.ravel() + 2 * strokes.background.ravel().astype(np.uint8)
    places = np.flatnonzero(labels)
    # Neighbors along a stroke lie a constant step apart, which deflate squeezes well.
    steps = np.diff(places, prepend=0).astype("<i8")
    header = np.array([*strokes.shape, len(places)], "<i8")
    data = header.tobytes() + steps.tobytes() + labels[places].astype(np.uint8).tobytes()
    return base64.b64encode(zlib.compress(data)).decode("ascii")


def decode(text: str, shape: tuple[int, int, int]) -> Scribbles | None:
    """Inverse of :func:`encode`; None for text that is damaged or of another grid.

    Nothing is inflated beyond what scribbles on a grid of ``shape`` can take.
    """
    try:
        inflate = zlib.decompressobj()
        header = np.frombuffer(
            inflate.decompress(base64.b64decode(text, validate=True), _HEADER_BYTES), "<i8"
        )
        voxels, count = int(np.prod(shape)), int(header[3])
        if tuple(header[:3]) != tuple(shape) or not 0 <= count <= voxels:
            return None
        size = count * (_PLACE_BYTES + _LABEL_BYTES)
        # One more: what is longer than it says is damaged too.
        data = inflate.decompress(inflate.unconsumed_tail, size + 1)
        if len(data) != size or not inflate.eof:
            return None
        steps = np.frombuffer(data[: count * _PLACE_BYTES], "<i8")
        values = np.frombuffer(data[count * _PLACE_BYTES :], np.uint8)
        if count and not (0 <= steps[0] < voxels and np.all((steps[1:] > 0) & (steps[1:] < voxels))):
            return None
        labels = np.zeros(voxels, np.uint8)
        labels[np.cumsum(steps)] = values
    except (ValueError, IndexError, zlib.error):
        return None
    labels = labels.reshape(shape)
    return Scribbles(labels == 1, labels == 2) if labels.max(initial=0) <= 2 else None


def _order(ct) -> Reorientation:
    """Order in which arrays are kept, from that of the CT node's own array.

    Neither a parent transform changes it nor what Slicer does to a left-handed volume on saving: it turns
    the order of its slices around.
    """
    axes = np.diag([-1.0, -1.0, 1.0]) @ ijk_to_ras(ct)[:3, :3]
    nothing = np.broadcast_to(np.uint8(0), (1, 1, 1))
    return to_canonical(nothing, axes / np.linalg.norm(axes, axis=0))[1]


def _decoded(text: str, ct) -> Scribbles | None:
    """What ``text`` holds for the grid of ``ct``, in the order of the node."""
    order, stored = _order(ct), ct.GetImageData().GetDimensions()[::-1]
    first, second, third = (stored[axis] for axis in order.axes)
    saved = decode(text, (first, second, third))
    if saved is None:
        return None
    return Scribbles(order.undo(saved.foreground), order.undo(saved.background))


def _entries(scribbles_node) -> list[str]:
    return (scribbles_node.GetAttribute(_STROKES) or "").split()


def _store(scribbles_node, entries: list[str]) -> None:
    scribbles_node.SetAttribute(_STROKES, " ".join(entries) if entries else None)
