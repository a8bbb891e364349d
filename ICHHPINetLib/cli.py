"""The command ``ichhpinet``: chooses the sub-command and turns errors into exit codes."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from . import __version__
from .commands.process import EXIT_INTERRUPTED, interrupted, say_interrupted, standard_streams
from .commands.wording import in_words
from .errors import ICHHPINetError, InputFileError, MissingPackageError, OutputError

_EXIT_BAD_INPUT = 2

# Slicer's extension has the modules in commands/ alone, a wheel those of the library, a checkout all.
_COMMANDS = {
    "segment": ("ICHHPINetLib.commands.segment", "segment the hemorrhage on a head CT from scribbles"),
    "demo": ("ICHHPINetLib.evaluation.demo", "show three rounds on a generated head phantom, no data needed"),
    "measure": ("ICHHPINetLib.commands.measure", "volume, ABC/2 and more of an existing mask"),
    "compare": ("ICHHPINetLib.commands.compare", "two CTs of a patient: what changed, by which definitions"),
    "cohort": ("ICHHPINetLib.cohort.cli", "a whole registry of CTs, on all cores or on a cluster"),
    "evaluate": ("ICHHPINetLib.evaluation.cli", "accuracy by round on cases with a known mask"),
    "train": ("ICHHPINetLib.training.cli", "train a network"),
    "train-comparator": (
        "ICHHPINetLib.evaluation.comparators.cli",
        "fine-tune a method of the paper's Table 1 on the same folds",
    ),
    "reproduce": ("experiments.cli", "rerun the paper's experiments, its figures beside the new ones"),
    "benchmark": ("experiments.benchmark", "make the benchmark's document from results of evaluate"),
}
_ROOT = Path(__file__).resolve().parents[1]


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
        description="Interactive segmentation of intracranial hemorrhage on head CT. "
        "Research use only, not a medical device.",
        epilog="'ichhpinet COMMAND --help' explains a command and shows examples.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, summary) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            _module(name).add_arguments(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 on success, 2 with one line on bad input, 130 after Ctrl-C."""
    argv = sys.argv[1:] if argv is None else list(argv)
    with standard_streams() as output:
        try:
            _run(argv)
            output.flush()
            if output.failure:
                raise OutputError(f"What was printed could not be written ({output.failure.strerror}).")
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, KeyboardInterrupt) or interrupted():
                say_interrupted()
                return EXIT_INTERRUPTED
            text = in_words(error)
            if text is None or (sys.flags.dev_mode and not isinstance(error, ICHHPINetError)):
                raise
            print(f"ichhpinet: error: {' '.join(text.split())}", file=sys.stderr)
            return _EXIT_BAD_INPUT
    return 0


def _run(argv: list[str]) -> None:
    for word in argv:
        try:
            # ITK ends the whole process at a name of bytes that are no text.
            word.encode()
        except UnicodeEncodeError as error:
            shown = word.encode(errors="replace").decode()
            raise InputFileError(
                f"'{shown}' is not valid text (UTF-8). Rename the file or folder."
            ) from error
    chosen = next((word for word in argv if not word.startswith("-")), None)
    arguments = build_parser(chosen).parse_args(argv)
    _module(arguments.command).run(arguments)


def _module(command: str) -> ModuleType:
    """The code of a command; MissingPackageError where it is not installed."""
    name, _ = _COMMANDS[command]
    if not (_ROOT / f"{name.replace('.', '/')}.py").is_file():
        raise MissingPackageError(
            f"'{command}' is for research and not part of this installation. Run it in a checkout of "
            "https://github.com/ICHHPINet/SlicerICHHPINet."
        )
    if str(_ROOT) not in sys.path:
        # The experiments lie beside the library, wherever the command was given.
        sys.path.insert(0, str(_ROOT))
    return importlib.import_module(name)
