"""The controller of module and effect drives a real scene through the adapter."""

import numpy as np
import pytest

from ICHHPINetLib.interaction.controller import Controller
from ICHHPINetLib.interaction.status import State
from Testing.inline_executor import InlineExecutor
from Testing.scene.builders import SHAPE, FakeSession, add_ct, marks, oblique, paint

SCRIBBLES = [marks(SHAPE, np.s_[z, 6 + z, 5:12]) for z in range(1, 5)]


class Desk:
    """A user who paints and clicks."""

    def __init__(self, scene, ct):
        from ICHHPINetLib.scene import SceneAdapter

        self.adapter = SceneAdapter(scene, ct)
        self.controller = Controller(self.adapter, FakeSession, InlineExecutor(), has_torch=lambda: True)
        self.controller.ct_chosen()

    def paint(self, scribble):
        node, foreground, _ = self.adapter.ensure_scribbles()
        paint(node, foreground, scribble, oblique())
        self.controller.scribbles_changed()

    def refine(self, scribble=None):
        if scribble is not None:
            self.paint(scribble)
        assert self.controller.refine()
        assert self.controller.wait(5)
        assert self.controller.status.error is None

    def numbers(self):
        return [row["Round"] for row in self.adapter.rounds_rows()]


@pytest.fixture
def desk(scene):
    return Desk(scene, add_ct(scene))


def test_rounds_are_written_and_taken_back(desk):
    masks = []
    for scribble in SCRIBBLES[:3]:
        desk.refine(scribble)
        masks.append(desk.adapter.read_mask())
    assert desk.numbers() == [1, 2, 3]
    assert desk.controller.undo()
    assert np.array_equal(desk.adapter.read_mask(), masks[1])
    assert desk.numbers() == [1, 2]
    assert desk.adapter.read_scribbles().foreground.sum() == SCRIBBLES[0].sum() + SCRIBBLES[1].sum()
    desk.refine(SCRIBBLES[2])
    assert np.array_equal(desk.adapter.read_mask(), masks[2])
    assert desk.numbers() == [1, 2, 3]


def test_every_round_can_be_taken_back(desk):
    desk.refine(SCRIBBLES[0])
    assert desk.controller.undo()
    assert (desk.adapter.rounds(), desk.numbers(), desk.adapter.read_mask()) == (0, [], None)
    assert not desk.adapter.has_scribbles()
    desk.refine(SCRIBBLES[1])
    assert desk.numbers() == [1]


def test_starting_over_leaves_a_clean_desk(desk):
    desk.refine(SCRIBBLES[0])
    desk.controller.start_over()
    assert desk.controller.status.state is not State.READY
    assert not desk.adapter.has_scribbles()
    desk.refine(SCRIBBLES[1])
    assert desk.numbers() == [1]
    assert desk.adapter.read_mask().sum() < 40


def test_a_deleted_result_starts_at_round_one_again(scene, desk):
    desk.refine(SCRIBBLES[0])
    desk.refine(SCRIBBLES[1])
    scene.RemoveNode(desk.adapter.node("hematoma"))
    desk.controller.node_deleted()
    desk.refine(SCRIBBLES[2])
    assert desk.numbers() == [1]
    assert desk.adapter.rounds() == 1


def test_a_result_deleted_after_a_reload_takes_its_table_along(scene, desk):
    desk.refine(SCRIBBLES[0])
    desk.controller.leave_ct()
    desk.controller.ct_chosen()
    scene.RemoveNode(desk.adapter.node("hematoma"))
    desk.controller.node_deleted()
    assert desk.numbers() == []
    assert desk.controller.status.rounds == 0


def test_an_edit_by_hand_is_the_memory_of_the_next_round(desk):
    desk.refine(SCRIBBLES[0])
    node = desk.adapter.node("hematoma")
    added = marks(SHAPE, np.s_[0, 0:2, 0:2])
    paint(node, node.GetSegmentation().GetNthSegmentID(0), added, oblique())
    desk.refine(SCRIBBLES[1])
    assert np.all(desk.adapter.read_mask()[desk.adapter.geometry().to_canonical(added)])
    assert desk.numbers() == [1, 2]


def test_work_goes_on_after_saving_and_loading(scene, desk, tmp_path):
    from ICHHPINetLib.scene import load_mrb, save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    desk.refine(SCRIBBLES[0])
    desk.refine(SCRIBBLES[1])
    desk.paint(SCRIBBLES[2])
    path = save_mrb(scene, tmp_path / "case.mrb")
    desk.refine()
    with headless_scene() as fresh:
        later = Desk(fresh, load_mrb(fresh, path)[0])
        assert later.controller.status.rounds == 2
        later.refine()
        assert later.numbers() == [1, 2, 3]
        assert np.array_equal(later.adapter.read_mask(), desk.adapter.read_mask())
        assert later.controller.undo()
        assert later.numbers() == [1, 2]


def taken_back(desk):
    """Mask, label map and scribbles after each undo, until there is nothing to take back."""
    states = []
    while desk.controller.undo():
        adapter = desk.adapter
        labels = adapter.node("hematomaLabelmap").GetImageData().GetScalarRange()
        states.append((adapter.read_mask(), labels, adapter.read_scribbles().labels(), desk.numbers()))
    return states


@pytest.mark.parametrize("edited", [False, True])
def test_every_round_of_a_saved_scene_can_be_taken_back(scene, desk, tmp_path, edited):
    from ICHHPINetLib.scene import load_mrb, save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    for index in range(3):
        desk.refine(SCRIBBLES[index])
        if edited and index == 1:
            node = desk.adapter.node("hematoma")
            added = marks(SHAPE, np.s_[0, 0:2, 0:2])
            paint(node, node.GetSegmentation().GetNthSegmentID(0), added, oblique())
    desk.paint(SCRIBBLES[3])
    path = save_mrb(scene, tmp_path / "case.mrb")
    expected = taken_back(desk)
    assert len(expected) == 3
    with headless_scene() as fresh:
        later = Desk(fresh, load_mrb(fresh, path)[0])
        assert later.controller.status.can_undo
        found = taken_back(later)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_equal(one, other)
    assert not later.controller.status.can_undo


# Of the first two rounds, as the version before masks were kept has written them.
SCRIBBLES_OF_BEFORE = (
    "eJxjY4AAESgtAaXZoXQvE4RmZCCRhgAANtsA1g== eJxjY4AAESgtAaX5oHQvE4RmZCCN/sRInj5GFAAAsTAB3Q=="
)


def test_a_scene_of_before_goes_on_from_its_last_round(desk, tmp_path, scene):
    """Scenes used to hold the scribbles of every round, but only the last mask."""
    from ICHHPINetLib.scene import load_mrb, save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    for scribble in SCRIBBLES[:2]:
        desk.refine(scribble)
    adapter = desk.adapter
    finished = adapter.read_mask()
    adapter.node("hematoma").SetAttribute("ICHHPINet.masks", None)
    adapter.node("scribbles").SetAttribute("ICHHPINet.finishedStrokes", SCRIBBLES_OF_BEFORE)
    path = save_mrb(scene, tmp_path / "case.mrb")
    with headless_scene() as fresh:
        goes_on_from_round_two(Desk(fresh, load_mrb(fresh, path)[0]), finished)


def goes_on_from_round_two(later, finished):
    adapter = later.adapter
    assert not any("damaged" in warning for warning in later.controller.status.warnings)
    assert (later.controller.status.rounds, later.controller.status.can_undo) == (2, False)
    assert later.controller.status.edited_ml is None
    assert not later.controller.status.new_scribbles
    later.refine(SCRIBBLES[2])
    assert later.numbers() == [1, 2, 3]
    again = Desk(adapter.scene, adapter.ct)
    assert again.controller.undo()
    assert np.array_equal(adapter.read_mask(), finished)
    assert adapter.read_scribbles().foreground.sum() == SCRIBBLES[0].sum() + SCRIBBLES[1].sum()
    assert again.numbers() == [1, 2]
    assert not again.controller.undo()


def test_a_closed_scene_is_no_ct(scene, desk):
    desk.refine(SCRIBBLES[0])
    scene.Clear(True)
    desk.controller.ct_removed()
    assert desk.controller.status.state is State.NO_CT
    assert not desk.controller.refine()
