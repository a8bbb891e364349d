"""Table 1: our network, the paper's other methods and classical ones, under the same scribbles."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.evaluation.baselines import BASELINE_NAMES
from ICHHPINetLib.evaluation.comparators import COMPARATORS, expected, split
from ICHHPINetLib.evaluation.protocol import Report

from . import paper
from .experiment import Cell, Findings, Spread
from .output import bars
from .results import (
    COLUMNS,
    COSTS,
    cost_cells,
    failures,
    fold_cells,
    merged,
    training_note,
    with_held_out,
)

OURS = "ours"
METHODS = (OURS, *COMPARATORS, *BASELINE_NAMES)
NOT_RUN = "not run: weights needed"
_PUBLISHED = ("Paper: Dice", "Paper: Jaccard", "Paper: MAE")


def method(text: str) -> str:
    """A word of --methods: NAME, or NAME:WEIGHTS of the methods that need some."""
    name, weights = split(text)
    if name not in METHODS:
        raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(METHODS)}")
    if weights and name not in COMPARATORS:
        raise argparse.ArgumentTypeError(f"'{name}' takes no weights here; --weights names those of 'ours'")
    return text


def find(arguments: argparse.Namespace) -> Findings:
    """Evaluate what has its weights; the rows of the others say so."""
    from ICHHPINetLib.evaluation.report import comparison_table
    from ICHHPINetLib.evaluation.statistics import compare

    named = {split(text)[0]: text for text in arguments.methods}
    ready = [name for name, text in named.items() if name not in COMPARATORS or split(text)[1]]
    if not ready:
        raise InputFileError(" ".join(_how_to_run(name) for name in named))
    notes = training_note(arguments) if OURS in ready else []
    folds = {name: with_held_out(arguments, name, None if name == OURS else named[name]) for name in ready}
    results = {name: merged(parts, _title(name)) for name, parts in folds.items()}
    first = next(iter(results.values()))
    last = first["rounds"]
    rows = [_row(name, folds.get(name), last) for name in named]
    others = [result for name, result in results.items() if name != OURS]
    comparisons = compare(results[OURS], *others) if OURS in results and others else []
    text = (
        f"{len(first['cases'])} cases of {first['data']['name']} in {len(first['data']['folds'])} folds, "
        f"{len(first['seeds'])} runs a case, figures after round {last}; ± is the SD over folds, HD95 the "
        "median over runs. All methods start with the same scribble; later scribbles fall on each one's own "
        "errors. Seconds are the median, memory is the peak of the process, with the file of weights in it."
    )
    return Findings(
        columns=("Method", *COLUMNS, *COSTS, *_PUBLISHED),
        rows=rows,
        notes=[
            text,
            *notes,
            *_what_they_get(ready),
            *(_one_file(name, named[name]) for name in ready if _unfolded(named[name])),
            *(_how_to_run(name) for name in named if name not in ready),
            *failures(list(results.values())),
            paper.OTHER_PROTOCOL,
        ],
        tables=[comparison_table(comparisons)] if comparisons else [],
        content={"comparisons": [asdict(row) for row in comparisons]},
        draw=bars(
            [row[0] for row in rows],
            [row[1] if isinstance(row[1], Spread) else None for row in rows],
            [row[-3] for row in rows],
            f"Dice after round {last}",
        ),
        size=(10.0, 5.0),
    )


def _title(name: str) -> str:
    return COMPARATORS[name].title if name in COMPARATORS else name


def _row(name: str, folds: list[Report] | None, last: int) -> list[Cell]:
    row = paper.TABLE_1.get("ICH-HPINet" if name == OURS else _title(name))
    published = [Spread(*row.dice), Spread(*row.jaccard), Spread(*row.mae)] if row else [None] * 3
    if folds is None:
        return [_title(name), NOT_RUN, *[None] * (len(COLUMNS) + len(COSTS) - 1), *published]
    return [_title(name), *fold_cells(folds, last), *cost_cells(folds), *published]


def _what_they_get(ready: list[str]) -> list[str]:
    """What the scribbles become, of the methods that ran."""
    told = [
        f"{COMPARATORS[name].title}: {COMPARATORS[name].prompts}" for name in ready if name in COMPARATORS
    ]
    return [f"What the methods take of the scribbles: {'; '.join(told)}."] if told else []


def _unfolded(text: str) -> bool:
    return bool(split(text)[1]) and "{fold}" not in text


def _one_file(name: str, text: str) -> str:
    return (
        f"{_title(name)} ran with one file of weights for all folds. Whether it has learned from some of "
        "the cases is not known here; if it has, its figures are too good."
    )


def _how_to_run(name: str) -> str:
    known = COMPARATORS[name]
    weights = known.authors or f"'runs/{name}_fold{{fold}}/{name}.safetensors'"
    return (
        f"{known.title} was not run: it takes {expected(name)}. With it: "
        f"`ichhpinet reproduce table1 --cases DATA --methods {name}:{weights}`."
    )
