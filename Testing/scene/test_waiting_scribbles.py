"""Single scribbles are taken back, one after the other, back to what the last round has seen."""

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="slicer-core is not installed")

from ICHHPINetLib.interaction.scribbles import Scribbles
from ICHHPINetLib.scene import SceneAdapter, load_mrb, save_mrb
from Testing.scene.builders import SHAPE, add_ct, marks, oblique, paint, result, write

FIRST, SECOND, THIRD = (marks(SHAPE, np.s_[z, 6 + z, 5:12]) for z in (1, 2, 3))
KEPT = "ICHHPINet.waitingScribbles"


class Desk:
    """A user who paints on an oblique CT whose slices are stored from head to feet."""

    def __init__(self, scene, ct=None):
        self.ct = ct or add_ct(scene, matrix=oblique() @ np.diag([1, 1, -1, 1]))
        self.adapter = SceneAdapter(scene, self.ct)
        self.adapter.load_rounds()

    def draw(self, marked, background=False, erase=False):
        node, *segments = self.adapter.ensure_scribbles()
        grid = self.adapter.geometry().ijk_to_world
        for segment in segments if erase else [segments[background]]:
            paint(node, segment, self.adapter.geometry().to_stored(marked), grid, erase)
        self.adapter.note_scribble()

    def labels(self):
        return self.adapter.read_scribbles().labels()

    def round(self, number=1):
        write(self.adapter, result(np.zeros(SHAPE), number))


@pytest.fixture
def desk(scene):
    return Desk(scene)


def test_the_last_scribble_goes_first(desk):
    assert not desk.adapter.can_undo_scribble()
    assert not desk.adapter.undo_scribble()
    desk.draw(FIRST)
    desk.draw(SECOND, background=True)
    assert desk.adapter.undo_scribble()
    assert np.array_equal(desk.labels(), FIRST)
    assert desk.adapter.undo_scribble()
    assert not desk.labels().any()
    assert not desk.adapter.can_undo_scribble()
    assert not desk.adapter.undo_scribble()


def test_a_wipe_of_the_eraser_is_taken_back_too(desk):
    desk.draw(FIRST)
    desk.draw(SECOND, background=True)
    before = desk.labels()
    desk.draw(marks(SHAPE, np.s_[:, :, 7:9]), erase=True)
    assert desk.labels().sum() < before.sum()
    assert desk.adapter.undo_scribble()
    assert np.array_equal(desk.labels(), before)


def test_a_scribble_that_crossed_another_gives_back_what_it_covered(desk):
    desk.draw(FIRST)
    crossing = marks(SHAPE, np.s_[1, 4:11, 8])
    node, foreground, background = desk.adapter.ensure_scribbles()
    stored, grid = desk.adapter.geometry().to_stored(crossing), desk.adapter.geometry().ijk_to_world
    # As Slicer does it: one segment after the other, before anybody is asked.
    paint(node, background, stored, grid)
    paint(node, foreground, stored, grid, erase=True)
    desk.adapter.note_scribble()
    assert desk.adapter.undo_scribble()
    assert np.array_equal(desk.labels(), FIRST)


def test_a_scribble_that_a_round_has_seen_stays_until_that_round_is_undone(desk):
    desk.draw(FIRST)
    desk.round()
    assert not desk.adapter.undo_scribble()
    desk.draw(SECOND)
    desk.draw(THIRD)
    assert desk.adapter.undo_scribble()
    assert desk.adapter.undo_scribble()
    assert not desk.adapter.undo_scribble()
    assert np.array_equal(desk.labels(), FIRST)


def test_a_scribble_drawn_while_the_round_ran_still_waits(desk):
    desk.draw(FIRST)
    seen = desk.adapter.read_scribbles()
    desk.draw(SECOND)
    write(desk.adapter, result(np.zeros(SHAPE)), seen)
    assert desk.adapter.undo_scribble()
    assert not desk.adapter.undo_scribble()
    assert np.array_equal(desk.labels(), FIRST)


def test_newer_scribbles_than_an_undone_round_are_still_single(desk):
    desk.draw(FIRST)
    desk.round()
    desk.draw(SECOND)
    desk.draw(SECOND, background=True)
    desk.draw(THIRD)
    log = desk.adapter.load_rounds()
    desk.adapter.write_scribbles(log.rounds[-1].change.revert(desk.adapter.read_scribbles()))
    desk.adapter.write_rounds(log.without_last())
    for left in (2 * SECOND, SECOND, 0 * SECOND):
        assert desk.adapter.undo_scribble()
        assert np.array_equal(desk.labels(), left)
    assert not desk.adapter.undo_scribble()


def test_what_start_over_has_removed_does_not_come_back(desk):
    desk.draw(FIRST)
    desk.adapter.write_rounds(desk.adapter.load_rounds().emptied())
    desk.adapter.write_scribbles(Scribbles.empty(SHAPE))
    desk.adapter.note_scribble()
    assert not desk.adapter.can_undo_scribble()


@pytest.mark.parametrize("damage", [None, lambda text: text[:-9]])
def test_a_loaded_scene_still_knows_them(desk, scene, tmp_path, damage):
    desk.draw(FIRST)
    desk.round()
    desk.draw(SECOND)
    desk.draw(THIRD, background=True)
    node = desk.adapter.node("scribbles")
    if damage:
        node.SetAttribute(KEPT, damage(node.GetAttribute(KEPT)))
    path = save_mrb(scene, tmp_path / "case.mrb")
    scene.Clear(False)
    load_mrb(scene, path)
    again = Desk(scene, scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode"))
    assert again.adapter.undo_scribble()
    if not damage:
        assert np.array_equal(again.labels(), FIRST | SECOND)
        assert again.adapter.undo_scribble()
    assert np.array_equal(again.labels(), FIRST), "as one piece where they are not known one by one"
    assert not again.adapter.undo_scribble()


def test_scribbles_of_a_script_count_as_one(scene):
    ct = add_ct(scene)
    node, foreground, _ = SceneAdapter(scene, ct).ensure_scribbles()
    paint(node, foreground, FIRST, oblique())
    paint(node, foreground, SECOND, oblique())
    desk = Desk(scene, ct)
    assert desk.adapter.undo_scribble()
    assert not desk.labels().any()


def test_any_scribbles_are_taken_back_one_by_one(desk):
    random = np.random.default_rng(0)
    node, *segments = desk.adapter.ensure_scribbles()
    grid, to_stored = desk.adapter.geometry().ijk_to_world, desk.adapter.geometry().to_stored
    states = [desk.labels()]
    while len(states) < 9:
        z, y, x = (random.integers(0, size - 5) for size in (SHAPE[0] + 4, *SHAPE[1:]))
        box = to_stored(marks(SHAPE, np.s_[z, y : y + 5, x : x + 5]))
        drawn = random.choice([None, *segments])
        for segment in segments:
            # None is the eraser; every other brush wipes away what it covers.
            paint(node, segment, box, grid, erase=segment != drawn)
        desk.adapter.note_scribble()
        if not np.array_equal(desk.labels(), states[-1]):
            states.append(desk.labels())
    for state in reversed(states[:-1]):
        assert desk.adapter.undo_scribble()
        assert np.array_equal(desk.labels(), state)
    assert not desk.adapter.undo_scribble()
