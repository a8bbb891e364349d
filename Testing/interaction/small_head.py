"""A small head and scribbles on it, for the tests of sessions."""

import numpy as np

from ICHHPINetLib import Scribbles

SHAPE, SPACING = (6, 40, 48), (5.0, 1.0, 1.0)


def head(shape=SHAPE, seed=0):
    """Noise of brain with air around it, HU."""
    volume = np.random.default_rng(seed).normal(32, 6, shape)
    volume[:, :4] = volume[:, -4:] = volume[:, :, :4] = volume[:, :, -4:] = -1000
    return volume.astype(np.int16)


def drawn(*, foreground=(), background=(), shape=SHAPE):
    out = Scribbles.empty(shape)
    for array, places in ((out.foreground, foreground), (out.background, background)):
        for place in places:
            array[place] = True
    return out


INSIDE = (2, 20, slice(15, 30))

OUTSIDE = (2, 30, slice(15, 30))
