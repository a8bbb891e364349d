"""Figures, comparisons and tables of made-up results with known answers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from ICHHPINetLib.commands.console import print_tables
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.evaluation import report
from ICHHPINetLib.evaluation.statistics import compare
from ICHHPINetLib.evaluation.summary import case_means, summarize
from ICHHPINetLib.reporting.tables import markdown


def row(number, dice, truth_ml, volume_ml):
    return {
        "round": number,
        "dice": dice,
        "jaccard": dice / (2 - dice),
        "nsd_2mm": dice,
        "hd95_mm": None if dice == 0 else 10 * (1 - dice),
        "mae": (1 - dice) / 100,
        "volume_ml": volume_ml,
        "truth_ml": truth_ml,
        "volume_error_ml": volume_ml - truth_ml,
        "relative_volume_error": volume_ml / truth_ml - 1,
        "seconds": float(number),
        "obeyed": 1.0,
        "peak_memory_mib": 100.0 * number,
    }


def result(curves, method="ours", volumes=(10.0, 40.0), factor=1.0, types=((), ())):
    """``curves[case][seed]`` is the Dice by round; masks measure ``factor`` times the truth."""
    return {
        "format": 1,
        "method": method,
        "rounds": len(curves[0][0]),
        "cases": [
            {
                "id": f"case{number}",
                "bleed_types": list(types[number % len(types)]),
                "error": None,
                "truth": {"volume_ml": truth, "abc2_ml": 1.2 * truth},
                "runs": [
                    {
                        "seed": seed,
                        "error": None,
                        "rounds": [row(k + 1, dice, truth, factor * truth) for k, dice in enumerate(curve)],
                    }
                    for seed, curve in enumerate(seeds)
                ],
            }
            for number, seeds in enumerate(curves)
            for truth in [volumes[number % len(volumes)]]
        ],
    }


TWO_CASES = [[[0.2, 0.8, 0.9], [0.4, 0.9, 0.86]], [[0.6, 0.6, 0.7], [0.6, 0.595, 0.7]]]


def test_means_by_round_give_every_case_the_same_weight():
    uneven = result([TWO_CASES[0], TWO_CASES[1][:1]])

    summary = summarize(uneven)

    assert [round(figures.dice, 6) for figures in summary.rounds] == [0.45, 0.725, 0.79]
    assert summary.rounds[0].dice_sd == pytest.approx(0.15)
    assert (summary.cases, summary.runs) == (2, 3)


def test_area_under_the_curve_is_normalized():
    assert summarize(result([[[1.0, 1.0, 1.0]]])).dice_auc == 1
    assert summarize(result([[[0.0, 0.5, 1.0]]])).dice_auc == pytest.approx(0.5)
    assert summarize(result([[[0.0, 1.0, 1.0, 1.0, 1.0]]])).nsd_auc == pytest.approx(3.5 / 4)
    assert summarize(result([[[0.7]]])).dice_auc == pytest.approx(0.7)


def test_interactions_until_a_dice_is_reached():
    goals = {goal.dice: goal for goal in summarize(result(TWO_CASES)).interactions}

    assert goals[0.85].rounds == pytest.approx((3 + 2 + 3 + 3) / 4)
    assert goals[0.85].failure_rate == pytest.approx(0.5)
    assert goals[0.90].rounds == pytest.approx((3 + 2 + 3 + 3) / 4)


def test_a_guess_that_reaches_the_dice_needs_no_round():
    guessed = result([[[0.8, 0.9]], [[0.8, 0.95]]])
    for report_of_case, dice in zip(guessed["cases"], (0.86, 0.4), strict=True):
        report_of_case["runs"][0]["guess"] = {"dice": dice}
    goals = {goal.dice: goal for goal in summarize(guessed).interactions}
    assert goals[0.85].rounds == 1.0, "none after the first guess, two after the second"
    assert goals[0.90].rounds == 2.0
    assert goals[0.85].failure_rate == 0.0


def test_worst_decile_and_rounds_that_lower_dice():
    summary = summarize(result(TWO_CASES))
    assert summary.worst_decile_dice == pytest.approx(0.7)
    # 0.90 to 0.86 counts; 0.600 to 0.595 is not more than 0.01.
    assert summary.lowering_rounds == pytest.approx(1 / 8)


def test_seconds_and_memory():
    summary = summarize(result(TWO_CASES))
    assert summary.seconds_median == 2
    assert summary.seconds_p95 == pytest.approx(3)
    assert summary.peak_memory_mib == 300


def test_volume_panel_and_its_yardstick():
    panels = {panel.label: panel for panel in summarize(result(TWO_CASES, factor=0.7)).volumes}

    assert panels.keys() == {"round 3", "ABC/2 of the truth"}
    last = panels["round 3"]
    differences = np.array([-3.0, -3.0, -12.0, -12.0])
    assert last.bias_ml == pytest.approx(differences.mean())
    assert last.upper_ml - last.lower_ml == pytest.approx(2 * 1.96 * differences.std(ddof=1))
    assert last.within_10_percent == 0
    assert last.agree_at_30_ml == 0.5
    assert last.called_growth == 0.0
    measured, truth = np.array([7.0, 7, 28, 28]), np.array([10.0, 10, 40, 40])
    covariance = np.cov(measured, truth, ddof=0)[0, 1]
    assert last.ccc == pytest.approx(2 * covariance / (measured.var() + truth.var() + 7.5**2))
    assert panels["ABC/2 of the truth"].bias_ml == pytest.approx(5.0)


def test_two_runs_on_a_ct_that_would_pass_for_growth():
    """10 and 14 mL, 40 and 45 mL: a third more is growth, 5 mL of 40 are not, and a smaller one is none."""
    measured = result([[[0.9], [0.9]], [[0.9], [0.9]]])
    for case, volumes in zip(measured["cases"], ((10.0, 14.0), (40.0, 45.0)), strict=True):
        for run, volume in zip(case["runs"], volumes, strict=True):
            run["rounds"][0]["volume_ml"] = volume
    panel, yardstick = summarize(measured).volumes
    assert panel.called_growth == 1 / 4
    assert yardstick.called_growth is None
    assert yardstick.ccc is not None


def test_intervals_of_the_mean_resample_cases():
    same = summarize(result([[[0.5]], [[0.5]], [[0.5]]])).rounds[0]
    assert (same.dice_low, same.dice_high) == (0.5, 0.5)
    apart = summarize(result([[[0.2]], [[0.8]]])).rounds[0]
    assert (apart.dice_low, apart.dice, apart.dice_high) == pytest.approx((0.2, 0.5, 0.8))


def test_small_bleeds_are_apart_in_the_volume_panel():
    (panel, _) = summarize(result([TWO_CASES[0]], volumes=(4.0,))).volumes
    assert panel.within_10_percent == 1
    assert panel.within_10_percent_above_5_ml is None


def test_groups_by_type_and_volume():
    groups = {
        group.label: group
        for group in summarize(result(TWO_CASES, types=(("deep", "lobar"), ("deep",)))).groups
    }
    assert {label: group.cases for label, group in groups.items()} == {
        "deep": 2,
        "lobar": 1,
        "deep alone": 1,
        "5-15 mL": 1,
        ">30 mL": 1,
    }
    assert groups["lobar"].dice_by_round == pytest.approx((0.3, 0.85, 0.88))


def test_failures_are_listed_and_left_out():
    broken = result(TWO_CASES)
    broken["cases"][0]["runs"][1] = {"seed": 1, "error": "ValueError: broken", "rounds": []}
    broken["cases"].append({"id": "lost", "bleed_types": [], "error": "InputFileError: gone", "runs": []})

    summary = summarize(broken)

    assert summary.runs == 3
    assert summary.failures == ("case0, seed 1: ValueError: broken", "lost: InputFileError: gone")
    for run in (run for case in broken["cases"] for run in case["runs"]):
        run["error"] = "ValueError: broken"
    with pytest.raises(InputFileError, match="nothing to summarize"):
        summarize(broken)


def test_an_empty_mask_is_infinitely_far_and_still_strict_json():
    summary = summarize(result([[[0.0, 0.9]]]))
    assert summary.rounds[0].hd95_mm == math.inf
    assert json.loads(json.dumps(summary.as_dict(), allow_nan=False))["rounds"][0]["hd95_mm"] is None


def random_result(method, shift, cases=12):
    rng = np.random.default_rng(3)
    base = rng.uniform(0.4, 0.7, (cases, 2, 2))
    noise = np.random.default_rng(len(method)).normal(0, 0.02, base.shape)
    return result((base + shift + noise).tolist(), method)


def test_comparison_is_paired_by_case_and_corrected():
    ours, other, worse = (
        random_result("ours", 0.0),
        random_result("baseline", 0.01),
        random_result("worse", -0.2),
    )

    rows = {(row.b, row.metric): row for row in compare(ours, other, worse, metrics=("dice", "mae"))}

    a, b = (np.array(list(case_means(item, "dice", 2).values())) for item in (ours, worse))
    raw = stats.ttest_rel(a, b).pvalue
    best = rows["worse", "dice"]
    assert best.cases == 12
    assert best.t_test == pytest.approx(4 * raw)
    assert best.wilcoxon == pytest.approx(4 * stats.wilcoxon(a, b).pvalue)
    assert best.low < best.difference < best.high
    assert best.difference == pytest.approx(0.2, abs=0.02)
    assert rows["baseline", "dice"].low < 0.01
    assert all(0 <= row.wilcoxon <= 1 and 0 <= row.t_test <= 1 for row in rows.values())


def test_cases_are_paired_by_id_in_whatever_order():
    ours, other = random_result("ours", 0.0), random_result("baseline", 0.01)
    expected = compare(ours, other)
    other["cases"] = other["cases"][5:] + other["cases"][:5]
    assert compare(ours, other) == expected


def test_the_bootstrap_interval_is_as_wide_as_the_error_of_the_mean():
    ours, other = random_result("ours", 0.0, cases=200), random_result("baseline", 0.01, cases=200)
    (row,) = compare(ours, other, metrics=("dice",))
    a, b = (np.array(list(case_means(item, "dice", 2).values())) for item in (ours, other))
    assert row.high - row.low == pytest.approx(2 * 1.96 * stats.sem(a - b), rel=0.05)


def test_holm_is_milder_than_bonferroni_from_the_second_on():
    from ICHHPINetLib.evaluation.statistics import _holm

    assert _holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_patients_of_two_data_sets_are_no_pairs():
    ours, other = random_result("ours", 0.0), random_result("baseline", 0.01)
    ours["data"], other["data"] = {"name": "ct-ich"}, {"name": "train_2"}
    with pytest.raises(InputFileError, match="on ct-ich, baseline on train_2"):
        compare(ours, other)


def test_a_method_does_not_differ_from_itself():
    same = random_result("ours", 0.0)
    (row,) = compare(same, same, metrics=("dice",), round_number=1)
    assert (row.difference, row.t_test, row.wilcoxon) == (0, 1, 1)


def test_comparison_needs_shared_cases_and_rounds():
    ours, other = result(TWO_CASES), result(TWO_CASES)
    with pytest.raises(InputFileError, match="1 to 3"):
        compare(ours, other, round_number=4)
    other["cases"] = other["cases"][:1]
    with pytest.raises(InputFileError, match="at least two"):
        compare(ours, other)


@pytest.fixture
def shown():
    one, other = random_result("ours", 0.0), random_result("growcut", -0.1)
    first, second = summarize(one), summarize(other)
    compared = report.comparison_table(compare(one, other))
    return [*report.tables(first), *report.overview([first, second]), compared]


def test_markdown_tables_are_well_formed(shown):
    text = markdown(shown)
    for table in text.split("\n\n|")[1:]:
        lines = [line for line in table.splitlines() if line.endswith("|")]
        assert len({line.lstrip("|").count("|") for line in lines}) == 1
    assert "growcut" in text


def test_terminal_tables_hold_every_figure(shown, capsys):
    pytest.importorskip("rich")
    print_tables(shown)
    text = capsys.readouterr().out
    for table in shown:
        assert table.title in text
        assert all(cell in text for cells in table.rows for cell in cells)


def test_one_round_has_no_table_of_what_the_next_one_buys():
    assert all(table.rows for table in report.tables(summarize(result([[[0.7]], [[0.8]]]))))
