"""What changed between two measurements, by which definitions, and what is said about it."""

from datetime import datetime

import pytest

from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.imaging.acquired import Acquisition
from ICHHPINetLib.measurement import Measurement
from ICHHPINetLib.measurement.comparison import Side, compare


def side(volume_ml, interval=None, is_guess=False, **known):
    numbers = Measurement(volume_ml, volume_ml, 1.0, 1.0, 1.0, 1, 1, None, None)
    return Side("mask", numbers, interval, Acquisition(**known), is_guess)


def answers(before, after):
    return [one.is_met for one in compare(side(before), side(after)).definitions]


@pytest.mark.parametrize(
    ("before", "after", "met"),
    [
        (20.0, 28.0, [True, False]),
        (20.0, 26.0, [False, False]),
        (20.0, 26.1, [True, False]),
        (3.0, 4.1, [True, False]),
        (60.0, 66.5, [True, False]),
        (60.0, 72.5, [True, False]),
        (60.0, 72.6, [True, True]),
        (28.0, 12.0, [False, False]),
    ],
)
def test_a_growth_meets_the_definitions_that_it_meets(before, after, met):
    assert answers(before, after) == met


def test_every_definition_names_its_source_and_what_it_says():
    for one in compare(side(20.0), side(28.0)).definitions:
        assert one.citation and "mL" in one.words


def test_difference_is_in_ml_and_in_percent_of_the_baseline():
    found = compare(side(20.0), side(28.0))
    assert (found.difference_ml, found.difference_percent) == pytest.approx((8.0, 40.0))


def test_a_difference_within_repeated_segmentations_is_said_in_plain_words():
    for before, after in ((20.0, 23.0), (23.0, 20.0)):
        found = compare(side(before), side(after))
        words = " ".join(found.statements)
        assert found.is_within_repeats and "lies within what two segmentations of one CT differ by" in words
        assert "neither shows nor excludes a change" in words and "docs/benchmark.md" in words
    found = compare(side(20.0), side(28.0))
    assert not found.is_within_repeats and "no larger than a single volume may be off" in found.statements[1]


def test_intervals_say_whether_they_allow_no_difference_and_which_answer_is_open():
    found = compare(side(20.0, (17.0, 24.0)), side(27.0, (23.0, 30.0)))
    assert found.likely_difference_ml == (-1.0, 13.0)
    assert "within the two likely intervals" in found.statements[-1]
    assert [one.is_open for one in found.definitions] == [True, True]
    apart = compare(side(20.0, (19.0, 21.0)), side(40.0, (38.0, 42.0)))
    assert "do not overlap" in apart.statements[-1]
    assert [one.is_open for one in apart.definitions] == [False, False]
    assert [one.is_open for one in compare(side(20.0), side(40.0)).definitions] == [None, None]


def test_no_blood_before_is_no_expansion_and_no_blood_in_both_is_refused():
    found = compare(side(0.0), side(8.0))
    assert [one.is_met for one in found.definitions] == [None, None] and found.difference_percent is None
    assert "Nothing is marked on the baseline" in found.statements[0]
    assert "Nothing is marked on the follow-up" in compare(side(8.0), side(0.0)).statements[0]
    with pytest.raises(InputFileError, match="Nothing is marked in either"):
        compare(side(0.0), side(0.0))


def test_time_between_is_in_hours_or_in_days_where_only_those_are_known():
    first, second = datetime(2026, 1, 31, 22, 30), datetime(2026, 2, 1, 4, 45)
    found = compare(side(9.0, moment=first, has_time=True), side(9.0, moment=second, has_time=True))
    assert found.hours == pytest.approx(6.25) and found.between == "6 h 15 min"
    found = compare(side(9.0, moment=first, has_time=True), side(9.0, moment=datetime(2026, 2, 1)))
    assert (found.hours, found.days, found.between) == (None, 1, "1 day")
    assert compare(side(9.0, moment=first), side(9.0)).between == ""


def test_wrong_order_other_patients_and_one_series_are_refused():
    early, late = datetime(2026, 1, 1, 8), datetime(2026, 1, 1, 9)
    with pytest.raises(InputFileError, match="older than the baseline"):
        compare(side(9.0, moment=late, has_time=True), side(9.0, moment=early, has_time=True))
    with pytest.raises(InputFileError, match="different patients") as error:
        compare(side(9.0, patient="Meier"), side(9.0, patient="Huber"))
    assert "Meier" not in str(error.value)
    with pytest.raises(InputFileError, match="different patients"):
        compare(side(9.0, patient="1", born="19500101"), side(9.0, patient="1", born="19600101"))
    with pytest.raises(InputFileError, match="same DICOM series"):
        compare(side(9.0, series="1.2"), side(9.0, series="1.2"))
    compare(side(9.0, patient="1"), side(9.0))


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({"step_mm": 5.0}, {"step_mm": 2.5}, "5 mm apart on the baseline, 2.5 mm"),
        ({"tilt_degrees": 0.0}, {"tilt_degrees": 18.5}, "0.0° on the baseline, 18.5°"),
        ({"extent_mm": (150.0, 230.0, 230.0)}, {"extent_mm": (150.0, 280.0, 280.0)}, "fields of view differ"),
        ({"extent_mm": (150.0, 230.0, 230.0)}, {"extent_mm": (110.0, 230.0, 230.0)}, "parts of the head"),
        ({"step_mm": 4.0, "slices": "9 x 4 mm, 9 x 7 mm"}, {"step_mm": 4.0}, "blocks of slices differ"),
    ],
)
def test_acquisitions_that_differ_are_told(one, other, words):
    assert any(words in text for text in compare(side(9.0, **one), side(9.0, **other)).warnings)
    assert not compare(side(9.0, **one), side(9.0, **one)).warnings


def test_nothing_is_a_verdict():
    for before, after in ((20.0, 20.0), (20.0, 28.0), (20.0, 60.0), (60.0, 20.0), (0.0, 9.0)):
        words = " ".join(compare(side(before), side(after)).statements).lower()
        assert not any(word in words for word in ("expanded", "has grown", "stable", "no expansion"))


def test_row_and_report_hold_the_same_and_nothing_that_is_not_known():
    found = compare(side(20.0, (17.0, 24.0)), side(28.0))
    row, content = found.as_row(), found.as_dict()
    assert row["difference_ml"] == content["difference_ml"] == 8.0
    assert (row["baseline_low_ml"], row["followup_low_ml"], row["hours_between"]) == (17.0, "", "")
    assert content["followup"]["likely_volume_ml"] is None
    assert (row["more_than_6_ml_or_33_percent"], row["more_than_12_5_ml"]) == ("yes", "no")


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (True, False, "The baseline is a first guess"),
        (False, True, "The follow-up is a first guess"),
        (True, True, "Both are first guesses"),
    ],
)
def test_a_guess_on_which_nobody_has_scribbled_is_said_first_and_in_the_row(one, other, words):
    found = compare(side(20.0, is_guess=one), side(28.0, is_guess=other))
    assert found.statements[0].startswith(words)
    row = found.as_row()
    answers = row["baseline_is_first_guess"], row["followup_is_first_guess"]
    assert answers == tuple("yes" if guess else "no" for guess in (one, other))
    assert not any("guess" in text for text in compare(side(20.0), side(28.0)).statements)
