"""What the controller does with a first guess, and with a mask that was drawn by hand before any round."""

import numpy as np
import pytest

from ICHHPINetLib.errors import InvalidScribblesError
from ICHHPINetLib.interaction.status import State
from Testing.interaction.controller_fakes import SHAPE, World


@pytest.fixture
def world():
    return World()


def test_a_first_guess_is_a_round_that_scribbles_correct(world):
    world.controller.ct_chosen()
    assert world.controller.guess()
    world.finish()
    assert world.scene.rows == 1
    assert world.scene.mask[0].all()
    assert not world.controller.status.can_guess
    assert world.state is State.IDLE
    world.scene.paint(2, 0, 0)
    world.round()
    assert world.scene.rows == 2
    assert world.scene.mask[2].all()
    assert world.scene.mask[0].all()


def test_a_first_guess_can_be_taken_back(world):
    world.controller.ct_chosen()
    world.controller.guess()
    world.finish()
    assert world.controller.undo()
    assert world.scene.mask is None
    assert world.controller.status.can_guess


@pytest.mark.parametrize("done", ["scribble", "round"])
def test_no_guess_after_scribbles_or_rounds(world, done):
    world.controller.ct_chosen()
    if done == "scribble":
        world.scene.paint(1, 2, 3)
    else:
        world.controller.guess()
        world.finish()
    before = world.scene.written.copy()
    assert not world.controller.guess()
    assert isinstance(world.controller.status.error, InvalidScribblesError)
    assert world.scene.written == before
    assert not world.executor.jobs


def test_scribbles_painted_during_a_guess_wait_for_their_round(world):
    world.controller.ct_chosen()
    world.controller.auto_refine = True
    world.controller.guess()
    assert not world.controller.guess()
    world.scene.paint(2, 0, 0)
    world.finish()
    assert world.state is State.REFINING
    world.finish()
    assert world.scene.rows == 2
    assert world.scene.mask[2].all()


def test_a_refine_without_scribbles_does_not_wait_for_the_guess(world):
    world.controller.ct_chosen()
    world.controller.guess()
    assert not world.controller.refine()
    world.finish()
    assert world.controller.status.error is None
    assert not world.executor.jobs


def test_a_guess_does_not_replace_what_was_drawn_by_hand(world):
    world.controller.ct_chosen()
    world.scene.mask = np.ones(SHAPE, np.uint8)
    assert not world.controller.guess()
    assert "already" in world.controller.status.message
    assert world.scene.mask.all()
    assert not world.controller.poll()
    assert world.state is State.FAILED
    world.scene.paint(1, 2, 3)
    world.round()
    assert world.state is State.READY


def test_a_drawing_before_the_first_round_is_its_memory_and_comes_back(world):
    world.controller.ct_chosen()
    world.scene.mask = np.zeros(SHAPE, np.uint8)
    world.scene.mask[3] = 1
    world.scene.paint(1, 2, 3)
    world.round()
    assert world.scene.rows == 1
    assert world.scene.mask[1].all() and world.scene.mask[3].all()
    assert world.controller.undo()
    assert world.scene.mask[3].all()
    assert not world.scene.mask[:3].any()
