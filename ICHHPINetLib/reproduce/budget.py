"""Experiments that train: one network a setting, all with the same small budget, on the same folds.

Each network has a folder of its own below --output, with checkpoint, weights and results; a finished
one is not trained again, an interrupted one goes on.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..commands.console import say
from ..commands.numbers import one_or_more, zero_or_more
from ..errors import InputFileError
from ..evaluation.protocol import Report
from ..evaluation.report import Table, comparison_table
from ..evaluation.summary import summarize
from . import paper
from .evaluations import COLUMNS, add_protocol_arguments, evaluate_fold, failures, fold_cells, merged
from .outputs import Findings, Spread, bars, prepare, text_of, write
from .settings import Experiment, Setting

if TYPE_CHECKING:
    from ..evaluation.statistics import Comparison
    from ..networks.hpinet import HPINetConfig
    from ..training.loop import Trainer
    from ..training.pack import Pack
    from ..training.recipe import Recipe

STEPS = 1500


def add_training_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Options of all experiments that train."""
    parser.add_argument("--cases", type=Path, metavar="FOLDER", help="cases to train and to evaluate on")
    parser.add_argument(
        "--shapes", type=Path, metavar="FOLDER", help="masks of bleeds without images (*.nii.gz)"
    )
    parser.add_argument("--pack", type=Path, metavar="FILE", help="a training pack made earlier")
    parser.add_argument(
        "--steps",
        type=one_or_more,
        default=STEPS,
        metavar="N",
        help="steps of each training (default: %(default)s)",
    )
    parser.add_argument(
        "--start",
        type=Path,
        metavar="FILE",
        help="checkpoint of `ichhpinet train --pretrain` that every training begins with",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=float("inf"),
        metavar="N",
        help="stop after so long in one training, to be resumed by the same command",
    )
    parser.add_argument(
        "--seed", type=zero_or_more, default=0, metavar="N", help="of all trainings (default: 0)"
    )
    parser.add_argument("--output", type=Path, default=Path(f"reproduce/{name}"), metavar="FOLDER")


def add_arguments(parser: argparse.ArgumentParser, experiment: Experiment) -> None:
    """Options of an experiment."""
    names = [one.name for one in experiment.rows]
    add_training_arguments(parser, experiment.name)
    add_protocol_arguments(parser, [0])
    parser.add_argument(
        "--only",
        nargs="+",
        choices=names,
        default=names,
        metavar="SETTING",
        help=f"of {', '.join(names)} (default: all)",
    )


def run(arguments: argparse.Namespace, experiment: Experiment) -> None:
    """Train and evaluate the settings asked for, then write the table.

    Raises
    ------
    InputFileError, OutputError, MissingPackageError, DeviceError
    """
    from ..training.cli import open_pack, require_packages

    require_packages()
    if arguments.cases is None:
        raise InputFileError("Name the folder of cases with --cases: the networks are evaluated on them.")
    prepare(arguments.output)
    pack = open_pack(arguments.output, arguments.pack, arguments.cases, arguments.shapes)
    chosen = [one for one in experiment.rows if one.name in arguments.only]
    results: dict[str, list[Report]] = {}
    for setting in chosen:
        for fold in arguments.folds:
            folder = arguments.output / "runs" / f"{setting.name}_fold{fold}"
            weights = trained(arguments, pack, setting, fold, folder)
            if weights is None:
                say(f"{folder.name} is not finished yet: give the same command again to go on.")
                return
            results.setdefault(setting.name, []).append(
                evaluate_fold(arguments, str(weights), fold, folder / "result.json")
            )
    write(arguments.output, findings(arguments, experiment, chosen, results))


def trained(
    arguments: argparse.Namespace, pack: Pack, setting: Setting, fold: int, folder: Path
) -> Path | None:
    """Weights of a setting after the whole budget; None if --minutes were over before."""
    from ..weights.export import export_checkpoint

    weights = folder / f"{_run_name(arguments, pack, setting)}.safetensors"
    if weights.exists():
        return weights
    trainer = new_trainer(arguments, pack, setting, fold, folder)
    if trainer.step < arguments.steps:
        say(f"{folder.name}: training from step {trainer.step} to {arguments.steps}")
        trainer.run(say)
    if trainer.step < arguments.steps:
        return None
    about = f"reproduce, {setting.label}, {arguments.steps} steps, without fold {fold}"
    export_checkpoint(trainer.settings.checkpoint, weights, training=about)
    return weights


def _run_name(arguments: argparse.Namespace, pack: Pack, setting: Setting) -> str:
    """Of everything that a training depends on, so that none is taken for another one."""
    given = hashlib.sha256(repr((sorted(pack.cases), len(pack.shapes), recipe_of(setting))).encode())
    if arguments.start and setting.pretrained:
        given.update(arguments.start.read_bytes())
    elif arguments.start:
        given.update(b"as long a decay as those that have a start")
    return f"steps{arguments.steps}_seed{arguments.seed + setting.seed}_{given.hexdigest()[:8]}"


def new_trainer(
    arguments: argparse.Namespace, pack: Pack, setting: Setting, fold: int, folder: Path
) -> Trainer:
    """A trainer that goes on from the checkpoint in ``folder``, if there is one."""
    from ..training.cli import split
    from ..training.loop import DECAY_OF_STARTED, Settings, Trainer
    from ..weights.devices import resolve_device

    folder.mkdir(parents=True, exist_ok=True)
    train, _ = split(sorted(pack.cases), fold)
    start = arguments.start if setting.pretrained else None
    settings = Settings(
        checkpoint=folder / f"{_run_name(arguments, pack, setting)}.pt",
        train=train,
        validation=[],
        steps=arguments.steps,
        minutes=arguments.minutes,
        seed=arguments.seed + setting.seed,
        device=str(resolve_device(arguments.device)),
        start=start,
        decay=DECAY_OF_STARTED if arguments.start else Settings.decay,
        recipe=recipe_of(setting),
    )
    return Trainer(pack, settings, network_config(setting.variant))


def recipe_of(setting: Setting) -> Recipe:
    """The recipe of the shipped weights with what the setting changes."""
    from ..training.losses import LossWeights
    from ..training.recipe import Recipe
    from ..training.sampling import Mixture

    changes = dict(setting.recipe)
    mixture = Mixture(**changes.pop("mixture", {}))
    return Recipe(mixture=mixture, weights=LossWeights(**setting.losses), **changes)


def network_config(variant: str) -> HPINetConfig:
    """The network that is trained: the shipped one, of a variant."""
    from ..networks.hpinet import HPINetConfig

    return HPINetConfig(variant=variant)


def findings(
    arguments: argparse.Namespace,
    experiment: Experiment,
    settings: Sequence[Setting],
    results: dict[str, list[Report]],
) -> Findings:
    """The table from results by setting, fold by fold."""
    joined = [merged(results[one.name], one.label) for one in settings]
    last = joined[0]["rounds"]
    ours = [[one.label, *fold_cells(results[one.name], last)] for one in settings]
    theirs = [_published(one) for one in settings]
    rows = [row for pair in zip(ours, theirs, strict=True) for row in pair if row is not None]
    text = (
        f"Every network was trained for {arguments.steps} steps with seed {arguments.seed}"
        f"{', after the same pretraining' if arguments.start else ''}, a small budget "
        "chosen for rerunning and not for accuracy: compare the rows with each other, not with the shipped "
        f"weights. Evaluated on fold {', '.join(map(str, arguments.folds))} that it had not seen "
        f"({len(joined[0]['cases'])} cases, {arguments.seeds} runs each), after round {last}; ± is the SD "
        "over folds, HD95 the median over runs. Intervals resample the cases; a difference no larger than "
        "that to the same setting with another seed means nothing, whatever its interval."
    )
    seeds = [f"'{one.label}' has seed {arguments.seed + one.seed}." for one in settings if one.seed]
    protocol = [paper.OTHER_PROTOCOL] if any(theirs) else []
    comparisons = _comparisons(experiment, dict(zip([one.name for one in settings], joined, strict=True)))
    return Findings(
        name=experiment.name,
        title=experiment.title,
        columns=("Network", *COLUMNS),
        rows=rows,
        notes=[text, *seeds, *experiment.notes, *failures(joined), *protocol],
        tables=[_by_round(settings, joined), *(comparison_table(part) for part in comparisons)],
        content={
            "steps": arguments.steps,
            "seed": arguments.seed,
            "folds": arguments.folds,
            "dice_by_round": {
                one.name: [figures.dice for figures in summarize(report).rounds]
                for one, report in zip(settings, joined, strict=True)
            },
            "comparisons": [asdict(one) for part in comparisons for one in part],
        },
        draw=bars(
            [one.label for one in settings],
            [row[1] for row in ours],
            [row[1] if row else None for row in theirs],
            f"Dice after round {last}, {arguments.steps} steps a network",
        ),
        size=(10.0, 5.0),
    )


def _comparisons(experiment: Experiment, results: dict[str, Report]) -> list[list[Comparison]]:
    """Dice of the reference against every other row, after round 3, if there are more, and the last one.

    Empty where too few rows or cases are there.
    """
    from ..evaluation.statistics import compare

    reference = results.pop(experiment.reference, None)
    if reference is None or not results:
        return []
    last = reference["rounds"]
    try:
        return [
            compare(reference, *results.values(), metrics=("dice",), round_number=number)
            for number in dict.fromkeys((min(3, last), last))
        ]
    except InputFileError:
        # Too few cases that all have completed: the trainings are not lost for that.
        return []


def _by_round(settings: Sequence[Setting], joined: Sequence[Report]) -> Table:
    rows = tuple(
        (one.label, *(text_of(figures.dice) for figures in summarize(report).rounds))
        for one, report in zip(settings, joined, strict=True)
    )
    return Table("Mean Dice by round", ("Network", *map(str, range(1, joined[0]["rounds"] + 1))), rows)


def _published(setting: Setting) -> list | None:
    label = f"paper: {setting.label}"
    if setting.published is not None:
        row = setting.published
        return [label, Spread(*row.dice), Spread(*row.jaccard), None, None, Spread(*row.mae)]
    if setting.published_dice is not None:
        return [label, Spread(setting.published_dice, None), None, None, None, None]
    return None
