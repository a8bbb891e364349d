"""The parts of a hematoma, for those who go from one to the next."""

import numpy as np

from ICHHPINetLib.measurement.foci import find_foci


def test_the_largest_comes_first_and_each_middle_lies_in_its_focus():
    mask = np.zeros((8, 30, 30), np.uint8)
    mask[6, 2:4, 2:4] = 1
    mask[2:5, 10:20, 10:20] = 1
    mask[3, 10:22, 10:22] = 1
    # Hollow: its center of mass is no part of it.
    mask[1:6, 13:17, 13:17] = 0
    foci = find_foci(mask)
    assert [focus.voxels for focus in foci] == [2 * 84 + 128, 4]
    assert all(mask[focus.middle] for focus in foci)
    assert foci[0].middle[0] == 3, "its largest slice"
    assert foci[1].middle[0] == 6


def test_parts_that_touch_at_a_corner_are_one_focus_and_nothing_is_none():
    mask = np.zeros((3, 4, 4), bool)
    assert find_foci(mask) == []
    mask[0, 0, 0] = mask[1, 1, 1] = True
    assert len(find_foci(mask)) == 1
