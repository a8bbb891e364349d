"""The part of a head in which a round can change something, so that VIM need not read the rest again."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F

# Around scribbles, the previous mask and whatever may be blood: 22 mm in plane, and slices.
_MARGIN_PIXELS = 24
_MARGIN_SLICES = 3
# What VIM gives a lower probability than this without any scribble is no blood, unless somebody says so.
_MAY_BE_BLOOD = 0.1
# Blood that looks like brain may go on anywhere: it is told from its surroundings by the scribbles alone.
_TOLD_BY_LOOK_HU = 45.0
_BRAIN_WINDOW_HU = 100.0
_STEP = 16


class Box(NamedTuple):
    """Slices, rows and columns, at the full plane; rows and columns begin and end at multiples of 16."""

    z: slice
    y: slice
    x: slice

    def at(self, stride: int) -> tuple[slice, ...]:
        """The same on (1, C, Z, Y / stride, X / stride), as an index."""
        plane = (slice(one.start // stride, one.stop // stride) for one in (self.y, self.x))
        return (slice(None), slice(None), self.z, *plane)


def box_of_round(
    image: torch.Tensor, scribbles: torch.Tensor, previous: torch.Tensor, guess: torch.Tensor
) -> Box:
    """Where VIM has to look in a round.

    Parameters
    ----------
    image (Z, 2, Y, X), scribbles (Z, 2, Y, X), previous mask (Z, 1, Y, X).
    guess: VIM's logits without any scribble, (1, 1, Z, Y/2, X/2).
    """
    depth, _, height, width = image.shape
    whole = Box(slice(0, depth), slice(0, height), slice(0, width))
    foreground = image[:, 0][scribbles[:, 0] > 0]
    if len(foreground) and (foreground.float().median() + 1) * _BRAIN_WINDOW_HU / 2 < _TOLD_BY_LOOK_HU:
        return whole
    marked = F.max_pool2d(torch.cat([scribbles, previous], 1).float(), 2).amax(1) > 0
    marked |= guess[0, 0].float().sigmoid() > _MAY_BE_BLOOD
    if not marked.any():
        return whole

    def around(axes: tuple[int, int], margin: int, step: int, scale: int, length: int) -> slice:
        found = torch.nonzero(marked.amax(axes)).flatten()
        first, last = scale * int(found[0]) - margin, scale * (int(found[-1]) + 1) + margin
        return slice(max(0, first) // step * step, min(length, -(-last // step) * step))

    return Box(
        around((1, 2), _MARGIN_SLICES, 1, 1, depth),
        around((0, 2), _MARGIN_PIXELS, _STEP, 2, height),
        around((0, 1), _MARGIN_PIXELS, _STEP, 2, width),
    )
