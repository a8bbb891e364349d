import struct

import numpy as np
import pytest

from ICHHPINetLib.interaction.scribbles import Scribbles
from ICHHPINetLib.reporting.contact_sheet import RoundPanel, contact_sheet, representative_slices

pytest.importorskip("matplotlib")

SHAPE = (10, 40, 32)
SPACING = (5.0, 1.0, 1.0)


def panel(slices=(), scribbled=(), dice=None):
    mask = np.zeros(SHAPE, np.uint8)
    mask[list(slices), 10:20, 10:20] = 1
    scribbles = Scribbles.empty(SHAPE)
    scribbles.foreground[list(scribbled), 15, 12:18] = True
    return RoundPanel(mask, scribbles, float(mask.sum()) / 200, dice)


def head():
    volume = np.full(SHAPE, -1000, np.int16)
    volume[:, 5:35, 5:27] = 35
    return volume


def size(png):
    assert png.startswith(b"\x89PNG")
    return struct.unpack(">II", png[16:24])


def test_scribbled_slices_are_shown_before_others_from_head_to_feet():
    assert representative_slices([panel(range(2, 9), [3]), panel(range(2, 9), [7])], None, 4)[:1] == [7]
    chosen = representative_slices([panel(range(2, 9), [3]), panel(range(2, 9), [7])], None, 4)
    assert {3, 7} <= set(chosen) and chosen == sorted(chosen, reverse=True) and len(chosen) == 4


def test_no_bleed_and_no_scribble_still_shows_a_slice():
    assert representative_slices([panel()], None, 4) == [5]


def test_sheet_has_a_column_for_each_round_and_the_truth():
    rounds = [panel([4, 5], [4], 0.5), panel([4, 5, 6], [6], 0.8)]
    without = contact_sheet(head(), SPACING, rounds, "a")
    with_truth = contact_sheet(head(), SPACING, rounds, "a", truth=rounds[1].mask, truth_ml=1.5)
    assert size(with_truth)[0] > size(without)[0]
    assert size(with_truth)[1] == size(without)[1]


def test_same_input_gives_the_same_picture():
    rounds = [panel([4, 5], [4])]
    assert contact_sheet(head(), SPACING, rounds, "a") == contact_sheet(head(), SPACING, rounds, "a")


def test_many_rounds_fit_on_the_page():
    rounds = [panel([4, 5], [4]) for _ in range(9)]
    assert size(contact_sheet(head(), SPACING, rounds, "a")) == size(
        contact_sheet(head(), SPACING, rounds[:4], "a")
    )


def test_volume_without_a_head_and_empty_masks_can_be_drawn():
    assert size(contact_sheet(np.full(SHAPE, -1000), SPACING, [panel()], "a"))


@pytest.mark.parametrize("name", ["$20", r"$\frac$", r"C:\$_^", "two\nlines"])
def test_a_name_is_drawn_as_it_is_and_not_as_mathematics(name):
    assert size(contact_sheet(head(), SPACING, [panel([4], [4])], name))
