"""Networks and other methods, evaluated and not trained: tables 1 and 5, and the prompt shift."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ICHHPINetLib.evaluation.summary import Summary, summarize
from ICHHPINetLib.simulation.users import ROBOT

from . import paper
from .experiment import Cell, Findings
from .output import bars, curves
from .results import (
    COLUMNS,
    alike,
    by_method,
    failures,
    fold_cells,
    merged,
    published_cells,
    training_note,
    with_held_out,
)

OURS = "ours"
_METRICS = {
    "Dice": "dice",
    "Jaccard": "jaccard",
    "NSD 2 mm": "nsd_2mm",
    "HD95 mm": "hd95_mm",
    "MAE": "mae",
}
_ROUNDS_NOTE = (
    "The paper's figures (other protocol) are most likely of its private data: they end near where table 1 "
    "has that set. Its first round propagates without volume features, as its code shows; ours has them in "
    "all rounds. Compare the shape of the curve: how much the second round adds, and whether later ones do."
)
USER_COLUMNS = (
    "Who scribbles",
    "Runs",
    "Dice 1",
    "Dice 3",
    "Dice last",
    "Dice-AUC",
    "NSD-AUC",
    "Worst decile",
    "Dice-AUC - robot's",
)
_USER_LABELS = {
    ROBOT: "robot",
    "center_click": "center click only",
    "contour_scribble": "contour scribble",
    "noisy_robot": "noisy robot (3 px, 5 % wrong label)",
    "one_scribble": "one scribble a round",
    "lazy_user": "lazy user (any bleeding slice)",
    "guided_user": "guided user (the slice to check next)",
    "sagittal_robot": "robot in a sagittal view",
}
USER_NOTE = (
    "Each user meets the same cases, as often, and starts on the same slice; after a first guess, on its "
    "worst one, in a sagittal view in a random plane. Clicks, single scribbles and contours are a tenth "
    "of the rounds of today's training. The paper has no such panel. A noisy user's wrong "
    "scribbles are obeyed like all others, so that the loss under noise is in part the scribbles' own."
)


def same_scribbles(arguments: argparse.Namespace) -> Findings:
    """Table 1, from the same robot. The paper has adaptations of SAM; here is what a user of Slicer has."""
    from ICHHPINetLib.evaluation.report import comparison_table
    from ICHHPINetLib.evaluation.statistics import compare

    notes = training_note(arguments) if OURS in arguments.methods else []
    folds = {
        name: with_held_out(arguments, name, None if name == OURS else name) for name in arguments.methods
    }
    results = {name: merged(parts, name) for name, parts in folds.items()}
    first = next(iter(results.values()))
    last = first["rounds"]
    rows = [[name, *fold_cells(parts, last)] for name, parts in folds.items()]
    published = [[f"paper: {name}", *published_cells(row)] for name, row in paper.TABLE_1.items()]
    others = [result for name, result in results.items() if name != OURS]
    comparisons = compare(results[OURS], *others) if OURS in results and others else []
    text = (
        f"{len(first['cases'])} cases of {first['data']['name']} in {len(first['data']['folds'])} folds, "
        f"{len(first['seeds'])} runs a case, figures after round {last}; ± is the SD over folds, HD95 the "
        "median over runs. All methods start with the same scribble; later scribbles fall on each one's own "
        "errors."
    )
    return Findings(
        columns=("Method", *COLUMNS),
        rows=[*rows, *published],
        notes=[text, *notes, *failures(list(results.values())), paper.OTHER_PROTOCOL],
        tables=[comparison_table(comparisons)] if comparisons else [],
        content={"comparisons": [asdict(row) for row in comparisons]},
        draw=bars(
            [*folds, *paper.TABLE_1],
            [row[1] for row in rows] + [None] * len(published),
            [None] * len(rows) + [row[1] for row in published],
            f"Dice after round {last}",
        ),
        size=(10.0, 5.0),
    )


def by_round(arguments: argparse.Namespace) -> Findings:
    """Table 5, of one or several methods' results."""
    summaries = [
        summarize({**result, "method": method if prompts == ROBOT else f"{method} ({prompts})"})
        for (method, prompts), result in by_method(arguments.results).items()
    ]
    count = max(len(summary.rounds) for summary in summaries)
    rows = []
    for label, name in _METRICS.items():
        lines = [(one.method, [getattr(figures, name) for figures in one.rounds]) for one in summaries]
        lines += [("paper", list(paper.TABLE_5[name])[:count])] if name in paper.TABLE_5 else []
        rows += [[f"{label}, {who}", *known, *[None] * (count - len(known))] for who, known in lines]
    dice = {summary.method: [one.dice for one in summary.rounds] for summary in summaries}
    cases = ", ".join(f"{one.method}: {one.cases} cases, {one.runs} runs" for one in summaries)
    return Findings(
        columns=("Round", *map(str, range(1, count + 1))),
        rows=rows,
        notes=[
            f"Means over cases of the means over runs; HD95 is the median over runs. {cases}.",
            _ROUNDS_NOTE,
        ],
        content={"methods": [summary.as_dict() for summary in summaries]},
        draw=curves({**dice, "paper (other protocol)": paper.TABLE_5["dice"][:count]}, "Mean Dice by round"),
    )


def other_users(arguments: argparse.Namespace) -> Findings:
    """The prompt shift: the same network under other ways of scribbling than the robot's."""
    notes = training_note(arguments)
    results = [merged(with_held_out(arguments, name, prompts=name)) for name in arguments.users]
    summaries = dict(zip(arguments.users, map(summarize, alike(results)), strict=True))
    lines = {_USER_LABELS[name]: [one.dice for one in each.rounds] for name, each in summaries.items()}
    return Findings(
        columns=USER_COLUMNS,
        rows=user_rows(summaries),
        notes=[*notes, *failures(results), USER_NOTE],
        content={"users": {name: one.as_dict() for name, one in summaries.items()}},
        draw=curves(lines, "Mean Dice by round and by who scribbles"),
    )


def user_rows(summaries: dict[str, Summary]) -> list[list[Cell]]:
    """Rows of ``USER_COLUMNS`` from summaries by user."""
    robot = summaries.get(ROBOT)
    return [
        [
            _USER_LABELS.get(name, name),
            one.runs,
            one.rounds[0].dice,
            one.rounds[min(3, len(one.rounds)) - 1].dice,
            one.rounds[-1].dice,
            one.dice_auc,
            one.nsd_auc,
            one.worst_decile_dice,
            one.dice_auc - robot.dice_auc if robot else None,
        ]
        for name, one in summaries.items()
    ]
