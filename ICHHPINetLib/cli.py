"""The command ``ichhpinet``: chooses the sub-command and turns errors into exit codes."""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Sequence
from typing import NoReturn

from . import __version__
from .errors import ICHHPINetError

# 128 + SIGINT, what shells expect of a program that Ctrl-C ended.
_EXIT_INTERRUPTED = 130
_EXIT_BAD_INPUT = 2

_COMMANDS = {
    "segment": ("commands.segment", "segment the hemorrhage on a head CT from scribbles"),
    "demo": ("commands.demo", "show three rounds on a generated head phantom, no data needed"),
    "measure": ("commands.measure", "volume, ABC/2 and more of an existing mask"),
    "evaluate": ("commands.evaluate", "accuracy by round on cases with a known mask"),
    "train": ("training.cli", "train a network"),
    "reproduce": ("reproduce.cli", "rerun the paper's experiments, its figures beside the new ones"),
    "benchmark": ("reproduce.benchmark", "make the benchmark's document from results of evaluate"),
}


class _Parser(argparse.ArgumentParser):
    """Reports wrong words as everything else is reported: in one line."""

    def error(self, message: str) -> NoReturn:
        text = f"ichhpinet: error: {message}. '{self.prog} --help' shows the options."
        self.exit(_EXIT_BAD_INPUT, f"{' '.join(text.split())}\n")


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Parser of the command line with the options of the command ``chosen``.

    Only that command's code is imported: each of them needs packages that take their time.
    """
    parser = _Parser(
        prog="ichhpinet",
        description="Interactive segmentation of intracerebral hemorrhage on head CT. "
        "Research use only, not a medical device.",
        epilog="'ichhpinet COMMAND --help' explains a command and shows examples.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, summary) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            importlib.import_module(f".{module}", __package__).add_arguments(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 on success, 2 with one line on bad input, 130 after Ctrl-C."""
    argv = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        # A sign that the terminal's encoding lacks must not end the work.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    chosen = next((word for word in argv if not word.startswith("-")), None)
    try:
        arguments = build_parser(chosen).parse_args(argv)
        importlib.import_module(f".{_COMMANDS[arguments.command][0]}", __package__).run(arguments)
    except ICHHPINetError as error:
        print(f"ichhpinet: error: {' '.join(str(error).split())}", file=sys.stderr)
        return _EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("ichhpinet: stopped; every file is either complete or untouched", file=sys.stderr)
        return _EXIT_INTERRUPTED
    return 0
