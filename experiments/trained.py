"""Experiments that train: one network a row, all with the same small budget, on the same folds.

Each network has a folder of its own below --output, with checkpoint, weights and results; a finished
one is not trained again, an interrupted one goes on.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ICHHPINetLib.ablations import FULL
from ICHHPINetLib.commands.console import say
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.evaluation.protocol import Report
from ICHHPINetLib.evaluation.report import comparison_table
from ICHHPINetLib.evaluation.summary import summarize
from ICHHPINetLib.reporting.tables import Table

from . import paper
from .experiment import Cell, Experiment, Findings, Spread
from .options import PROTOCOL, TRAINING, some_of
from .output import bars, text_of
from .results import COLUMNS, evaluate_fold, failures, fold_cells, merged, published_cells

if TYPE_CHECKING:
    from ICHHPINetLib.ablations.network import Ablation
    from ICHHPINetLib.evaluation.statistics import Comparison
    from ICHHPINetLib.networks.hpinet import HPINetConfig
    from ICHHPINetLib.training.loop import Trainer
    from ICHHPINetLib.training.packed import Pack
    from ICHHPINetLib.training.recipe import Recipe


@dataclass(frozen=True)
class Setting:
    """One row: its folder's name, label, options of the training, and what the paper has for it.

    ``losses`` are keyword arguments of ``LossWeights``, ``recipe`` of ``Recipe``, with those of
    ``Mixture`` under "mixture"; ``pretrained`` is false where --start is not to be heeded;
    ``published`` is a Dice alone where the paper tells nothing else; ``seed`` is added to --seed.
    """

    name: str
    label: str
    variant: str = FULL
    losses: dict[str, float] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    pretrained: bool = True
    published: paper.Published | float | None = None
    seed: int = 0


def trained(title: str, summary: str, settings: Sequence[Setting], reference: str, *notes: str) -> Experiment:
    """An experiment whose rows are ``settings`` and, once more with another seed, the ``reference`` of them.

    What two trainings of one thing differ by, other differences must exceed.
    """
    (one,) = (one for one in settings if one.name == reference)
    again = replace(one, name=f"{one.name}_again", label=f"{one.label}, another seed", published=None, seed=1)
    rows = [*settings, again]
    return Experiment(
        title,
        summary,
        {**TRAINING, **PROTOCOL, "--only": some_of((one.name for one in rows), "SETTING")},
        lambda arguments: _find(arguments, rows, reference, notes),
    )


def _find(
    arguments: argparse.Namespace, settings: Sequence[Setting], reference: str, notes: Sequence[str]
) -> Findings | None:
    """Train and evaluate the settings asked for; None where a training is not finished.

    Raises
    ------
    InputFileError, OutputError, MissingPackageError, DeviceError
    """
    from ICHHPINetLib.training.cli import open_pack, require_packages

    require_packages()
    if arguments.cases is None:
        raise InputFileError("Name the folder of cases with --cases: the networks are evaluated on them.")
    pack = open_pack(arguments.output, arguments.pack, arguments.cases, arguments.shapes)
    chosen = [one for one in settings if one.name in arguments.only]
    results: dict[str, list[Report]] = {}
    for setting in chosen:
        for fold in arguments.folds:
            folder = arguments.output / "runs" / f"{setting.name}_fold{fold}"
            weights = _weights(arguments, pack, setting, fold, folder)
            if weights is None:
                say(f"{folder.name} is not finished yet: give the same command again to go on.")
                return None
            result = evaluate_fold(arguments, str(weights), fold, folder / "result.json")
            results.setdefault(setting.name, []).append(result)
    return _findings(arguments, chosen, results, reference, notes)


def _weights(
    arguments: argparse.Namespace, pack: Pack, setting: Setting, fold: int, folder: Path
) -> Path | None:
    """Weights of a setting after the whole budget; None if --minutes were over before."""
    from ICHHPINetLib.training.export import export_checkpoint

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
    from ICHHPINetLib.training.cli import split
    from ICHHPINetLib.training.loop import DECAY_OF_STARTED, Trainer, TrainingConfig
    from ICHHPINetLib.weights.devices import resolve_device

    folder.mkdir(parents=True, exist_ok=True)
    train, _ = split(sorted(pack.cases), fold)
    start = arguments.start if setting.pretrained else None
    settings = TrainingConfig(
        checkpoint=folder / f"{_run_name(arguments, pack, setting)}.pt",
        train=train,
        validation=[],
        steps=arguments.steps,
        minutes=arguments.minutes,
        seed=arguments.seed + setting.seed,
        device=str(resolve_device(arguments.device)),
        start=start,
        decay=DECAY_OF_STARTED if arguments.start else TrainingConfig.decay,
        recipe=recipe_of(setting),
    )
    return Trainer(pack, settings, network_config(setting.variant))


def recipe_of(setting: Setting) -> Recipe:
    """The recipe of the shipped weights with what the setting changes."""
    from ICHHPINetLib.training.losses import LossWeights
    from ICHHPINetLib.training.recipe import Recipe
    from ICHHPINetLib.training.sampling import Mixture

    changes = dict(setting.recipe)
    mixture = Mixture(**changes.pop("mixture", {}))
    return Recipe(mixture=mixture, weights=LossWeights(**setting.losses), **changes)


def network_config(variant: str) -> HPINetConfig | Ablation:
    """The network that is trained: the shipped one, of a variant."""
    from ICHHPINetLib.ablations.network import ablated
    from ICHHPINetLib.networks.hpinet import HPINetConfig

    return ablated(HPINetConfig(), variant)


def _findings(
    arguments: argparse.Namespace,
    settings: Sequence[Setting],
    results: dict[str, list[Report]],
    reference: str,
    notes: Sequence[str],
) -> Findings:
    """The table from results by setting, fold by fold."""
    joined = {one.name: merged(results[one.name], one.label) for one in settings}
    by_round = {name: [one.dice for one in summarize(report).rounds] for name, report in joined.items()}
    first = joined[settings[0].name]
    last = first["rounds"]
    ours = [[one.label, *fold_cells(results[one.name], last)] for one in settings]
    theirs = [_published(one) for one in settings]
    text = (
        f"Every network was trained for {arguments.steps} steps with seed {arguments.seed}"
        f"{', after the same pretraining' if arguments.start else ''}, a small budget "
        "chosen for rerunning and not for accuracy: compare the rows with each other, not with the shipped "
        f"weights. Evaluated on fold {', '.join(map(str, arguments.folds))} that it had not seen "
        f"({len(first['cases'])} cases, {arguments.seeds} runs each), after round {last}; ± is the SD "
        "over folds, HD95 the median over runs. Intervals resample the cases; a difference no larger than "
        "that to the same setting with another seed means nothing, whatever its interval."
    )
    seeds = [f"'{one.label}' has seed {arguments.seed + one.seed}." for one in settings if one.seed]
    protocol = [paper.OTHER_PROTOCOL] if any(theirs) else []
    rounds = Table(
        "Mean Dice by round",
        ("Network", *map(str, range(1, last + 1))),
        tuple((one.label, *map(text_of, by_round[one.name])) for one in settings),
    )
    comparisons = _comparisons(reference, joined)
    return Findings(
        columns=("Network", *COLUMNS),
        rows=[row for pair in zip(ours, theirs, strict=True) for row in pair if row],
        notes=[text, *seeds, *notes, *failures(list(joined.values())), *protocol],
        tables=[rounds, *map(comparison_table, comparisons)],
        content={
            "steps": arguments.steps,
            "seed": arguments.seed,
            "folds": arguments.folds,
            "dice_by_round": by_round,
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


def _comparisons(reference: str, results: dict[str, Report]) -> list[list[Comparison]]:
    """Dice of the reference against every other row, after round 3, if there are more, and the last one.

    Empty where too few rows or cases are there.
    """
    from ICHHPINetLib.evaluation.statistics import compare

    others = [result for name, result in results.items() if name != reference]
    if reference not in results or not others:
        return []
    last = results[reference]["rounds"]
    try:
        return [
            compare(results[reference], *others, metrics=("dice",), round_number=number)
            for number in dict.fromkeys((min(3, last), last))
        ]
    except InputFileError:
        # Too few cases that all have completed: the trainings are not lost for that.
        return []


def _published(setting: Setting) -> list[Cell] | None:
    row, label = setting.published, f"paper: {setting.label}"
    if isinstance(row, float):
        return [label, Spread(row, None), None, None, None, None]
    return [label, *published_cells(row)] if row else None
