"""What a saved scene needs beyond voxels to go on at the next round.

The round number sits as an attribute on the hematoma node, the strokes behind each
finished round on the scribbles node: both go with the node they describe, are saved
with the scene, and need no node of their own.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np

from ..interaction.scribbles import Scribbles

_ROUND = "ICHHPINet.round"
_STROKES = "ICHHPINet.finishedStrokes"
_PREVIEW = "ICHHPINet.preview"


def save_round(hematoma_node, number: int) -> None:
    """Remember the number of the last finished round; 0 forgets it."""
    hematoma_node.SetAttribute(_ROUND, str(int(number)) if number else None)


def load_round(hematoma_node) -> int:
    """Number of the last finished round, 0 before the first."""
    text = hematoma_node.GetAttribute(_ROUND) or ""
    return int(text) if text.isdecimal() else 0


def begin_preview(hematoma_node, before: np.ndarray) -> None:
    """Remember the mask, bool (Z, Y, X), that a preview takes the place of."""
    hematoma_node.SetAttribute(_PREVIEW, encode(Scribbles(before, np.zeros_like(before))))


def is_preview(hematoma_node) -> bool:
    """Whether the hematoma is a preview."""
    return hematoma_node.GetAttribute(_PREVIEW) is not None


def end_preview(hematoma_node) -> None:
    """The hematoma is no preview any more."""
    hematoma_node.SetAttribute(_PREVIEW, None)


def before_preview(hematoma_node, shape: tuple[int, int, int]) -> np.ndarray | None:
    """The mask, bool (Z, Y, X), from before a preview that the scene was saved with; None without one."""
    text = hematoma_node.GetAttribute(_PREVIEW)
    return None if text is None else decode(text, shape).foreground


def push_strokes(scribbles_node, round_number: int, strokes: Scribbles) -> None:
    """Remember all strokes (Z, Y, X) there were in ``round_number``, the last round for now."""
    kept = _entries(scribbles_node)[: round_number - 1]
    _store(scribbles_node, [*kept, encode(strokes)])


def pop_strokes(scribbles_node) -> None:
    """Forget the strokes of the last round."""
    _store(scribbles_node, _entries(scribbles_node)[:-1])


def forget_strokes(scribbles_node) -> None:
    """Forget the strokes of every round."""
    _store(scribbles_node, [])


def load_strokes(scribbles_node, shape: tuple[int, int, int]) -> Scribbles | None:
    """The strokes behind the last finished round; None where the node has none for a grid of ``shape``."""
    entries = _entries(scribbles_node)
    return decode(entries[-1], shape) if entries else None


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
    """Inverse of :func:`encode`; None for text that is damaged or of another grid."""
    try:
        data = zlib.decompress(base64.b64decode(text, validate=True))
        header = np.frombuffer(data[:32], "<i8")
        count = int(header[3])
        places = np.cumsum(np.frombuffer(data[32 : 32 + 8 * count], "<i8"))
        values = np.frombuffer(data[32 + 8 * count :], np.uint8)
        if tuple(header[:3]) != tuple(shape):
            return None
        labels = np.zeros(int(np.prod(shape)), np.uint8)
        labels[places] = values
    except (ValueError, IndexError, zlib.error):
        return None
    labels = labels.reshape(shape)
    return Scribbles(labels == 1, labels == 2)


def _entries(scribbles_node) -> list[str]:
    return (scribbles_node.GetAttribute(_STROKES) or "").split()


def _store(scribbles_node, entries: list[str]) -> None:
    scribbles_node.SetAttribute(_STROKES, " ".join(entries) if entries else None)
