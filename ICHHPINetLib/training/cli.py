"""``ichhpinet train``: from a folder of cases to a weights file."""

from __future__ import annotations

import argparse
from collections.abc import Set
from dataclasses import replace
from pathlib import Path

from ..ablations import FULL, VARIANTS
from ..commands.numbers import one_or_more, zero_or_more
from ..datasets import held_out
from ..errors import InputFileError, MissingPackageError, OutputError

_DESCRIPTION = """
Cases are <id>_ct.nii.gz with <id>_mask.nii.gz beside them, where a case without a mask counts as
bleed-free, or the folder of CT-ICH, BHSD, MBH-Seg, INSTANCE 2022 or nnU-Net as it comes
(docs/datasets.md). Synthetic bleeds are put into bleed-free cases. Training stops after --minutes
and goes on from the same place when the command is given again; Ctrl-C loses what came after the
last checkpoint, a few minutes. torchrun spreads it over several cards or computers (docs/training.md).

examples:
  ichhpinet train --cases DATA --steps 8000 --export my.safetensors
  ichhpinet train --cases DATA --fold 0 --minutes 10 --device cuda
  ichhpinet train --cases DATA --shapes SHAPES --pretrain --steps 8000
  ichhpinet train --cases DATA --fold 0 --start runs/pretrained/checkpoint.pt
  ichhpinet train --cases MINE --start Resources/weights/default.safetensors --steps 2000
  torchrun --standalone --nproc-per-node 4 -m -- ICHHPINetLib train --cases DATA --device cuda
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the command to ``parser``."""
    parser.epilog = _DESCRIPTION
    parser.add_argument(
        "--cases", type=Path, metavar="FOLDER", help="training cases; read once, into the pack"
    )
    parser.add_argument(
        "--shapes", type=Path, metavar="FOLDER", help="masks of bleeds without images (*.nii.gz)"
    )
    parser.add_argument(
        "--run",
        type=Path,
        metavar="FOLDER",
        help="pack, checkpoint and TensorBoard log (default: runs/default, runs/fold0 ... with --fold, "
        "runs/pretrained with --pretrain)",
    )
    parser.add_argument(
        "--pack", type=Path, metavar="FILE", help="a pack made earlier (file or folder), instead of --cases"
    )
    parser.add_argument(
        "--network",
        choices=("default", "paper"),
        default="default",
        help="the compact network, or the paper's, which needs a GPU (default: %(default)s)",
    )
    held_out = parser.add_mutually_exclusive_group()
    held_out.add_argument(
        "--fold", type=int, metavar="N", help="hold out fold N (0 to 4) of the development cases"
    )
    held_out.add_argument(
        "--pretrain",
        action="store_true",
        help="learn from synthetic bleeds in the bleed-free cases alone: serves the trainings of all folds",
    )
    parser.add_argument(
        "--start",
        type=Path,
        metavar="FILE",
        help="begin with this checkpoint.pt, or with weights (.safetensors) such as the shipped ones",
    )
    parser.add_argument(
        "--steps", type=one_or_more, default=8000, help="steps of the whole training (default: %(default)s)"
    )
    parser.add_argument(
        "--batch",
        type=one_or_more,
        metavar="N",
        help="rounds that a step averages, shared by all processes (default: one a process)",
    )
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="stop after this time, to be resumed"
    )
    parser.add_argument(
        "--learning-rate", type=float, default=7e-4, help="at its peak (default: %(default)s)"
    )
    parser.add_argument(
        "--loss-weights",
        type=float,
        nargs=3,
        default=(5.0, 1.0, 4.0),
        metavar=("VSL", "SSL", "FCL"),
        help="of the paper's three losses (default: 5 1 4)",
    )
    parser.add_argument(
        "--loss-shares",
        type=float,
        nargs=2,
        default=(0.5, 0.5),
        metavar=("DICE", "CE"),
        help="of Dice and cross-entropy in each of them (default: 0.5 0.5)",
    )
    parser.add_argument(
        "--variant",
        choices=VARIANTS,
        default=FULL,
        help="leave a part of the network out, for an ablation (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=zero_or_more,
        default=0,
        help="of samples, scribbles and weights (default: %(default)s)",
    )
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)"
    )
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="write the averaged weights (.safetensors)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Trains as the arguments say.

    Raises
    ------
    InputFileError, OutputError, DeviceError
    """
    require_packages()
    from ..ablations.network import ablated
    from ..commands.output_checks import check_suffix
    from ..imaging.output_files import check_writable
    from ..networks.hpinet import HPINetConfig
    from ..networks.paper.config import PaperConfig
    from ..weights.devices import resolve_device
    from .export import export_checkpoint
    from .loop import DECAY_OF_STARTED, Trainer, TrainingConfig
    from .losses import LossWeights
    from .processes import first_alone, joined
    from .recipe import PRETRAINING_RECIPE, Recipe

    if arguments.export:
        check_suffix(arguments.export, (".safetensors",), "A weights file")
        check_writable(arguments.export)
    arguments.run = arguments.run or _default_run(arguments)
    check_writable(arguments.run / "checkpoint.pt")
    device = resolve_device(arguments.device)
    processes = joined(str(device))
    with first_alone(processes):
        pack = open_pack(arguments.run, arguments.pack, arguments.cases, arguments.shapes)
    train, validation = split(sorted(pack.cases), arguments.fold)
    if arguments.pretrain:
        train, validation = split_pretraining(set(pack.cases), pack.bleeding)
    elif pack.bleeding.isdisjoint(train):
        raise InputFileError("No case to learn from has a bleed. Add some, or learn with --pretrain.")
    settings = TrainingConfig(
        checkpoint=arguments.run / "checkpoint.pt",
        train=train,
        validation=validation,
        steps=arguments.steps,
        batch=arguments.batch,
        minutes=arguments.minutes,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
        device=str(device),
        log_folder=arguments.run / "log",
        start=arguments.start,
        decay=0.0 if arguments.pretrain else DECAY_OF_STARTED if arguments.start else TrainingConfig.decay,
        recipe=replace(
            PRETRAINING_RECIPE if arguments.pretrain else Recipe(),
            weights=LossWeights(*arguments.loss_weights, *arguments.loss_shares),
        ),
    )
    whole = HPINetConfig() if arguments.network == "default" else PaperConfig(volume_norm="group")
    trainer = Trainer(pack, settings, ablated(whole, arguments.variant))
    say = (lambda line: print(line, flush=True)) if processes.is_main_process else (lambda line: None)
    say(f"{len(train)} cases to train on, {len(validation)} held out; everything goes to {arguments.run}")
    if trainer.batch > 1:
        say(f"A step averages {trainer.batch} rounds, on {processes.num_processes} process(es).")
    if trainer.step:
        say(f"Going on from step {trainer.step}.")
    trainer.run(say)
    if arguments.export and processes.is_main_process:
        digest = export_checkpoint(settings.checkpoint, arguments.export)
        say(f"{arguments.export}: SHA256 {digest}")


def _default_run(arguments: argparse.Namespace) -> Path:
    if arguments.pretrain:
        return Path("runs/pretrained")
    return Path("runs/default" if arguments.fold is None else f"runs/fold{arguments.fold}")


def require_packages() -> None:
    """Raises MissingPackageError where training could not run."""
    try:
        import accelerate  # noqa: F401
        import monai  # noqa: F401
        import skimage  # noqa: F401
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            f"Training needs the package {error.name}. In the checkout, run: pip install '.[train]'"
        ) from error


def split(names: list[str], fold: int | None) -> tuple[list[str], list[str]]:
    """Training and held-out names; nothing is held out where ``fold`` is None.

    Raises InputFileError as ``datasets.held_out``.
    """
    if fold is None:
        return names, []
    chosen = held_out(names, fold)
    return [name for name in names if name not in chosen], chosen


def split_pretraining(cases: Set[str], bleeding: Set[str]) -> tuple[list[str], list[str]]:
    """Of all ``cases``, the bleed-free ones to put bleeds into, and those ``bleeding``, all held out.

    Raises
    ------
    InputFileError
        If every case bleeds.
    """
    clean = sorted(cases - bleeding)
    if not clean:
        raise InputFileError("--pretrain needs cases without a bleed; every case here has one.")
    return clean, sorted(cases & bleeding)


def open_pack(folder: Path, path: Path | None, cases: Path | None, shapes: Path | None):
    """The pack at ``path``; without one, that in ``folder``, built from ``cases`` and ``shapes`` if missing.

    Raises
    ------
    InputFileError
        Also where the pack in ``folder`` was made of other cases than those of ``cases``.
    OutputError
    """
    from . import pack

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}); choose another folder.") from error
    named, shards = path is not None, folder / "pack"
    path = path or (shards if shards.is_dir() else folder / "pack.npz")
    found = path.exists()
    if not found:
        if cases is None:
            raise InputFileError(
                f"{path} does not exist yet: name the folder of training cases with --cases."
            )
        print(f"Reading {cases} once ...", flush=True)
        for note in pack.build(cases, shapes, path):
            print(note, flush=True)
        path = path if path.exists() else path.with_suffix("")
    opened = pack.load(path)
    if found and not named and cases is not None and not opened.is_of(cases):
        raise InputFileError(
            f"{path} was made of other cases than those in {cases}. Delete it, or choose another folder."
        )
    return opened
