"""How scribbles become prompts: one rule for all methods, so that none of them is handicapped.

A method takes of a slice's ``Prompts`` what it was made for (a box, points, a mask, or nothing) and
leaves the rest.

- **Points** lie along the scribbles: those of the foreground positive, those of the background negative,
  at most ten of each, as far from each other as they can. Where a slice has no foreground scribble, the
  innermost pixel of the known mask is the one positive point.
- **The known mask** of a scribbled slice is the mask of the round before, with all scribbles obeyed; that of
  another slice is the mask of its neighbor towards the nearest scribbled slice, of this round
  (``propagation``). It is the mask prompt.
- **The box** holds the foreground scribbles with a margin of 5 mm, since a user draws in the middle of a
  bleed, and the known mask with one of 2 mm.
- A slice of which nothing says that there is blood gets no prompts and stays empty.

nnInteractive takes scribbles as they are and needs none of this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

MAX_POINTS = 10
_SCRIBBLE_MARGIN_MM, _MASK_MARGIN_MM = 5.0, 2.0


@dataclass(frozen=True)
class Prompts:
    """What is said of one slice (Y, X).

    Attributes
    ----------
    points: float32 (n, 2), pixels (x, y); labels: int64 (n,), 1 on blood, 0 beside it.
    box: float32 (4,), pixels (x, y) of two corners: left, top, right, bottom.
    mask: bool (Y, X), the known mask; None where there is none.
    """

    points: np.ndarray
    labels: np.ndarray
    box: np.ndarray
    mask: np.ndarray | None


def prompts_of(
    foreground: np.ndarray,
    background: np.ndarray,
    known: np.ndarray | None,
    pixel: tuple[float, float],
) -> Prompts | None:
    """Prompts of a slice; None where neither a scribble nor the known mask says that there is blood.

    Parameters
    ----------
    foreground, background: bool (Y, X), all scribbles so far on the slice.
    known: bool (Y, X), the known mask, or None.
    pixel: mm (y, x).
    """
    if known is not None:
        known = (known | foreground) & ~background
        known = known if known.any() else None
    if known is None and not foreground.any():
        return None
    inside = spread(foreground) if foreground.any() else innermost(known)
    outside = spread(background)
    boxes = [_box(foreground, pixel, _SCRIBBLE_MARGIN_MM)] if foreground.any() else []
    boxes += [_box(known, pixel, _MASK_MARGIN_MM)] if known is not None else []
    corners = np.stack(boxes)
    return Prompts(
        points=np.concatenate([inside, outside]),
        labels=np.repeat(np.array([1, 0]), [len(inside), len(outside)]),
        box=np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)]),
        mask=known,
    )


def spread(scribble: np.ndarray) -> np.ndarray:
    """At most ``MAX_POINTS`` pixels (x, y) of a scribble (Y, X), far from each other; float32 (n, 2).

    The first is the one nearest to the scribble's center, each further one that farthest from all before.
    """
    pixels = np.argwhere(scribble)[:, ::-1].astype(np.float32)
    if len(pixels) <= MAX_POINTS:
        return pixels
    chosen = [int(((pixels - pixels.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    distance = np.full(len(pixels), np.inf, np.float32)
    while len(chosen) < MAX_POINTS:
        distance = np.minimum(distance, ((pixels - pixels[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(distance.argmax()))
    return pixels[chosen]


def innermost(mask: np.ndarray) -> np.ndarray:
    """The pixel (x, y) of a mask (Y, X) that is farthest from its border; float32 (1, 2)."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.array(np.unravel_index(depth.argmax(), depth.shape)[::-1], np.float32)[None]


def _box(mask: np.ndarray, pixel: tuple[float, float], margin: float) -> np.ndarray:
    """Left, top, right and bottom of ``mask`` (Y, X) with a margin in mm, within the slice."""
    rows, columns = np.nonzero(mask)
    up, aside = margin / pixel[0], margin / pixel[1]
    height, width = mask.shape
    return np.array(
        [
            max(0.0, columns.min() - aside),
            max(0.0, rows.min() - up),
            min(width - 1.0, columns.max() + aside),
            min(height - 1.0, rows.max() + up),
        ],
        np.float32,
    )
