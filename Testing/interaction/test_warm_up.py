"""The CT is looked at before the first round asks for it."""

import pytest

from Testing.interaction.controller_fakes import World


@pytest.fixture
def chosen():
    world = World()
    world.controller.ct_chosen()
    world.controller.prepare()
    return world


def test_the_first_round_takes_the_session_that_was_prepared(chosen):
    chosen.finish()
    chosen.scene.paint(1, 2, 3)
    chosen.round()
    assert chosen.controller.status.rounds == 1
    assert chosen.session_class.opened == chosen.session_class.prepared == 1


def test_asking_twice_prepares_once(chosen):
    chosen.controller.prepare()
    assert len(chosen.executor.jobs) == 1


def test_another_ct_ends_the_preparation(chosen):
    chosen.scene.ct = "CT 2"
    chosen.controller.ct_chosen()
    chosen.finish()
    assert chosen.session_class.opened == 0


def test_a_ct_that_cannot_be_prepared_is_explained_by_the_round(chosen):
    chosen.session_class.__init__ = _refused
    chosen.finish()
    chosen.scene.paint(1, 2, 3)
    chosen.round()
    assert "no room" in chosen.controller.status.message


def _refused(self, *given):
    raise MemoryError("no room")


def test_an_application_is_told_to_ask_for_reports_until_it_is_done(chosen):
    assert chosen.controller.status.preparing
    assert chosen.controller.poll()
    chosen.executor.run()
    assert not chosen.controller.poll()
    assert not chosen.controller.status.preparing
