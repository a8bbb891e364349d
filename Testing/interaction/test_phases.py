"""What moves the work from phase to phase, and what is offered in each."""

import pytest

from ICHHPINetLib.errors import DeviceError
from ICHHPINetLib.interaction.scribbles import Scribbles
from ICHHPINetLib.interaction.status import State
from Testing.interaction.controller_fakes import SHAPE, World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def ready(world):
    world.controller.ct_chosen()
    world.scene.paint(1, 2, 3)
    return world


@pytest.fixture
def refining(ready):
    assert ready.controller.refine()
    return ready


def offered(world):
    """What a click would be good for."""
    names = ("refine", "guess", "cancel", "undo", "start_over")
    return {name for name in names if getattr(world.controller.status, f"can_{name}")}


def test_without_pytorch_nothing_starts_until_it_is_installed(world):
    world.torch = False
    world.controller.ct_chosen()
    world.scene.paint(1, 2, 3)
    assert (world.state, offered(world)) == (State.NO_TORCH, {"start_over"})
    assert not world.controller.refine()
    assert "PyTorch" in world.controller.status.message
    world.torch = True
    world.controller.torch_installed()
    assert world.state is State.READY


def test_without_a_ct_nothing_starts(world):
    world.scene.ct = None
    world.controller.ct_removed()
    assert (world.state, offered(world)) == (State.NO_CT, set())
    assert not world.controller.refine()
    assert "Choose a head CT" in world.controller.status.message
    assert not world.controller.guess()


def test_a_ct_alone_can_be_guessed_and_with_a_scribble_refined(world):
    world.controller.ct_chosen()
    assert (world.state, offered(world)) == (State.IDLE, {"guess"})
    world.scene.paint(1, 2, 3)
    assert (world.state, offered(world)) == (State.READY, {"refine", "start_over"})


def test_a_round_runs_and_is_finished(refining):
    assert (refining.state, offered(refining)) == (State.REFINING, {"refine", "cancel", "start_over"})
    refining.finish()
    assert (refining.state, offered(refining)) == (State.READY, {"refine", "undo", "start_over"})
    assert refining.shown[-1] is refining.controller.status


@pytest.mark.parametrize("how", ["cancel", "undo"])
def test_a_round_is_cancelled(refining, how):
    getattr(refining.controller, how)()
    assert (refining.state, offered(refining)) == (State.CANCELLING, {"refine", "start_over"})
    refining.finish()
    assert (refining.state, offered(refining)) == (State.CANCELLED, {"refine", "start_over"})
    assert refining.scene.rows == 0


def test_a_round_fails_and_says_so(refining):
    refining.session_class.fail_with = DeviceError("out of memory")
    refining.finish()
    assert (refining.state, offered(refining)) == (State.FAILED, {"refine", "start_over"})
    assert refining.controller.status.message == "out of memory"


@pytest.mark.parametrize("failed", [True, False])
def test_how_the_last_round_ended_is_shown_until_something_happens(refining, failed):
    if failed:
        refining.session_class.fail_with = ValueError("broken")
    else:
        refining.controller.cancel()
    refining.finish()
    ended = refining.state
    refining.controller.cancel()
    refining.controller.poll()
    assert refining.state is ended
    refining.scene.paint(2, 0, 0)
    assert refining.state is State.READY
    assert refining.controller.status.message == ""


def test_a_round_that_fails_while_it_is_cancelled_has_failed(refining):
    def break_down():
        refining.controller.cancel()
        raise ValueError("broken")

    refining.session_class.on_slice = break_down
    refining.finish()
    assert refining.state is State.FAILED


def test_scribbles_and_deletions_do_not_end_a_round(refining):
    refining.scene.paint(2, 0, 0)
    refining.controller.torch_installed()
    refining.controller.node_deleted()
    assert not refining.controller.guess()
    assert refining.state is State.REFINING


def abandon_by_another_ct(world):
    world.controller.leave_ct()
    world.scene.ct, world.scene.scribbles = "CT 2", Scribbles.empty(SHAPE)
    world.controller.ct_chosen()


def abandon_by_no_ct(world):
    world.scene.ct = None
    world.controller.ct_removed()


@pytest.mark.parametrize(
    ("abandon", "state"),
    [
        (abandon_by_another_ct, State.IDLE),
        (abandon_by_no_ct, State.NO_CT),
        (lambda world: world.controller.start_over(), State.IDLE),
    ],
)
@pytest.mark.parametrize("cancelling", [False, True])
def test_what_overtakes_a_round_abandons_it(refining, abandon, state, cancelling):
    if cancelling:
        refining.controller.cancel()
    abandon(refining)
    assert refining.state is state
    refining.finish()
    assert refining.state is state
    assert (refining.scene.mask, refining.scene.rows) == (None, 0)
    # And the work goes on.
    refining.scene.ct = refining.scene.ct or "CT 3"
    refining.controller.ct_chosen()
    refining.scene.paint(3, 3, 3)
    refining.round()
    assert refining.state is State.READY
    assert refining.scene.mask[3].all()


def test_reports_without_a_round_mean_nothing(ready):
    before = ready.controller.status
    assert not ready.controller.poll()
    assert ready.controller.status is before
