"""Paired comparison of methods on the same cases under the same protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ..errors import InputFileError
from .protocol import Report
from .resampling import bootstrap_interval
from .summary import case_means

DEFAULT_METRICS = ("dice", "jaccard", "nsd_2mm", "mae")


@dataclass(frozen=True)
class Comparison:
    """One metric of method ``a`` against method ``b`` after a round, over the cases both completed.

    ``difference`` is the mean of a minus b; ``low`` to ``high`` its 95 % bootstrap
    interval (percentiles, cases resampled). ``t_test`` is the p value of the paired t-test times
    the number of comparisons (Bonferroni, as in the paper), ``wilcoxon`` the one of the
    signed-rank test after Holm's correction.
    """

    metric: str
    round: int
    a: str
    b: str
    cases: int
    mean_a: float
    mean_b: float
    difference: float
    low: float
    high: float
    t_test: float
    wilcoxon: float


def compare(
    results_a: Report,
    *results_b: Report,
    metrics: Sequence[str] = DEFAULT_METRICS,
    round_number: int | None = None,
) -> list[Comparison]:
    """Compare one result with others, case by case (each the mean over its seeds).

    Parameters
    ----------
    results_a, results_b: what ``evaluate`` returned or ``read_result`` read.
    metrics: names of finite figures of ``SegmentationMetrics``.
    round_number: the round to compare after; the last one that all have where None.

    All metrics and all pairs of methods are one family for the corrections.

    Raises
    ------
    InputFileError
        If two methods share fewer than two completed cases, are of two data sets, or a result lacks
        the round.
    """
    if round_number is None:
        round_number = min(result["rounds"] for result in (results_a, *results_b))
    rows, t_tests, ranks = [], [], []
    for other in results_b:
        for metric in metrics:
            a, b = _paired(results_a, other, metric, round_number)
            low, high = bootstrap_interval(a - b)
            t_tests.append(_p_value(stats.ttest_rel, a, b))
            ranks.append(_p_value(stats.wilcoxon, a, b))
            rows.append((metric, other["method"], a, b, low, high))
    bonferroni = np.minimum(1.0, np.array(t_tests) * len(t_tests))
    holm = _holm(np.array(ranks))
    return [
        Comparison(
            metric=metric,
            round=round_number,
            a=results_a["method"],
            b=name,
            cases=len(a),
            mean_a=float(a.mean()),
            mean_b=float(b.mean()),
            difference=float((a - b).mean()),
            low=low,
            high=high,
            t_test=float(bonferroni[index]),
            wilcoxon=float(holm[index]),
        )
        for index, (metric, name, a, b, low, high) in enumerate(rows)
    ]


def _paired(one: Report, other: Report, metric: str, round_number: int) -> tuple[np.ndarray, np.ndarray]:
    # Ids alone would pair patients of two data sets that number theirs alike.
    sources = [result.get("data", {}).get("name") for result in (one, other)]
    if sources[0] != sources[1]:
        raise InputFileError(
            f"{one['method']} was evaluated on {sources[0]}, {other['method']} on {sources[1]}. "
            "Evaluate both on the same folder."
        )
    first, second = (case_means(result, metric, round_number) for result in (one, other))
    shared = [name for name in first if name in second]
    if len(shared) < 2:
        raise InputFileError(
            f"{one['method']} and {other['method']} share {len(shared)} completed cases; at least two are "
            "needed to compare them. Evaluate both on the same folder."
        )
    return np.array([first[name] for name in shared]), np.array([second[name] for name in shared])


def _p_value(test, a: np.ndarray, b: np.ndarray) -> float:
    """p of a paired test; 1 where all pairs are equal, for which no test is defined."""
    return 1.0 if np.array_equal(a, b) else float(test(a, b).pvalue)


def _holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down correction."""
    count = len(p_values)
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * (count - np.arange(count)))
    corrected = np.empty(count)
    corrected[order] = np.minimum(1.0, stepped)
    return corrected
