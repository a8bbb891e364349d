"""``ichhpinet train-comparator``: fine-tunes a method of the paper's Table 1 on the cases of a fold."""

from __future__ import annotations

import argparse
from pathlib import Path

from ... import datasets
from ...commands.console import say
from ...commands.numbers import one_or_more, zero_or_more
from ...commands.output_checks import check_suffix
from ...errors import InputFileError
from ...imaging.output_files import check_writable
from . import COMPARATORS, code

TRAINABLE = [name for name, known in COMPARATORS.items() if known.start]
TINY = "tiny"

_DESCRIPTION = """
Each method learns what its paper says: MedSAM all but the prompt encoder, SAM-Med2D, SAMIHS and SAM2-UNet
adapters and decoder, SAMed LoRA and decoder, MedSAM2 decoder and memory. Prompts come from the robot's
scribbles as in the evaluation. --start takes the file of the method's authors or of SAM's
(docs/comparators.md). Training stops after --minutes and goes on from the same place when the command
is given again.

examples:
  ichhpinet train-comparator medsam --cases DATA --fold 0 --start medsam_vit_b.pth
  ichhpinet train-comparator samed --cases DATA --fold 0 --start sam_vit_b_01ec64.pth --minutes 10
  ichhpinet evaluate DATA --fold 0 --method samed:runs/samed_fold0/samed.safetensors -o samed_fold0.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = _DESCRIPTION
    parser.add_argument("name", choices=TRAINABLE, metavar="NAME", help=", ".join(TRAINABLE))
    parser.add_argument("--cases", type=Path, metavar="FOLDER", required=True, help="training cases")
    parser.add_argument(
        "--fold", type=int, metavar="N", help="hold out fold N (0 to 4) of the development cases"
    )
    parser.add_argument(
        "--start",
        metavar="FILE",
        required=True,
        help=f"weights to begin with; '{TINY}' is a small network of random weights, to try the command out",
    )
    parser.add_argument(
        "--run",
        type=Path,
        metavar="FOLDER",
        help="checkpoint and weights (default: runs/NAME_foldN, or runs/NAME)",
    )
    parser.add_argument(
        "--steps", type=one_or_more, default=8000, metavar="N", help="steps in all (default: %(default)s)"
    )
    parser.add_argument(
        "--batch", type=one_or_more, default=4, metavar="N", help="slices a step (default: %(default)s)"
    )
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), metavar="N", help="stop after this time, to be resumed"
    )
    parser.add_argument(
        "--seed", type=zero_or_more, default=0, metavar="N", help="of slices and scribbles (default: 0)"
    )
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps")
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="write the weights there when all steps are done (default: NAME.safetensors in --run)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Raises
    ------
    InputFileError, InvalidVolumeError, OutputError, WeightsError, DeviceError, MissingPackageError
    """
    name = arguments.name
    part = "" if arguments.fold is None else f"_fold{arguments.fold}"
    folder: Path = arguments.run or Path("runs") / f"{name}{part}"
    export: Path = arguments.export or folder / f"{name}.safetensors"
    check_suffix(export, (".safetensors",), "A weights file")
    cases = _training_cases(arguments.cases, arguments.fold)
    network = code(name).Network
    from ...weights.devices import resolve_device
    from .data import clips_of
    from .files import start_method, write_method
    from .training import Settings, Trainer

    device = resolve_device(arguments.device)
    method = network(network.TINY) if arguments.start == TINY else start_method(name, Path(arguments.start))
    for path in (folder / "checkpoint.pt", export):
        check_writable(path)
    about = f"{len(cases)} cases of {arguments.cases.resolve().name}{part.replace('_', ' without ')}"
    settings = Settings(
        folder / "checkpoint.pt",
        about,
        arguments.steps,
        arguments.batch,
        arguments.minutes,
        arguments.seed,
    )
    trainer = Trainer(method.to(device), clips_of(cases, say), settings)
    if trainer.step:
        say(f"Going on from step {trainer.step}.")
    if trainer.run(say):
        write_method(method, export, {"training": about, "steps": str(trainer.step)})
        say(f"Written: {export}")
    else:
        say(f"Stopped at step {trainer.step} of {arguments.steps}; the same command goes on.")


def _training_cases(folder: Path, fold: int | None) -> list[datasets.Case]:
    cases = sorted(datasets.find_cases(folder), key=lambda case: case.name)
    if not any(case.masks for case in cases):
        raise InputFileError(f"None of the {len(cases)} cases in '{folder}' has a mask. Add the masks.")
    held_out = [] if fold is None else datasets.held_out([case.name for case in cases], fold)
    return [case for case in cases if case.name not in held_out]
