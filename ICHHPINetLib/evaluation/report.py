"""Tables of one or several evaluations."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..reporting.tables import Table
from .statistics import Comparison
from .summary import RoundFigures, Summary


def tables(summary: Summary) -> list[Table]:
    """Everything that is reported of one method."""
    found = [_rounds(summary), _overall([summary]), _volumes(summary), _groups(summary)]
    # A run of one round has no next one.
    return [*found, _gains(summary)] if summary.gains else found


def overview(summaries: Sequence[Summary]) -> list[Table]:
    """Several methods side by side: mean Dice and NSD by round, then the overall figures."""
    rounds = range(1, 1 + min(len(summary.rounds) for summary in summaries))
    columns = ("Method", *(str(number) for number in rounds))

    def rows(metric: str) -> tuple[tuple[str, ...], ...]:
        return tuple(
            (summary.method, *(_number(getattr(summary.rounds[number - 1], metric)) for number in rounds))
            for summary in summaries
        )

    return [
        Table("Mean Dice after each round", columns, rows("dice")),
        Table("Mean NSD at 2 mm after each round", columns, rows("nsd_2mm")),
        _overall(summaries),
    ]


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """Paired comparisons, with both corrected p values."""
    after = f" after round {comparisons[0].round}" if comparisons else ""
    return Table(
        f"Paired comparison{after} (t-test: Bonferroni; Wilcoxon: Holm)",
        ("Metric", "A", "B", "Cases", "Mean A", "Mean B", "A - B", "95 % interval", "p (t)", "p (Wilcoxon)"),
        tuple(
            (
                row.metric,
                row.a,
                row.b,
                str(row.cases),
                _number(row.mean_a, 4),
                _number(row.mean_b, 4),
                _signed(row.difference, 4),
                f"{_signed(row.low, 4)} to {_signed(row.high, 4)}",
                f"{row.t_test:.2g}",
                f"{row.wilcoxon:.2g}",
            )
            for row in comparisons
        ),
    )


def _rounds(summary: Summary) -> Table:
    return Table(
        f"{summary.method}: {summary.cases} cases, {summary.runs} runs; mean by round (HD95, time: median)",
        (
            "Round",
            "Dice",
            "95 % interval",
            "SD",
            "Jaccard",
            "NSD 2 mm",
            "HD95 mm",
            "MAE",
            "Volume error mL",
            "Error %",
            "Scribbled slice",
            "Interval mL (holds the truth)",
            "Time s",
        ),
        tuple(
            (
                str(row.round),
                _number(row.dice),
                f"{_number(row.dice_low)} to {_number(row.dice_high)}",
                _number(row.dice_sd),
                _number(row.jaccard),
                _number(row.nsd_2mm),
                _number(row.hd95_mm, 1),
                _number(row.mae, 4),
                _signed(row.volume_error_ml, 1),
                _percent(row.volume_error),
                "-" if row.slice_dice is None else _number(row.slice_dice),
                _interval(row),
                _number(row.seconds, 2),
            )
            for row in summary.rounds
        ),
    )


def _interval(row: RoundFigures) -> str:
    if row.interval_coverage is None:
        return "-"
    return f"{_number(row.interval_width_ml, 1)} ({_percent(row.interval_coverage)})"


def _overall(summaries: Sequence[Summary]) -> Table:
    rows = [_overall_figures(summary) for summary in summaries]
    return Table(
        "Over all rounds",
        ("", *(summary.method for summary in summaries)),
        tuple((name, *(figures[name] for figures in rows)) for name in rows[0]),
    )


def _overall_figures(summary: Summary) -> dict[str, str]:
    memory = summary.peak_memory_mib
    goals = {
        f"Rounds to Dice {goal.dice:.2f} (failed)": f"{goal.rounds:.1f} ({_percent(goal.failure_rate)})"
        for goal in summary.interactions
    }
    return {
        "Dice of the first guess": "-" if summary.guess_dice is None else _number(summary.guess_dice),
        "Dice-AUC": _number(summary.dice_auc),
        "NSD-AUC": _number(summary.nsd_auc),
        **goals,
        "Final Dice, worst tenth of the runs": _number(summary.worst_decile_dice),
        "Rounds that lowered Dice by more than 0.01": _percent(summary.lowering_rounds),
        "Scribbled voxels obeyed, least": _percent(summary.obeyed),
        "Seconds a round, median (95th percentile)": (
            f"{_number(summary.seconds_median, 2)} ({_number(summary.seconds_p95, 2)})"
        ),
        "Peak memory of the process MiB": "-" if memory is None else f"{memory:.0f}",
        "Failed runs": str(len(summary.failures)),
    }


def _volumes(summary: Summary) -> Table:
    return Table(
        f"{summary.method}: volume against the truth",
        (
            "Measured",
            "Bias mL",
            "95 % limits mL",
            "CCC",
            "Within 10 %",
            "Within 10 %, >5 mL",
            "Agree at 30 mL",
            "Called growth",
        ),
        tuple(
            (
                panel.label,
                _signed(panel.bias_ml, 1),
                f"{_signed(panel.lower_ml, 1)} to {_signed(panel.upper_ml, 1)}",
                "-" if panel.ccc is None else _number(panel.ccc),
                _percent(panel.within_10_percent),
                _percent(panel.within_10_percent_above_5_ml),
                _percent(panel.agree_at_30_ml),
                _percent(panel.called_growth),
            )
            for panel in summary.volumes
        ),
    )


def _groups(summary: Summary) -> Table:
    last = len(summary.rounds)
    numbers = sorted({number for number in (1, 2, 3, last) if number <= last})
    return Table(
        f"{summary.method}: by kind of bleed (a case counts for each of its types) and volume",
        ("Bleed", "Cases", *(f"Dice {number}" for number in numbers), f"NSD 2 mm {last}"),
        tuple(
            (
                group.label,
                str(group.cases),
                *(_number(group.dice_by_round[number - 1]) for number in numbers),
                _number(group.nsd_2mm),
            )
            for group in summary.groups
        ),
    )


def _gains(summary: Summary) -> Table:
    return Table(
        f"{summary.method}: what one of the rounds 2 to 4 buys",
        ("Mask before it", "Rounds", "Dice", "Volume error"),
        tuple(
            (
                gain.label,
                str(gain.rounds),
                _signed(gain.dice, 3),
                f"{-100 * gain.volume_error:+.1f} points",
            )
            for gain in summary.gains
        ),
    )


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "inf"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}"


def _percent(share: float | None) -> str:
    if share is None:
        return "-"
    return f"{100 * share:.0f} %" if math.isfinite(share) else "inf"
