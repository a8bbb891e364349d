"""What the controller remembers of the rounds: undo, edits by hand, deleted results, saved work."""

import numpy as np
import pytest

from ICHHPINetLib.interaction.round_job import RoundSettings
from ICHHPINetLib.interaction.round_log import RoundLog
from ICHHPINetLib.interaction.status import State
from Testing.interaction.controller_fakes import SHAPE, SPACING, World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def ready(world):
    world.controller.ct_chosen()
    world.scene.paint(1, 2, 3)
    return world


def test_session_and_volume_are_kept_between_rounds(ready):
    ready.round()
    ready.scene.read_ct = None
    ready.round()
    assert ready.session_class.opened == 1


def test_changed_settings_open_a_session_that_goes_on(ready):
    ready.round()
    ready.controller.settings = RoundSettings(device="cpu")
    ready.round()
    assert ready.session_class.opened == 2
    assert ready.controller.last.result.round == 2


def test_undo_takes_back_result_row_and_scribbles_of_the_round(ready):
    ready.round()
    first = ready.scene.mask.copy()
    ready.scene.paint(2, 0, 0)
    ready.round()
    ready.scene.paint(3, 0, 0)
    assert ready.controller.undo()
    assert np.array_equal(ready.scene.mask, first)
    assert ready.scene.rows == ready.controller.status.rounds == 1
    assert [z for z, _, _ in np.argwhere(ready.scene.scribbles.foreground)] == [1, 3]
    assert ready.controller.last is None
    assert ready.controller.undo()
    assert not ready.controller.undo()
    assert ready.controller.status.message == "There is no round to take back."
    assert ready.scene.mask is None


def test_mask_corrected_by_hand_is_the_memory_of_the_next_round(ready):
    ready.round()
    ready.scene.mask[0, 0, 0] = 1
    ready.round()
    assert ready.scene.mask[0, 0, 0] == 1
    assert ready.controller.last.result.round == 2
    assert ready.controller.undo()
    assert ready.scene.mask[0, 0, 0] == 1
    assert ready.scene.rows == 1


def test_work_goes_on_after_a_reload(world):
    world.scene.mask = np.zeros(SHAPE, np.uint8)
    world.scene.mask[0] = 1
    world.scene.scribbles.foreground[0, 0, 0] = True
    finished = world.scene.read_scribbles()
    world.scene.log = RoundLog.resumed(world.scene.mask, finished, 3, SPACING)
    # Painted after the last round, before the scene was saved.
    world.scene.scribbles.foreground[1, 0, 0] = True
    world.controller.ct_chosen()
    assert world.controller.status.rounds == 3
    assert not world.controller.status.can_undo
    world.scene.paint(2, 0, 0)
    world.round()
    assert world.controller.last.result.round == world.scene.rows == 4
    assert world.scene.mask[0].all()
    assert world.controller.undo()
    assert np.argwhere(world.scene.scribbles.foreground).tolist() == [[0, 0, 0]]


def test_deleted_result_does_not_come_back_as_memory(ready):
    ready.round()
    ready.scene.scribbles.foreground[:] = False
    ready.scene.delete_result()
    assert ready.scene.rows == 0
    assert not ready.controller.status.can_undo
    ready.scene.paint(3, 0, 0)
    ready.round()
    assert ready.controller.last.result.round == 1
    assert not ready.scene.mask[1].any()


def test_result_deleted_unnoticed_is_noticed_by_the_next_round(ready):
    ready.round()
    ready.scene.delete_result(noticed=False)
    ready.round()
    assert ready.scene.rows == 1


@pytest.mark.parametrize("rounds", [0, 1, 2])
@pytest.mark.parametrize("noticed", [True, False])
def test_a_result_deleted_during_a_round_does_not_come_back(ready, rounds, noticed):
    for index in range(rounds):
        ready.scene.paint(index, 0, 0)
        ready.round()
    ready.scene.paint(3, 0, 0)
    ready.controller.refine()

    def delete():
        # Once a slice is shown that is done before the round is.
        ready.session_class.on_slice = staticmethod(lambda: None)
        ready.controller.poll()
        assert ready.scene.mask is not None
        ready.scene.delete_result(noticed)

    ready.session_class.on_slice = staticmethod(delete)
    ready.finish()
    assert (ready.scene.mask, ready.scene.rows, ready.controller.status.rounds) == (None, 0, 0)
    assert ready.state is State.CANCELLED
    assert ready.scene.scribbles.foreground[3, 0, 0]
    ready.round()
    assert ready.scene.rows == 1


def test_result_deleted_during_a_round_that_is_cancelled_stays_deleted(ready):
    ready.round()
    ready.controller.refine()
    ready.scene.delete_result()
    ready.controller.cancel()
    ready.finish()
    assert ready.scene.mask is None
    assert ready.scene.rows == 0


def test_start_over_forgets_scribbles_and_rounds(ready):
    ready.round()
    ready.controller.start_over()
    assert ready.state is State.IDLE
    assert ready.scene.scribbles.is_empty
    assert ready.scene.mask is None
    assert not ready.controller.status.can_start_over
