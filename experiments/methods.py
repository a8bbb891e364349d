"""Networks, evaluated and not trained: table 5 and the prompt shift."""

from __future__ import annotations

import argparse

from ICHHPINetLib.evaluation.summary import Summary, summarize
from ICHHPINetLib.simulation.users import ROBOT

from . import paper
from .experiment import Cell, Findings
from .output import curves
from .results import (
    alike,
    by_method,
    failures,
    merged,
    training_note,
    with_held_out,
)

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
