"""Labels and masks as short texts: what the memory of a session and a saved scene hold of every round."""

from __future__ import annotations

import base64
import zlib

import numpy as np

_HEADER_BYTES, _PLACE_BYTES, _LABEL_BYTES = 32, 8, 1


def pack(labels: np.ndarray) -> str:
    """Labels 0, 1 and 2 (Z, Y, X) as text without XML's special characters; a few kB for scribbles."""
    places = np.flatnonzero(labels)
    return pack_places(places, labels.ravel()[places], labels.shape)


def pack_places(places: np.ndarray, labels: np.ndarray, shape: tuple[int, ...]) -> str:
    """As :func:`pack`, of ascending flat places on a grid of ``shape`` and their labels, 1 or 2."""
    # Neighbors along a scribble lie a constant step apart, which deflate squeezes well.
    steps = np.diff(places, prepend=0).astype("<i8")
    header = np.array([*shape, len(places)], "<i8")
    data = header.tobytes() + steps.tobytes() + labels.astype(np.uint8).tobytes()
    return base64.b64encode(zlib.compress(data)).decode("ascii")


def unpack(text: str, shape: tuple[int, int, int]) -> np.ndarray | None:
    """Inverse of :func:`pack`, uint8 (Z, Y, X); None for text that is damaged or of another grid."""
    try:
        return unpack_whole(text, shape)
    except (ValueError, IndexError, zlib.error):
        return None


def unpack_whole(text: str, shape: tuple[int, int, int]) -> np.ndarray:
    """As :func:`unpack`, of text that is known to be whole; ValueError, IndexError or zlib.error where not.

    Nothing is inflated beyond what labels on a grid of ``shape`` can take.
    """
    places, values = unpack_places(text, shape)
    labels = np.zeros(int(np.prod(shape)), np.uint8)
    labels[places] = values
    return labels.reshape(shape)


def unpack_places(text: str, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of :func:`pack_places`: ascending flat places and their labels, uint8; errors as above."""
    inflate = zlib.decompressobj()
    header = np.frombuffer(inflate.decompress(base64.b64decode(text, validate=True), _HEADER_BYTES), "<i8")
    voxels, count = int(np.prod(shape)), int(header[3])
    if tuple(header[:3]) != tuple(shape) or not 0 <= count <= voxels:
        raise ValueError("the labels are of another grid")
    size = count * (_PLACE_BYTES + _LABEL_BYTES)
    # One more: what is longer than it says is damaged too.
    data = inflate.decompress(inflate.unconsumed_tail, size + 1)
    if len(data) != size or not inflate.eof:
        raise ValueError("the labels are cut off, or something follows them")
    steps = np.frombuffer(data[: count * _PLACE_BYTES], "<i8")
    values = np.frombuffer(data[count * _PLACE_BYTES :], np.uint8)
    if count and not (0 <= steps[0] < voxels and np.all((steps[1:] > 0) & (steps[1:] < voxels))):
        raise ValueError("the labels lie in no order")
    if values.max(initial=0) > 2:
        raise ValueError("the labels are not 0, 1 and 2")
    places = np.cumsum(steps)
    if count and places[-1] >= voxels:
        raise ValueError("the labels lie outside the grid")
    return places, values
