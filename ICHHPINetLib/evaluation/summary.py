"""The figures of one evaluation: by round, over all rounds, for volumes, and by kind of bleed.

A mean is one over cases of each case's mean over its seeds, so that every patient counts
the same; medians, shares of runs, the worst tenth and volumes are over runs. Runs that failed are left
out of all figures and listed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.integrate import trapezoid

from ..errors import InputFileError, MissingPackageError
from .gains import Gain, gains
from .protocol import Report
from .resampling import bootstrap_interval
from .volumes import VolumePanel, volume_panel

try:
    import pandas as pd
except ImportError as error:
    raise MissingPackageError(
        "Evaluation needs pandas. In the checkout, run: pip install '.[evaluate]'"
    ) from error

TARGETS = (0.85, 0.90)
# A smaller loss is within what two scribbles of the same user differ by.
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
    where none did. ``interval_coverage`` is the share of runs whose interval holds the true volume,
    ``interval_width_ml`` the intervals' median width; None where the method gives none. ``hd95_mm`` is the
    median over runs, infinite where half of the masks were empty; ``volume_error`` is the mean of the
    relative errors' absolute values, and ``seconds`` the median over runs.
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
    interval_width_ml: float | None
    interval_coverage: float | None
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
    """Rounds of scribbles until a Dice is first reached, 0 where the first guess does.

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
    Dice of the first guess, None where the runs began with a scribble.
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


def _table(result: Report) -> tuple[pd.DataFrame, list[str]]:
    """A row for each round of the complete runs, and what is said of those that failed.

    Beside the figures of a round: ``case``, ``run`` (a number), ``types``, ``abc2_ml`` and ``guess``, the
    Dice of the first guess. Raises InputFileError if no run was completed.
    """
    rows, failures, runs = [], [], 0
    for report in result["cases"]:
        if report["error"]:
            failures.append(f"{report['id']}: {report['error']}")
        for run in report["runs"]:
            if run["error"]:
                failures.append(f"{report['id']}, seed {run['seed']}: {run['error']}")
                continue
            runs += 1
            about = {
                "case": report["id"],
                "run": runs,
                "types": report["bleed_types"],
                "abc2_ml": report["truth"]["abc2_ml"],
                "guess": run.get("guess", {}).get("dice"),
            }
            rows += [{"slice_dice": None, **row, **about, **_interval(row)} for row in run["rounds"]]
    if not rows:
        raise InputFileError(
            f"No run of {result['method']} was completed, so there is nothing to summarize. "
            f"The first failure: {failures[0] if failures else 'none'}."
        )
    table = pd.DataFrame(rows)
    # Distances and ratios are None where infinite, and only there.
    numbers = table.columns.drop(["case", "types"])
    table[numbers] = table[numbers].astype(float)
    infinite = ["hd95_mm", "relative_volume_error"]
    table[infinite] = table[infinite].fillna(math.inf)
    table["volume_error"] = table["relative_volume_error"].abs()
    return table, failures


def _interval(row: Report) -> Report:
    low, high = row.get("interval_ml") or (None, None)
    known = low is not None
    return {
        "interval_ml": high - low if known else None,
        "covered": low <= row["truth_ml"] <= high if known else None,
    }


def _by_case(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Means over seeds by case and round."""
    return table.groupby(["case", "round"], sort=False)[names].mean()


def _by_run(table: pd.DataFrame, name: str) -> np.ndarray:
    """A figure (run, round)."""
    return table.pivot(index="run", columns="round", values=name).to_numpy()


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
    table, _ = _table(result)
    return _by_case(table, [metric])[metric].xs(round_number, level="round").to_dict()


def summarize(result: Report) -> Summary:
    """Figures of a result of ``evaluate``. Raises InputFileError if no run was completed."""
    table, failures = _table(result)
    runs = table.groupby("run").first()
    rounds, dice, peaks = _rounds(table), _by_run(table, "dice"), table["peak_memory_mib"]
    steps = np.diff(dice, axis=1)
    final = np.sort(dice[:, -1])
    guesses = runs.groupby("case")["guess"].mean()
    return Summary(
        method=result["method"],
        cases=table["case"].nunique(),
        runs=len(dice),
        failures=tuple(failures),
        rounds=rounds,
        dice_auc=_area([one.dice for one in rounds]),
        nsd_auc=_area([one.nsd_2mm for one in rounds]),
        interactions=tuple(_interactions(dice, runs["guess"].fillna(0.0), target) for target in TARGETS),
        worst_decile_dice=float(final[: math.ceil(len(final) / 10)].mean()),
        lowering_rounds=float((steps < -_LOSS).mean()) if steps.size else 0.0,
        obeyed=float(table["obeyed"].min()),
        seconds_median=float(table["seconds"].median()),
        seconds_p95=float(table["seconds"].quantile(0.95)),
        peak_memory_mib=None if peaks.isna().any() else float(peaks.max()),
        volumes=_volumes(table),
        groups=_groups(table),
        gains=gains(dice, _by_run(table, "relative_volume_error")),
        guess_dice=None if runs["guess"].isna().any() else float(guesses.mean()),
    )


def _rounds(table: pd.DataFrame) -> tuple[RoundFigures, ...]:
    names = ["dice", "jaccard", "nsd_2mm", "mae", "volume_error_ml", "volume_error"]
    over_cases, over_runs = _by_case(table, names).groupby("round"), table.groupby("round")
    figures = over_cases.mean()
    figures["dice_sd"] = over_cases["dice"].std(ddof=0)
    figures[["dice_low", "dice_high"]] = [bootstrap_interval(one.to_numpy()) for _, one in over_cases["dice"]]
    figures[["hd95_mm", "seconds"]] = over_runs[["hd95_mm", "seconds"]].median()
    for name, known in (
        ("slice_dice", over_runs["slice_dice"].mean()),
        ("interval_width_ml", over_runs["interval_ml"].median()),
        ("interval_coverage", over_runs["covered"].mean()),
    ):
        figures[name] = known.astype(object).where(known.notna(), None)
    return tuple(RoundFigures(round=int(number), **row) for number, row in figures.to_dict("index").items())


def _area(curve: Sequence[float]) -> float:
    return float(trapezoid(curve)) / (len(curve) - 1) if len(curve) > 1 else curve[0]


def _interactions(dice: np.ndarray, guesses: pd.Series, target: float) -> Interactions:
    reached = np.column_stack([guesses, dice]) >= target
    needed = np.where(reached.any(axis=1), reached.argmax(axis=1), dice.shape[1])
    return Interactions(target, float(needed.mean()), float(1 - reached.any(axis=1).mean()))


def _volumes(table: pd.DataFrame) -> tuple[VolumePanel, ...]:
    last = int(table["round"].max())
    numbers = sorted({min(3, last), last})
    once = table.drop_duplicates("case").sort_values("case")
    parts = [(f"round {number}", "volume_ml", table[table["round"] == number]) for number in numbers]
    parts.append(("ABC/2 of the truth", "abc2_ml", once))
    return tuple(
        volume_panel(label, part[name].to_numpy(), part["truth_ml"].to_numpy(), part["case"].to_numpy())
        for label, name, part in parts
    )


def _groups(table: pd.DataFrame) -> tuple[GroupFigures, ...]:
    types, volumes = table["types"], table["truth_ml"]
    names = sorted({kind for kinds in types for kind in kinds})
    chosen = [(kind, types.map(lambda kinds, kind=kind: kind in kinds)) for kind in names]
    chosen += [(f"{kind} alone", types.map(lambda kinds, kind=kind: kinds == [kind])) for kind in names]
    chosen += [(label, (volumes >= low) & (volumes < high)) for label, low, high in VOLUME_BINS]
    groups = []
    for label, part in ((label, table[mask]) for label, mask in chosen if mask.any()):
        curves = _by_case(part, ["dice", "nsd_2mm"]).groupby("round").mean()
        dice = tuple(curves["dice"].tolist())
        groups.append(GroupFigures(label, part["case"].nunique(), dice, float(curves["nsd_2mm"].iloc[-1])))
    return tuple(groups)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
