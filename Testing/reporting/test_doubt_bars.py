"""Bars for the doubt of all slices."""

import numpy as np

from ICHHPINetLib.reporting.doubt_bars import LEVELS, bars


def test_one_bar_a_slice_and_higher_ones_for_more_doubt():
    drawn = bars(np.array([0.0, 20.0, 100.0, 400.0, 9000.0]))
    assert [index for index, _ in drawn] == [0, 1, 2, 3, 4]
    heights = [height for _, height in drawn]
    assert heights[0] == 1
    assert heights == sorted(heights)
    assert heights[1] > 1, "worth a look, so it is seen"
    assert heights[3:] == [LEVELS, LEVELS]


def test_thin_slices_share_bars_that_stand_for_the_worst_of_them():
    areas = np.zeros(301)
    areas[[7, 150, 300]] = 300
    drawn = bars(areas, most=30)
    assert len(drawn) == 30
    assert {7, 150, 300} == {index for index, height in drawn if height > 1}
    assert [index for index, _ in drawn] == sorted(index for index, _ in drawn)
