"""Two measurements of one patient: what changed, and what that means by the usual definitions.

It is arithmetic and names what it goes by; it never says whether a hematoma grew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import InputFileError
from ..imaging.acquired import Acquisition
from ..words import tr as _
from .measure import Measurement

_DOWLATSHAHI = "Dowlatshahi et al., Neurology 2011;76:1238-1244"
_LEAST_ML, _LEAST_SHARE, _LARGE_ML = 6.0, 0.33, 12.5

# Repeated runs on one CT and errors against the truth, from docs/benchmark.md, "Volume": 63 runs on 21 CTs.
_ALONE_ML = (-8.2, 8.7)

# From these on, two acquisitions are said to differ.
_STEP, _FIELD, _TILT_DEGREES, _HEIGHT_MM = 0.1, 0.1, 1.0, 10.0
# A third of less is a few voxels.
_SMALL_ML = 3.0


@dataclass(frozen=True)
class Side:
    """One of two measurements: ``name`` for people, and between which volumes the true one is expected.

    ``is_guess``: it is of a first guess, on which nobody has scribbled.
    """

    name: str
    measurement: Measurement
    interval_ml: tuple[float, float] | None = None
    acquisition: Acquisition = field(default_factory=Acquisition)
    is_guess: bool = False

    @property
    def volume_ml(self) -> float:
        """Of the mask."""
        return self.measurement.volume_ml


class Definition(NamedTuple):
    """A definition of hematoma expansion.

    ``is_met`` is None where there was no blood before. ``is_open`` tells whether the ends of the two
    intervals disagree about it; None where one of them is not known.
    """

    key: str
    words: str
    citation: str
    is_met: bool | None
    is_open: bool | None

    @property
    def answer(self) -> str:
        """For people."""
        if self.is_met is None:
            return _("not applicable")
        if self.is_open:
            return (
                _("met, open within the intervals")
                if self.is_met
                else _("not met, open within the intervals")
            )
        return _("met") if self.is_met else _("not met")


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found.

    Attributes
    ----------
    difference_ml, difference_percent: follow-up less baseline; percent of the baseline, None without any.
    likely_difference_ml: the least and the largest one that the two intervals allow.
    hours: between the acquisitions, ``days`` where only the days are known; None where nothing is.
    definitions: of hematoma expansion, each with its answer.
    is_within_repeats: whether two segmentations of one CT usually differ by as much.
    statements: the same in plain sentences.
    warnings: in what the two acquisitions differ.
    """

    baseline: Side
    followup: Side
    difference_ml: float
    difference_percent: float | None
    likely_difference_ml: tuple[float, float] | None
    hours: float | None
    days: int | None
    definitions: tuple[Definition, ...]
    is_within_repeats: bool
    statements: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def between(self) -> str:
        """Time between the acquisitions, for people; empty where it is not known."""
        if self.hours is not None:
            minutes = round(self.hours * 60)
            if minutes < 48 * 60:
                return _("{hours} h {minutes:02d} min").format(hours=minutes // 60, minutes=minutes % 60)
            return _("{days:.1f} days").format(days=self.hours / 24)
        if self.days is None:
            return ""
        return _("1 day") if self.days == 1 else _("{days} days").format(days=self.days)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            **{name: _side(one) for name, one in (("baseline", self.baseline), ("followup", self.followup))},
            "difference_ml": self.difference_ml,
            "difference_percent": self.difference_percent,
            "likely_difference_ml": self.likely_difference_ml and list(self.likely_difference_ml),
            "hours_between": self.hours,
            "days_between": self.days,
            "definitions_of_expansion": [
                {
                    "name": one.key,
                    "definition": one.words,
                    "citation": one.citation,
                    "met": one.is_met,
                    "open_within_intervals": one.is_open,
                }
                for one in self.definitions
            ],
            "within_repeated_segmentations": self.is_within_repeats,
            "statements": list(self.statements),
        }

    def as_row(self) -> dict[str, Any]:
        """One row of a table, by column; empty for what is not known."""
        row: dict[str, Any] = {}
        for name, one in (("baseline", self.baseline), ("followup", self.followup)):
            low, high = one.interval_ml or ("", "")
            row |= {name: one.name, f"{name}_acquired": one.acquisition.when}
            row |= {f"{name}_ml": one.volume_ml, f"{name}_low_ml": low, f"{name}_high_ml": high}
            row[f"{name}_abc2_ml"] = one.measurement.abc2_ml
            row[f"{name}_is_first_guess"] = "yes" if one.is_guess else "no"
        row |= {"difference_ml": self.difference_ml, "difference_percent": self.difference_percent}
        row |= {"hours_between": self.hours, "days_between": self.days}
        row |= {one.key: {True: "yes", False: "no", None: ""}[one.is_met] for one in self.definitions}
        row["within_repeated_segmentations"] = "yes" if self.is_within_repeats else "no"
        filled = {key: "" if value is None else value for key, value in row.items()}
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in filled.items()}


def compare(baseline: Side, followup: Side) -> Comparison:
    """Compare two measurements of one patient, the older first.

    Raises
    ------
    InputFileError
        If nothing is marked in both, or their headers say that they are of two patients, of one and the same
        series, or in the other order.
    """
    before, after = baseline.volume_ml, followup.volume_ml
    if not before and not after:
        raise InputFileError(
            _("Nothing is marked in either of the two, so that there is nothing to compare. Check the masks.")
        )
    _check_patient_and_series(baseline.acquisition, followup.acquisition)
    hours, days = _between(baseline, followup)
    likely = None
    if baseline.interval_ml and followup.interval_ml:
        (least, most), (low, high) = baseline.interval_ml, followup.interval_ml
        likely = (low - most, high - least)
    difference = after - before
    within = abs(difference) <= _tolerance(min(before, after))
    warnings = _differences(baseline.acquisition, followup.acquisition)
    if 0 < before < _SMALL_ML:
        warnings.append(
            _(
                "The baseline is small ({before:.1f} mL): 33 % of it are {third:.1f} mL, which a few "
                "voxels make."
            ).format(before=before, third=_LEAST_SHARE * before)
        )
    return Comparison(
        baseline,
        followup,
        difference,
        100.0 * difference / before if before else None,
        likely,
        hours,
        days,
        _definitions(baseline, followup),
        within,
        tuple(_statements(baseline, followup, within, likely)),
        tuple(warnings),
    )


def _tolerance(volume_ml: float) -> float:
    return min(_LEAST_ML, _LEAST_SHARE * volume_ml)


def _is_more(value: float, limit: float) -> bool:
    # Sums of voxels are off by rounding.
    return value > limit + 1e-6


def _definitions(baseline: Side, followup: Side) -> tuple[Definition, ...]:
    def grown(before: float, after: float) -> bool:
        return _is_more(after - before, _tolerance(before))

    def grown_much(before: float, after: float) -> bool:
        return _is_more(after - before, _LARGE_ML)

    found = []
    for key, words, rule in (
        ("more_than_6_ml_or_33_percent", _("growth by more than 6 mL or 33 %"), grown),
        ("more_than_12_5_ml", _("growth by more than 12.5 mL"), grown_much),
    ):
        met = rule(baseline.volume_ml, followup.volume_ml) if baseline.volume_ml else None
        is_open = None
        if baseline.interval_ml and followup.interval_ml and met is not None:
            (least, most), (low, high) = baseline.interval_ml, followup.interval_ml
            is_open = rule(least, high) != rule(most, low)
        found.append(Definition(key, words, _DOWLATSHAHI, met, is_open))
    return tuple(found)


def _statements(
    baseline: Side, followup: Side, within: bool, likely: tuple[float, float] | None
) -> Iterator[str]:
    before, after = baseline.volume_ml, followup.volume_ml
    difference = after - before
    guessed = [name for name, one in ((_("baseline"), baseline), (_("follow-up"), followup)) if one.is_guess]
    if len(guessed) == 2:
        yield _(
            "Both are first guesses, on which nobody has scribbled: the difference may be the software's "
            "alone. Check every slice, correct it, and compare again."
        )
    elif guessed:
        yield _(
            "The {name} is a first guess, on which nobody has scribbled: the difference may be the "
            "software's alone. Check every slice, correct it, and compare again."
        ).format(name=guessed[0])
    if not before:
        yield (
            _(
                "Nothing is marked on the baseline: the {after:.1f} mL of the follow-up are new, or "
                "were not marked there. No definition of expansion speaks of that."
            ).format(after=after)
        )
        return
    if not after:
        yield (
            _(
                "Nothing is marked on the follow-up: the {before:.1f} mL of the baseline are gone, "
                "or were not marked there."
            ).format(before=before)
        )
        return
    if within:
        yield (
            _(
                "The difference of {difference:+.1f} mL lies within what two segmentations of one CT "
                "differ by: of two runs of this software on the same CT, the second was larger by "
                "more than 6 mL or 33 % in 4 % of the pairs after three rounds, in none after eight "
                "(63 runs on 21 CTs, docs/benchmark.md). It neither shows nor excludes a change."
            ).format(difference=difference)
        )
    else:
        yield (
            _(
                "The difference of {difference:+.1f} mL is larger than what two segmentations of one "
                "CT usually differ by: of two runs of this software on the same CT, the second was "
                "larger by more than 6 mL or 33 % in 4 % of the pairs after three rounds, in none "
                "after eight (63 runs on 21 CTs, docs/benchmark.md)."
            ).format(difference=difference)
        )
        if _ALONE_ML[0] <= difference <= _ALONE_ML[1]:
            yield (
                _(
                    "It is no larger than a single volume may be off: 95 % limits -8.2 to +8.7 mL "
                    "after three rounds, -4.4 to +5.5 mL after eight (docs/benchmark.md)."
                )
            )
    if likely is not None:
        low, high = likely
        if low <= 0 <= high:
            yield (
                _(
                    "It lies within the two likely intervals, which allow differences from "
                    "{low:+.1f} to {high:+.1f} mL, zero included."
                ).format(low=low, high=high)
            )
        else:
            yield (
                _(
                    "The two likely intervals do not overlap; they allow differences from {low:+.1f} "
                    "to {high:+.1f} mL."
                ).format(low=low, high=high)
            )


def _check_patient_and_series(one: Acquisition, other: Acquisition) -> None:
    if (one.patient and other.patient and one.patient != other.patient) or (
        one.born and other.born and one.born != other.born
    ):
        raise InputFileError(
            _(
                "The two are of different patients, as their DICOM headers say (patient ID or date "
                "of birth). Name two CTs of one patient."
            )
        )
    if one.series and one.series == other.series:
        raise InputFileError(
            _("Both CTs are one and the same DICOM series. Name an earlier and a later CT of the patient.")
        )


def _between(baseline: Side, followup: Side) -> tuple[float | None, int | None]:
    """Hours and days between two acquisitions, as far as they are known."""
    one, other = baseline.acquisition, followup.acquisition
    if one.moment is None or other.moment is None:
        return None, None
    exact = one.has_time and other.has_time
    days = (other.moment.date() - one.moment.date()).days
    hours = (other.moment - one.moment).total_seconds() / 3600 if exact else None
    if days < 0 or (hours is not None and hours < 0):
        raise InputFileError(
            _(
                "The follow-up ({followup}) is older than the baseline ({baseline}). Name the older "
                "one first."
            ).format(followup=other.when, baseline=one.when)
        )
    return hours, days


def _differences(one: Acquisition, other: Acquisition) -> list[str]:
    """In what two acquisitions differ, as far as volumes depend on it."""
    said = []
    if one.step_mm and other.step_mm:
        if abs(one.step_mm - other.step_mm) > _STEP * min(one.step_mm, other.step_mm):
            said.append(
                _(
                    "The slices are {baseline:.3g} mm apart on the baseline, {followup:.3g} mm on "
                    "the follow-up: borders between slices are cut differently, and so are volumes."
                ).format(baseline=one.step_mm, followup=other.step_mm)
            )
        elif one.slices != other.slices and (" x " in one.slices or " x " in other.slices):
            even = _("even slices")
            said.append(
                _(
                    "The blocks of slices differ: {baseline} on the baseline, {followup} on the follow-up."
                ).format(baseline=one.slices or even, followup=other.slices or even)
            )
    tilts = one.tilt_degrees, other.tilt_degrees
    if None not in tilts and abs(tilts[0] - tilts[1]) >= _TILT_DEGREES:
        said.append(
            _(
                "The gantry was tilted by {baseline:.1f}° on the baseline, {followup:.1f}° on the "
                "follow-up: slices cut the head in other planes."
            ).format(baseline=tilts[0], followup=tilts[1])
        )
    if one.extent_mm and other.extent_mm:
        (height, *field), (other_height, *other_field) = one.extent_mm, other.extent_mm
        if any(abs(a - b) > _FIELD * min(a, b) for a, b in zip(field, other_field, strict=True)):
            said.append(
                _(
                    "The fields of view differ: {width:.0f} x {height:.0f} mm on the baseline, "
                    "{other_width:.0f} x {other_height:.0f} mm on the follow-up."
                ).format(
                    width=field[1], height=field[0], other_width=other_field[1], other_height=other_field[0]
                )
            )
        if abs(height - other_height) > max(_HEIGHT_MM, one.step_mm or 0, other.step_mm or 0):
            said.append(
                _(
                    "The baseline reaches over {height:.0f} mm from feet to head, the follow-up over "
                    "{other_height:.0f} mm: they show different parts of the head. Blood outside is "
                    "missed."
                ).format(height=height, other_height=other_height)
            )
    return said


def _side(one: Side) -> dict[str, Any]:
    known = one.acquisition
    return {
        "name": one.name,
        **one.measurement.as_dict(),
        "likely_volume_ml": one.interval_ml and list(one.interval_ml),
        "is_first_guess": one.is_guess,
        "acquired": known.when or None,
        "slice_distance_mm": known.step_mm,
        "extent_mm_zyx": known.extent_mm and list(known.extent_mm),
        "gantry_tilt_degrees": known.tilt_degrees,
    }
