"""The prompt-shift panel: the same network under other ways of scribbling than the robot's."""

from __future__ import annotations

import argparse
from pathlib import Path

from ICHHPINetLib.evaluation.summary import Summary, summarize
from ICHHPINetLib.simulation.users import ROBOT, USERS

from .evaluations import (
    add_protocol_arguments,
    alike,
    evaluate_fold,
    failures,
    merged,
    training_note,
    weights_of,
)
from .outputs import Cell, Findings, curves, prepare, write

COLUMNS = (
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
LABELS = {
    ROBOT: "robot",
    "center_click": "center click only",
    "contour_scribble": "contour scribble",
    "noisy_robot": "noisy robot (3 px, 5 % wrong label)",
    "one_stroke": "one stroke a round",
    "lazy_user": "lazy user (any bleeding slice)",
    "sagittal_robot": "robot in a sagittal view",
}
NOTE = (
    "Each user meets the same cases, as often, and starts on the same slice; after a first guess, on its "
    "worst one, in a sagittal view in a random plane. Clicks, single strokes and contours are a tenth "
    "of the rounds of today's training. The paper has no such panel. A noisy user's wrong "
    "strokes are obeyed like all others, so that the loss under noise is in part the strokes' own."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the experiment."""
    parser.add_argument("--cases", type=Path, required=True, metavar="FOLDER", help="cases with masks")
    parser.add_argument(
        "--weights",
        metavar="PATTERN",
        help="weights that held a fold out, as 'fold{fold}.safetensors' (default: the shipped ones)",
    )
    parser.add_argument(
        "--users",
        nargs="+",
        choices=USERS,
        default=list(USERS),
        metavar="NAME",
        help=f"of {', '.join(USERS)} (default: all)",
    )
    add_protocol_arguments(parser, range(5))
    parser.add_argument("--output", type=Path, default=Path("reproduce/prompt_shift"), metavar="FOLDER")


def run(arguments: argparse.Namespace) -> None:
    """Run the experiment; ICHHPINetError on bad input."""
    prepare(arguments.output)
    notes = training_note(arguments.weights, arguments.device)
    results = {}
    for name in arguments.users:
        parts = [
            evaluate_fold(
                arguments,
                weights_of(arguments.weights, fold),
                fold,
                arguments.output / "results" / f"{name}_fold{fold}.json",
                name,
            )
            for fold in arguments.folds
        ]
        results[name] = merged(parts)
    summaries = dict(zip(results, map(summarize, alike(list(results.values()))), strict=True))
    write(arguments.output, findings(summaries, [*notes, *failures(list(results.values()))]))


def rows(summaries: dict[str, Summary]) -> list[list[Cell]]:
    """Rows of ``COLUMNS`` from summaries by user."""
    robot = summaries.get(ROBOT)
    return [
        [
            LABELS.get(name, name),
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


def findings(summaries: dict[str, Summary], notes: list[str]) -> Findings:
    """The panel from summaries by user."""
    lines = {LABELS.get(name, name): [one.dice for one in each.rounds] for name, each in summaries.items()}
    return Findings(
        name="prompt_shift",
        title="Prompt shift",
        columns=COLUMNS,
        rows=rows(summaries),
        notes=[*notes, NOTE],
        content={"users": {name: one.as_dict() for name, one in summaries.items()}},
        draw=curves(lines, "Mean Dice by round and by who scribbles"),
    )
