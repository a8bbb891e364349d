"""Table 1: the network against other methods that get the very same strokes.

The paper compares with adaptations of SAM; here stand the methods a user of Slicer has at hand.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from ICHHPINetLib.evaluation.baselines import BASELINE_NAMES
from ICHHPINetLib.evaluation.protocol import Report

from . import paper
from .evaluations import (
    COLUMNS,
    add_protocol_arguments,
    evaluate_fold,
    failures,
    fold_cells,
    merged,
    training_note,
    weights_of,
)
from .outputs import Findings, Spread, bars, prepare, write

OURS = "ours"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the experiment."""
    parser.add_argument("--cases", type=Path, required=True, metavar="FOLDER", help="cases with masks")
    parser.add_argument(
        "--weights",
        metavar="PATTERN",
        help="weights that held a fold out, as 'fold{fold}.safetensors' (default: the shipped ones)",
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=(OURS, *BASELINE_NAMES),
        default=[OURS, *BASELINE_NAMES],
        metavar="NAME",
        help=f"of {OURS}, {', '.join(BASELINE_NAMES)} (default: all)",
    )
    add_protocol_arguments(parser, range(5))
    parser.add_argument("--output", type=Path, default=Path("reproduce/table1"), metavar="FOLDER")


def run(arguments: argparse.Namespace) -> None:
    """Run the experiment; ICHHPINetError on bad input."""
    prepare(arguments.output)
    notes = training_note(arguments.weights, arguments.device) if OURS in arguments.methods else []
    folds = {method: _folds(arguments, method) for method in arguments.methods}
    results = {method: merged(parts, method) for method, parts in folds.items()}
    write(arguments.output, findings(folds, results, notes))


def _folds(arguments: argparse.Namespace, method: str) -> list[Report]:
    return [
        evaluate_fold(
            arguments,
            weights_of(arguments.weights, fold) if method == OURS else method,
            fold,
            arguments.output / "results" / f"{method}_fold{fold}.json",
        )
        for fold in arguments.folds
    ]


def findings(folds: dict[str, list[Report]], results: dict[str, Report], notes: list[str]) -> Findings:
    """The table from results by method: fold by fold, and joined."""
    from ICHHPINetLib.evaluation.report import comparison_table
    from ICHHPINetLib.evaluation.statistics import compare

    first = next(iter(results.values()))
    last, cases = first["rounds"], len(first["cases"])
    rows = [[method, *fold_cells(parts, last)] for method, parts in folds.items()]
    published = [
        [f"paper: {name}", Spread(*row.dice), Spread(*row.jaccard), None, None, Spread(*row.mae)]
        for name, row in paper.TABLE_1.items()
    ]
    others = [result for method, result in results.items() if method != OURS]
    comparisons = compare(results[OURS], *others) if OURS in results and others else []
    text = (
        f"{cases} cases of {first['data']['name']} in {len(first['data']['folds'])} folds, "
        f"{len(first['seeds'])} runs a case, figures after round {last}; ± is the SD over folds, HD95 the "
        "median over runs. All methods start with the same stroke; later strokes fall on each one's own "
        "errors."
    )
    groups = [str(row[0]) for row in [*rows, *published]]
    return Findings(
        name="table1",
        title="Table 1: methods under the same strokes",
        columns=("Method", *COLUMNS),
        rows=[*rows, *published],
        notes=[text, *notes, *failures(list(results.values())), paper.OTHER_PROTOCOL],
        tables=[comparison_table(comparisons)] if comparisons else [],
        content={"comparisons": [asdict(row) for row in comparisons]},
        draw=bars(
            [name.removeprefix("paper: ") for name in groups],
            [row[1] for row in rows] + [None] * len(published),
            [None] * len(rows) + [row[1] for row in published],
            f"Dice after round {last}",
        ),
        size=(10.0, 5.0),
    )
