"""Table 5: accuracy by round."""

from __future__ import annotations

import argparse
from pathlib import Path

from ICHHPINetLib.evaluation.summary import Summary, summarize
from ICHHPINetLib.simulation.users import ROBOT

from . import paper
from .evaluations import by_method
from .outputs import Findings, curves, prepare, write

_METRICS = {
    "Dice": "dice",
    "Jaccard": "jaccard",
    "NSD 2 mm": "nsd_2mm",
    "HD95 mm": "hd95_mm",
    "MAE": "mae",
}
_NOTE = (
    "The paper's figures (other protocol) are most likely of its private data: they end near where table 1 "
    "has that set. Its first round propagates without volume features, as its code shows; ours has them in "
    "all rounds. Compare the shape of the curve: how much the second round adds, and whether later ones do."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the experiment."""
    parser.add_argument(
        "results",
        type=Path,
        nargs="+",
        metavar="RESULT",
        help="files of `ichhpinet evaluate -o` or of table1; folds of one method are joined",
    )
    parser.add_argument("--output", type=Path, default=Path("reproduce/table5"), metavar="FOLDER")


def run(arguments: argparse.Namespace) -> None:
    """Run the experiment; ICHHPINetError on bad input."""
    results = by_method(arguments.results)
    prepare(arguments.output)
    named = [
        {**result, "method": method if prompts == ROBOT else f"{method} ({prompts})"}
        for (method, prompts), result in results.items()
    ]
    write(arguments.output, findings([summarize(result) for result in named]))


def findings(summaries: list[Summary]) -> Findings:
    """The table of one or several methods."""
    count = max(len(summary.rounds) for summary in summaries)
    rows = []
    for label, name in _METRICS.items():
        for summary in summaries:
            values = [getattr(one, name) for one in summary.rounds]
            rows.append([f"{label}, {summary.method}", *values, *[None] * (count - len(values))])
        if name in paper.TABLE_5:
            known = list(paper.TABLE_5[name])[:count]
            rows.append([f"{label}, paper", *known, *[None] * (count - len(known))])
    lines = {summary.method: [one.dice for one in summary.rounds] for summary in summaries}
    cases = ", ".join(f"{one.method}: {one.cases} cases, {one.runs} runs" for one in summaries)
    return Findings(
        name="table5",
        title="Table 5: accuracy by round",
        columns=("Round", *map(str, range(1, count + 1))),
        rows=rows,
        notes=[f"Means over cases of the means over runs; HD95 is the median over runs. {cases}.", _NOTE],
        content={"methods": [summary.as_dict() for summary in summaries]},
        draw=curves({**lines, "paper (other protocol)": paper.TABLE_5["dice"][:count]}, "Mean Dice by round"),
    )
