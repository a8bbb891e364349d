"""What a round buys, by what was wrong before it."""

import numpy as np
import pytest

from ICHHPINetLib.evaluation.gains import gains


def test_rounds_are_told_apart_by_what_was_wrong_before_them():
    dice = np.array([[0.5, 0.7, 0.8, 0.8, 0.1], [0.6, 0.7, 0.9, 0.9, 0.2]])
    error = np.array([[-0.5, -0.2, 0.1, 0.0, 9.0], [0.4, 0.1, 0.1, 0.0, 9.0]])
    little, much, every = gains(dice, error)
    assert (little.rounds, much.rounds, every.rounds) == (2, 4, 6)
    assert little.dice == pytest.approx(0.15)
    assert little.volume_error == pytest.approx((0.3 + 0.1) / 2)
    assert much.dice == pytest.approx((0.0 + 0.1 + 0.2 + 0.0) / 4)
    assert much.volume_error == pytest.approx((0.1 + 0.3 + 0.0 + 0.1) / 4)


def test_heads_without_a_bleed_and_single_rounds_say_nothing():
    nothing = np.full((1, 3), np.inf)
    assert gains(np.zeros((1, 3)), nothing) == ()
    assert gains(np.array([[0.5]]), np.array([[0.1]])) == ()
