"""``ichhpinet benchmark``: the benchmark's document from results of ``ichhpinet evaluate``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ICHHPINetLib.commands.console import DISCLAIMER, say
from ICHHPINetLib.commands.output_checks import check_outputs, check_suffix
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.evaluation.protocol import Report
from ICHHPINetLib.evaluation.report import comparison_table, overview, tables
from ICHHPINetLib.evaluation.summary import Summary, summarize
from ICHHPINetLib.imaging.output_files import write_bytes
from ICHHPINetLib.reporting.tables import Table, markdown
from ICHHPINetLib.simulation.users import ROBOT

from .methods import USER_COLUMNS, USER_NOTE, user_rows
from .output import text_of
from .results import alike, by_method

_EPILOG = """
The first result names the method that the others are compared with. Folds of one method are joined;
results of other ways of scribbling (`ichhpinet reproduce prompt_shift`) make the prompt-shift panel.

example:
  ichhpinet benchmark reproduce/table1/results/ours_*.json reproduce/table1/results/*.json \\
      reproduce/prompt_shift/results/*.json
"""

_PROTOCOL = """
A robot scribbles for {rounds} rounds on the whole CT, one slice a round: first on a random slice of the
middle 80 % of the bleeding ones (of all where they are fewer than ten), then on the slice with the largest
error area. It draws up to three scribbles of each kind on it: a user who draws one of each reaches less, see
the prompt shift. Scribbles accumulate. A mean is one over cases of each case's mean over its runs; 95 %
intervals resample the cases; shares, the worst tenth and volumes are over runs, so that a patient counts
once a seed.

- **Dice-AUC, NSD-AUC**: area under the curve over rounds, divided by its length, 0 to 1. NSD is the
  share of both surfaces within 2 mm.
- **Rounds to a Dice**: until it is first reached; a run that never does counts all rounds and as failed.
- **HD95**: 95th percentile Hausdorff distance in mm, median over runs.
- **Volume**: bias and 95 % limits of agreement (Bland and Altman), Lin's concordance correlation (CCC), the
  share within 10 % of the truth, and on the right side of 30 mL, a cut for parenchymal bleeds that most cases
  are far from. *Called growth*: of two runs on the same CT, how often the second is more than 6 mL or 33 %
  larger, which would pass for an expanding hematoma. *ABC/2 of the truth* is what the bedside formula makes
  of the true mask.
- **Time and memory** are those of the machine named above; methods with other numbers of cores are not
  comparable in them.
""".strip()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "results", type=Path, nargs="+", metavar="RESULT", help="files of `ichhpinet evaluate -o`"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("docs/benchmark.md"),
        metavar="FILE",
        help="the document (default: docs/benchmark.md)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command; ICHHPINetError on bad input."""
    check_suffix(arguments.output, (".md",), "The document")
    check_outputs([arguments.output], arguments.results)
    text = document(by_method(arguments.results))
    write_bytes(arguments.output, text.encode())
    say(f"Written: {arguments.output}")


def document(results: dict[tuple[str, str], Report]) -> str:
    """Markdown from results by method and by who scribbled.

    Raises
    ------
    InputFileError
        If none was scribbled by the robot, or too few cases are shared to compare methods.
    """
    by_robot = [result for (_, prompts), result in results.items() if prompts == ROBOT]
    if not by_robot:
        raise InputFileError(
            "No result was scribbled by the robot from the first round on. Add one of "
            "`ichhpinet evaluate -o` without --guess."
        )
    summaries = [summarize(result) for result in by_robot]
    main = by_robot[0]
    parts = [
        "# Benchmark",
        f"Written by `ichhpinet benchmark` from results of `ichhpinet evaluate`; do not edit. {DISCLAIMER}",
        _provenance(by_robot),
        "## Protocol",
        _PROTOCOL.format(rounds=main["rounds"]),
        "## All methods",
        markdown(overview(summaries)),
    ]
    if len(by_robot) > 1:
        from ICHHPINetLib.evaluation.statistics import compare

        parts.append(markdown([comparison_table(compare(main, *by_robot[1:]))]))
    rounds, _, volumes, groups, _ = tables(summaries[0])
    parts += [
        f"## {summaries[0].method} by round",
        markdown([rounds]),
        "## Volume",
        markdown([volumes, *(_volumes(summary) for summary in summaries[1:])]),
        "## Kind and size of the bleed",
        markdown([groups]),
    ]
    users = {prompts: result for (method, prompts), result in results.items() if method == main["method"]}
    if len(users) > 1:
        shifted = dict(zip(users, map(summarize, alike(list(users.values()))), strict=True))
        parts += ["## Prompt shift", markdown([_panel(shifted)]), USER_NOTE]
    parts += [
        f"The first guess itself, before any scribble ({prompts}): mean Dice {summary.guess_dice:.3f}."
        for prompts, summary in zip(users, map(summarize, users.values()), strict=True)
        if summary.guess_dice is not None
    ]
    parts += _failures(map(summarize, results.values()))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _provenance(results: Sequence[Report]) -> str:
    lines = []
    for result in results:
        data, machine = result["data"], result["machine"]
        folds = [str(fold) for fold in data["folds"] if fold is not None]
        where = f", folds {', '.join(folds)}" if folds else ""
        seeds = ", ".join(map(str, result["seeds"]))
        lines.append(
            f"- **{result['method']}**: {len(result['cases'])} cases of {data['name']}{where}, at least "
            f"{data['min_slices']} bleeding slices, seeds {seeds}; {result['software']} on "
            f"{result['device']} ({machine['processor']}, {machine['cores']} cores), {result['started'][:10]}"
            + (f"; weights {', '.join(result['weights'])}" if result["weights"] else "")
        )
    return "\n".join(lines)


def _volumes(summary: Summary) -> Table:
    """Volumes of a further method; the yardstick of the truth is the first one's."""
    return tables(replace(summary, volumes=summary.volumes[:-1]))[2]


def _panel(shifted: dict[str, Summary]) -> Table:
    ordered = dict(sorted(shifted.items(), key=lambda item: item[0] != ROBOT))
    rows = tuple(tuple(map(text_of, row)) for row in user_rows(ordered))
    return Table("Other ways of scribbling", USER_COLUMNS, rows)


def _failures(summaries: Iterable[Summary]) -> list[str]:
    lines = [f"- {summary.method}: {failure}" for summary in summaries for failure in summary.failures]
    return ["## Runs that failed", "\n".join(lines)] if lines else []
