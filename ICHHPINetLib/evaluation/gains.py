"""What one more round buys, by what was wrong before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Beyond these rounds little is left to gain.
_ROUNDS = (2, 4)


@dataclass(frozen=True)
class Gain:
    """Means over the rounds 2 to 4 that began with a mask of one kind.

    ``dice``: by how much one round raised it. ``volume_error``: by how much it lowered the absolute relative
    volume error.
    """

    label: str
    rounds: int
    dice: float
    volume_error: float


def gains(dice: np.ndarray, relative_volume_error: np.ndarray) -> tuple[Gain, ...]:
    """Of rounds that began with less and with more blood than the truth, and of all.

    Both figures are (run, round), after each round. Empty where there is one round alone.
    """
    first, last = _ROUNDS[0] - 2, _ROUNDS[1]
    dice, error = dice[:, first:last], relative_volume_error[:, first:last]
    before, after = np.abs(error[:, :-1]), np.abs(error[:, 1:])
    # Of a head without a bleed, a relative error says nothing.
    known = np.isfinite(before) & np.isfinite(after)
    raised, lowered = np.diff(dice, axis=1)[known], before[known] - after[known]
    sign = np.sign(error[:, :-1][known])
    kinds = (
        ("too little blood before it", sign < 0),
        ("too much blood before it", sign > 0),
        ("all", np.ones(len(sign), bool)),
    )
    return tuple(
        Gain(label, int(chosen.sum()), float(raised[chosen].mean()), float(lowered[chosen].mean()))
        for label, chosen in kinds
        if chosen.any()
    )
