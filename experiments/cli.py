"""``ichhpinet reproduce NAME``: one of the paper's experiments, or of those around them."""

from __future__ import annotations

import argparse
import importlib

_EXPERIMENTS = {
    "table1": "the network and classical methods under the same strokes, with tests",
    "table2": "propagation strategies and parts left out, trained with one small budget",
    "table3": "shares of Dice and cross-entropy, trained with one small budget",
    "table4": "weights of the three losses, trained with one small budget",
    "table5": "accuracy by round, from results of `ichhpinet evaluate`",
    "recipe": "the training with one thing changed each, one small budget",
    "similarity": "how alike VIM's and the slices' features are over training",
    "attention": "where the memory is looked at (figure 3), on the generated phantom",
    "failures": "pictures of what goes wrong, on generated phantoms",
    "prompt_shift": "other ways of scribbling than the one of training",
}

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
    for name, summary in _EXPERIMENTS.items():
        one = names.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _module(name).add_arguments(one)


def run(arguments: argparse.Namespace) -> None:
    """Run the experiment; ICHHPINetError on bad input."""
    _module(arguments.experiment).run(arguments)


def _module(name: str):
    return importlib.import_module(f".{name}", __package__)
