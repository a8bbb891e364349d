"""The figures of one evaluation: by round, over all rounds, for volumes, and by kind of bleed.

A mean is one over cases of each case's mean over its seeds, so that every patient counts
the same; medians, shares of runs, the worst tenth and volumes are over runs. Runs that failed are left
out of all figures and listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..errors import InputFileError
from .gains import Gain, gains
from .protocol import Report
from .resampling import bootstrap_interval
from .volumes import VolumePanel, volume_panel

TARGETS = (0.85, 0.90)
# A smaller loss is within what two strokes of the same user differ by.
_LOSS = 0.01
VOLUME_BINS = (
    ("<5 mL", 0.0, 5.0),
    ("5-15 mL", 5.0, 15.0),
    ("15-30 mL", 15.0, 30.0),
    (">30 mL", 30.0, math.inf),
)


@dataclass(frozen=True)
class RoundFigures:
    """Means over cases after one round; ``dice_sd`` is the SD over cases.

    ``dice_low`` to ``dice_high`` is the 95 % bootstrap interval of the mean Dice, cases resampled.

    ``slice_dice`` is that of the scribbled slice alone, over the runs that scribbled on a bleeding one; None
    where none did. ``hd95_mm`` is the median over runs, infinite where half of the masks were empty;
    ``volume_error`` is the mean of the relative errors' absolute values, and ``seconds``
    the median over runs.
    """

    round: int
    dice: float
    dice_sd: float
    dice_low: float
    dice_high: float
    jaccard: float
    nsd_2mm: float
    hd95_mm: float
    mae: float
    volume_error_ml: float
    volume_error: float
    slice_dice: float | None
    seconds: float


@dataclass(frozen=True)
class GroupFigures:
    """Mean Dice by round and final surface Dice of some of the cases."""

    label: str
    cases: int
    dice_by_round: tuple[float, ...]
    nsd_2mm: float


@dataclass(frozen=True)
class Interactions:
    """Rounds of strokes until a Dice is first reached, 0 where the first guess does.

    A run that never reaches it counts all its rounds.
    """

    dice: float
    rounds: float
    failure_rate: float


@dataclass(frozen=True)
class Summary:
    """Figures of one method.

    ``dice_auc`` and ``nsd_auc`` are the areas under the curves over rounds (trapezoids),
    divided by their length, 0 to 1. ``worst_decile_dice`` is the mean final Dice of the
    worst tenth of the runs. ``lowering_rounds`` is the share of rounds, the first ones
    aside, that lowered Dice by more than 0.01. ``obeyed`` is the least share of scribbled
    voxels that carried the user's label. Seconds are over all rounds. ``guess_dice`` is the mean
    Dice of the first guess, None where the runs began with a stroke.
    """

    method: str
    cases: int
    runs: int
    failures: tuple[str, ...]
    rounds: tuple[RoundFigures, ...]
    dice_auc: float
    nsd_auc: float
    interactions: tuple[Interactions, ...]
    worst_decile_dice: float
    lowering_rounds: float
    obeyed: float
    seconds_median: float
    seconds_p95: float
    peak_memory_mib: float | None
    volumes: tuple[VolumePanel, ...]
    groups: tuple[GroupFigures, ...]
    gains: tuple[Gain, ...]
    guess_dice: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The figures by name, ready for strict JSON: what is not finite is None."""
        return _finite(asdict(self))


class _Runs:
    """Complete runs of a result as arrays: figures (run, round), and the case of each run."""

    def __init__(self, result: Report) -> None:
        self.rounds = result["rounds"]
        self.failures = []
        self._rows, self.reports, self.guesses = [], [], []
        for report in result["cases"]:
            if report["error"]:
                self.failures.append(f"{report['id']}: {report['error']}")
            for run in report["runs"]:
                if run["error"]:
                    self.failures.append(f"{report['id']}, seed {run['seed']}: {run['error']}")
                else:
                    self._rows.append(run["rounds"])
                    self.reports.append(report)
                    self.guesses.append(run.get("guess"))
        if not self._rows:
            raise InputFileError(
                f"No run of {result['method']} was completed, so there is nothing to summarize. "
                f"The first failure: {self.failures[0] if self.failures else 'none'}."
            )
        self.ids = np.array([report["id"] for report in self.reports])

    @property
    def peak_memory_mib(self) -> float | None:
        peaks = [row["peak_memory_mib"] for run in self._rows for row in run]
        return None if None in peaks else max(peaks)

    def __getitem__(self, name: str) -> np.ndarray:
        # Only distances and ratios are ever None, and only where infinite.
        return np.array([[math.inf if row[name] is None else row[name] for row in run] for run in self._rows])

    def by_case(self, values: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
        """Mean over seeds, a row a case, of ``values`` (run, ...)."""
        ids = self.ids if chosen is None else self.ids[chosen]
        values = values if chosen is None else values[chosen]
        return np.stack([values[ids == name].mean(axis=0) for name in dict.fromkeys(ids)])

    def slice_dice(self, index: int) -> float | None:
        """Mean Dice of the slice that was scribbled in a round."""
        values = [run[index].get("slice_dice") for run in self._rows]
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    def truth(self, name: str) -> np.ndarray:
        return np.array([report["truth"][name] for report in self.reports])

    def select(self, wanted: Callable[[Report], bool]) -> np.ndarray:
        return np.array([wanted(report) for report in self.reports])


def case_means(result: Report, metric: str, round_number: int) -> dict[str, float]:
    """Mean over seeds of a metric after one round, by case id; complete runs only.

    Raises
    ------
    InputFileError
        If no run was completed, or the result has no such round.
    """
    if not 1 <= round_number <= result["rounds"]:
        raise InputFileError(
            f"There is no round {round_number} in the result of {result['method']}; "
            f"choose one of 1 to {result['rounds']}."
        )
    runs = _Runs(result)
    means = runs.by_case(runs[metric][:, round_number - 1])
    return dict(zip(dict.fromkeys(runs.ids.tolist()), means.tolist(), strict=True))


def summarize(result: Report) -> Summary:
    """Figures of a result of ``evaluate``. Raises InputFileError if no run was completed."""
    runs = _Runs(result)
    dice, nsd, seconds = runs["dice"], runs["nsd_2mm"], runs["seconds"]
    final = np.sort(dice[:, -1])
    steps = np.diff(dice, axis=1)
    return Summary(
        method=result["method"],
        cases=len(set(runs.ids)),
        runs=len(dice),
        failures=tuple(runs.failures),
        rounds=_by_round(runs),
        dice_auc=_area(runs.by_case(dice).mean(axis=0)),
        nsd_auc=_area(runs.by_case(nsd).mean(axis=0)),
        interactions=tuple(_interactions(runs, target) for target in TARGETS),
        worst_decile_dice=float(final[: math.ceil(len(final) / 10)].mean()),
        lowering_rounds=float((steps < -_LOSS).mean()) if steps.size else 0.0,
        obeyed=float(runs["obeyed"].min()),
        seconds_median=float(np.median(seconds)),
        seconds_p95=float(np.percentile(seconds, 95)),
        peak_memory_mib=runs.peak_memory_mib,
        volumes=_volumes(runs),
        groups=_groups(runs),
        gains=gains(dice, runs["relative_volume_error"]),
        guess_dice=_guess_dice(runs),
    )


def _guess_dice(runs: _Runs) -> float | None:
    if None in runs.guesses:
        return None
    return float(runs.by_case(np.array([guess["dice"] for guess in runs.guesses])).mean())


def _by_round(runs: _Runs) -> tuple[RoundFigures, ...]:
    names = ("dice", "jaccard", "nsd_2mm", "mae", "volume_error_ml")
    means = {name: runs.by_case(runs[name]).mean(axis=0) for name in names}
    spread = runs.by_case(runs["dice"]).std(axis=0)
    intervals = [bootstrap_interval(column) for column in runs.by_case(runs["dice"]).T]
    relative = runs.by_case(np.abs(runs["relative_volume_error"])).mean(axis=0)
    hd95, seconds = np.median(runs["hd95_mm"], axis=0), np.median(runs["seconds"], axis=0)
    return tuple(
        RoundFigures(
            round=index + 1,
            dice_sd=float(spread[index]),
            dice_low=intervals[index][0],
            dice_high=intervals[index][1],
            hd95_mm=float(hd95[index]),
            volume_error=float(relative[index]),
            slice_dice=runs.slice_dice(index),
            seconds=float(seconds[index]),
            **{name: float(values[index]) for name, values in means.items()},
        )
        for index in range(runs.rounds)
    )


def _area(curve: np.ndarray) -> float:
    if len(curve) == 1:
        return float(curve[0])
    return float((curve[1:] + curve[:-1]).mean() / 2)


def _interactions(runs: _Runs, target: float) -> Interactions:
    guessed = [0.0 if guess is None else guess["dice"] for guess in runs.guesses]
    reached = np.column_stack([guessed, runs["dice"]]) >= target
    needed = np.where(reached.any(axis=1), reached.argmax(axis=1), runs.rounds)
    return Interactions(target, float(needed.mean()), float(1 - reached.any(axis=1).mean()))


def _volumes(runs: _Runs) -> tuple[VolumePanel, ...]:
    measured, truth = runs["volume_ml"], runs.truth("volume_ml")
    numbers = dict.fromkeys((min(3, runs.rounds), runs.rounds))
    panels = [volume_panel(f"round {number}", measured[:, number - 1], truth, runs.ids) for number in numbers]
    ids, first = np.unique(runs.ids, return_index=True)
    panels.append(volume_panel("ABC/2 of the truth", runs.truth("abc2_ml")[first], truth[first], ids))
    return tuple(panels)


def _groups(runs: _Runs) -> tuple[GroupFigures, ...]:
    types = sorted({kind for report in runs.reports for kind in report["bleed_types"]})
    chosen = [(kind, runs.select(lambda report, kind=kind: kind in report["bleed_types"])) for kind in types]
    chosen += [
        (f"{kind} alone", runs.select(lambda report, kind=kind: report["bleed_types"] == [kind]))
        for kind in types
    ]
    volumes = runs.truth("volume_ml")
    chosen += [(label, (volumes >= low) & (volumes < high)) for label, low, high in VOLUME_BINS]
    dice, nsd = runs["dice"], runs["nsd_2mm"]
    return tuple(
        GroupFigures(
            label=label,
            cases=len(set(runs.ids[mask])),
            dice_by_round=tuple(runs.by_case(dice, mask).mean(axis=0).tolist()),
            nsd_2mm=float(runs.by_case(nsd, mask).mean(axis=0)[-1]),
        )
        for label, mask in chosen
        if mask.any()
    )


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
