"""The page about one hematoma: all that it must say, on one page, whatever there is to say."""

import numpy as np
import pytest

from ICHHPINetLib.imaging.ct import CT
from ICHHPINetLib.measurement import measure
from ICHHPINetLib.measurement.finding import Finding

pytest.importorskip("matplotlib")

from matplotlib.text import Text

from ICHHPINetLib.reporting.report_page import ListedRound, Report, report_page, report_pdf, shown_slices

SPACING = (5.0, 1.0, 1.0)


class Doubt:
    """About two slices."""

    slices = (1, 5)

    def outline(self, index):
        return np.indices((40, 32)).sum(0) < 30


def report(marked=range(3, 7), rounds=2, name="head", **more):
    volume = np.full((9, 40, 32), -1000, np.int16)
    volume[:, 5:35, 5:27] = 35
    mask = np.zeros(volume.shape, np.uint8)
    mask[list(marked), 12:20, 10:18] = 1
    ct = CT.of_array(volume, SPACING, name=name)
    numbers = measure(mask, SPACING, ct.hu)
    interval = more.pop("interval", (1.0, 1.6))
    finding = Finding(mask, numbers, rounds, interval, more.pop("guess", False), "default", "abcd" * 16)
    listed = [ListedRound(number + 1, 1.2, 0.9, number, 2.5, "cuda:1") for number in range(rounds)]
    return Report(ct, finding, listed, **more)


def words(one):
    return "\n".join(text.get_text() for text in report_page(one).findobj(Text))


def test_it_says_all_that_was_asked_for():
    text = words(report(doubt=Doubt(), acquired="2026-01-31 14:05", warnings=["The gantry was tilted."]))
    for part in (
        "head  ·  taken 2026-01-31 14:05  ·  9 slices, 5 mm apart",
        "1.3 mL",
        "likely 1.0 to 1.6 mL",
        "ABC/2",
        "35 ± 0 HU",
        "first guess",
        "1 slice",
        "cuda:1",
        "To be checked first: slice 1, 5.",
        "The gantry was tilted.",
        "network 'default' (SHA256 abcdabcdabcdabcd)",
        "Research use only, not a medical device",
    ):
        assert part in text, part


def test_what_is_not_known_is_said_to_be_so():
    text = words(report(interval=None))
    for part in ("time of the CT not known", "likely range is not known", "in doubt is not known"):
        assert part in text


def test_a_guess_is_called_one_and_an_empty_one_is_no_all_clear():
    assert "not checked by anybody" in words(report(guess=True))
    text = words(report(marked=(), guess=True, interval=(0.0, 0.0)))
    assert "does not mean that there is no bleed" in text
    assert "0.0 mL" not in text


def test_much_to_say_and_names_that_look_like_formulas_stay_on_one_page():
    said = [f"{'Something was odd here. ' * 12}{number}" for number in range(30)]
    one = report(rounds=30, warnings=said, name=r"$\frac$_^" * 30)
    pdf = report_pdf(one)
    assert pdf.startswith(b"%PDF") and b"/Count 1" in pdf
    text = words(one)
    assert "the last 8 of 30" in text and "... and more" in text
    figure = report_page(one)
    renderer = figure.canvas.get_renderer()
    for shown in figure.findobj(Text):
        box = shown.get_window_extent(renderer).transformed(figure.transFigure.inverted())
        assert not shown.get_text() or min(box.x0, box.y0, 1 - box.x1, 1 - box.y1) > 0, shown


def test_the_slices_with_most_blood_and_most_doubt_are_among_those_shown():
    mask = np.zeros((20, 4, 4), bool)
    mask[8:14, 0, 0] = mask[9, 1] = True
    assert {9, 1} <= set(shown_slices(mask, Doubt(), 5.0))
    assert len(shown_slices(mask, None, 5.0)) == len(shown_slices(mask[8:11] & False, None, 5.0)) == 3
    thin = np.diff(shown_slices(mask, Doubt(), 1.0))
    assert (np.abs(thin) >= 3).all() and len(thin) == 2
