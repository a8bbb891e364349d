"""``ichhpinet reproduce NAME``: runs a line of the table of experiments."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path

from ICHHPINetLib.cohort.pool import given_pool

from .output import prepare, write
from .table import EXPERIMENTS

_EPILOG = """
Each writes NAME.json, NAME.csv, NAME.md and NAME.png into --output and goes on where it stopped when
the command is given again.

examples:
  ichhpinet reproduce attention
  ichhpinet reproduce table1 --cases DATA --weights 'fold{fold}.safetensors'
  ichhpinet reproduce table2 --cases DATA --steps 1500 --folds 0
  ichhpinet reproduce table5 results/*.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = _EPILOG
    names = parser.add_subparsers(dest="experiment", metavar="NAME", required=True)
    for name, experiment in EXPERIMENTS.items():
        text = experiment.summary
        one = names.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        for flag, option in experiment.options.items():
            one.add_argument(flag, **option)
        one.add_argument("--output", type=Path, default=Path(f"reproduce/{name}"), metavar="FOLDER")


def run(arguments: argparse.Namespace) -> None:
    """Run the experiment; ICHHPINetError on bad input."""
    experiment = EXPERIMENTS[arguments.experiment]
    prepare(arguments.output)
    if getattr(arguments, "scheduler", None) and arguments.cases:
        # Its workers may be in other folders.
        arguments.cases = arguments.cases.absolute()
    # Evaluations of one experiment share their workers; see ``results.evaluate_folds``.
    with given_pool(arguments) if "workers" in arguments else nullcontext() as arguments.pool:
        found = experiment.find(arguments)
    if found:
        write(arguments.output, arguments.experiment, experiment.title, found)
