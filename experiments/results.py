"""Evaluations fold by fold, kept as files so that an experiment goes on where it stopped."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ICHHPINetLib.commands.console import progress_bar, say, warn
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.evaluation.methods import weights_digest
from ICHHPINetLib.evaluation.protocol import Report, Step
from ICHHPINetLib.evaluation.run import Evaluation, read_result
from ICHHPINetLib.evaluation.spread import run_on
from ICHHPINetLib.evaluation.summary import case_means, summarize
from ICHHPINetLib.simulation.users import ROBOT

from . import paper
from .experiment import Cell, Spread

COLUMNS = ("Dice", "Jaccard", "NSD 2 mm", "HD95 mm", "MAE")
COSTS = ("Seconds a round", "Memory MiB", "Parameters M")


def evaluate_fold(
    arguments: argparse.Namespace, method: str, fold: int, path: Path, prompts: str = ROBOT
) -> Report:
    """A method on the cases of a fold; as ``evaluate_folds``."""
    return evaluate_folds(arguments, [(method, fold, path)], prompts)[0]


def evaluate_folds(
    arguments: argparse.Namespace, asked: Sequence[tuple[str, int, Path]], prompts: str = ROBOT
) -> list[Report]:
    """Methods on the cases of folds; read from the file where this very evaluation is there, complete.

    ``arguments`` are ``--cases`` and those of ``options.PROTOCOL``, and the pool whose workers share the
    runs of all folds. Raises what ``evaluate`` raises.
    """
    results = [_done_before(arguments, *one, prompts) for one in asked]
    missing = [number for number, result in enumerate(results) if result is None]
    if arguments.pool is None:
        for number in missing:
            method, fold, path = asked[number]
            one = _planned(arguments, method, fold, path, prompts)
            with progress_bar(f"fold {fold}: {path.stem}") as show:
                results[number] = one.run(_shown(show, path.stem))
    elif missing:
        planned = [_planned(arguments, *asked[number], prompts) for number in missing]
        with progress_bar("evaluating") as show:
            made = run_on(arguments.pool, planned, _shown(show, f"{len(missing)} folds"))
        for number, result in zip(missing, made, strict=True):
            results[number] = result
    return [result for result in results if result is not None]


def _done_before(
    arguments: argparse.Namespace, method: str, fold: int, path: Path, prompts: str
) -> Report | None:
    wanted = {
        "sha256": weights_digest(method, arguments.device),
        "prompts": prompts,
        "rounds": arguments.rounds,
        "seeds": list(range(arguments.seeds)),
    }
    place = {"name": arguments.cases.resolve().name, "min_slices": arguments.min_slices, "fold": fold}
    try:
        known = read_result(path)
    except InputFileError:
        # There is none, or one of an evaluation that was stopped.
        return None
    same = known.items() >= wanted.items() and known["data"].items() >= place.items()
    if not same or any(one["error"] for report in known["cases"] for one in (report, *report["runs"])):
        return None
    say(f"{path.name}: done before")
    return known


def _planned(arguments: argparse.Namespace, method: str, fold: int, path: Path, prompts: str) -> Evaluation:
    return Evaluation(
        arguments.cases,
        method,
        arguments.rounds,
        arguments.seeds,
        path,
        min_slices=arguments.min_slices,
        fold=fold,
        device=arguments.device,
        prompts=prompts,
    )


def _shown(show: Callable[[float, str], None], what: str) -> Callable[[Step], None]:
    return lambda step: show(step.done / step.total, f"{what}: {step.case_id}, Dice {step.dice:.2f}")


def with_held_out(
    arguments: argparse.Namespace, name: str, method: str | None = None, prompts: str = ROBOT
) -> list[Report]:
    """Results, a fold each, of a method, or of the weights of ``--weights`` that held the fold out.

    "{fold}" in the method or in the weights stands for the fold's number.
    """
    pattern = method or arguments.weights or "default"
    asked = [
        (
            pattern.replace("{fold}", str(fold)),
            fold,
            arguments.output / "results" / f"{name}_fold{fold}.json",
        )
        for fold in arguments.folds
    ]
    return evaluate_folds(arguments, asked, prompts)


def merged(results: Sequence[Report], method: str | None = None) -> Report:
    """Results of one method on different cases as one, named ``method`` if given.

    Beside the entries of a result it has ``weights`` (beginnings of the SHA256) and ``data.folds``.

    Raises
    ------
    InputFileError
        If they differ in protocol or data set, or share a case.
    """
    first = results[0]
    ids = [report["id"] for result in results for report in result["cases"]]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise InputFileError(
            f"Case {twice[0]} is in two results of {first['method']}. Name results of different folds."
        )
    if len({result["rounds"] for result in results}) > 1:
        raise InputFileError(
            f"Results of {first['method']} have different numbers of rounds. Evaluate all alike."
        )
    protocols = {
        (one["data"]["name"], one["data"]["min_slices"], one.get("prompts", ROBOT), *one["seeds"])
        for one in results
    }
    if len(protocols) > 1:
        raise InputFileError(
            f"Results of {first['method']} differ in data set, smallest bleed, seeds or who scribbled. "
            "Join results of one protocol, fold by fold."
        )
    cases = [{**report, "sha256": result["sha256"]} for result in results for report in result["cases"]]
    data = {**first["data"], "cases": len(cases), "folds": [result["data"]["fold"] for result in results]}
    weights = list(dict.fromkeys(result["sha256"][:12] for result in results if result["sha256"]))
    name = method or first["method"]
    return {**first, "method": name, "weights": weights, "data": data, "cases": cases}


def by_method(paths: Sequence[Path]) -> dict[tuple[str, str], Report]:
    """Result files by method and by who scribbled, folds joined; one that is there twice counts once.

    Raises
    ------
    InputFileError
        If a file is no result, or two of one method overlap.
    """
    groups: dict[tuple[str, str], dict[tuple, Report]] = {}
    for result in map(read_result, paths):
        place = (result["sha256"], *result["data"].values(), result["rounds"], *result["seeds"])
        method = result["method"], result.get("prompts", ROBOT)
        groups.setdefault(method, {}).setdefault(place, result)
    return {key: merged(list(results.values())) for key, results in groups.items()}


def alike(results: Sequence[Report]) -> list[Report]:
    """The results with those runs alone that all of them completed: the same cases, the same seeds.

    ``results`` are of ``merged``.

    Raises
    ------
    InputFileError
        If they are of two data sets or of different weights, or share no run.
    """
    method = results[0]["method"]
    networks = {(report["id"], report["sha256"]) for result in results for report in result["cases"]}
    if len(networks) > len(dict(networks)):
        raise InputFileError(
            f"Results of {method} are of different weights. Compare ways of scribbling with "
            "the same network (a fold each), or tell networks apart by `ichhpinet evaluate --label`."
        )
    if len({result["data"]["name"] for result in results}) > 1:
        raise InputFileError(f"Results of {method} are of two data sets. Compare ways of scribbling on one.")
    shared = set.intersection(
        *(
            {(case["id"], run["seed"]) for case in one["cases"] for run in case["runs"] if not run["error"]}
            for one in results
        )
    )
    if not shared:
        raise InputFileError(f"Results of {method} share no case with the same seed.")
    chosen = []
    for result in results:
        cases = [
            {**case, "runs": [run for run in case["runs"] if (case["id"], run["seed"]) in shared]}
            for case in result["cases"]
        ]
        seeds = sorted({seed for _, seed in shared})
        chosen.append({**result, "seeds": seeds, "cases": [case for case in cases if case["runs"]]})
    return chosen


def fold_cells(folds: Sequence[Report], round_number: int) -> list[Cell]:
    """Cells of ``COLUMNS`` after a round: mean and SD over folds.

    HD95 is the median over all runs, infinite where half of the masks were empty.
    """
    cells = [
        spread([float(np.mean(list(case_means(one, metric, round_number).values()))) for one in folds])
        for metric in ("dice", "jaccard", "nsd_2mm", "mae")
    ]
    return [*cells[:3], summarize(merged(folds)).rounds[round_number - 1].hd95_mm, cells[3]]


def cost_cells(folds: Sequence[Report]) -> list[Cell]:
    """Cells of ``COSTS``: over all rounds and folds; parameters where the method is a network."""
    summary = summarize(merged(folds))
    count = folds[0].get("parameters")
    return [summary.seconds_median, summary.peak_memory_mib, count / 1e6 if count else None]


def published_cells(row: paper.Published) -> list[Cell]:
    """Cells of ``COLUMNS`` that the paper has."""
    return [Spread(*row.dice), Spread(*row.jaccard), None, None, Spread(*row.mae)]


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample SD."""
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)


def failures(results: Sequence[Report]) -> list[str]:
    """A sentence about runs that failed, if any did."""
    count = sum(len(summarize(result).failures) for result in results)
    return [f"{count} cases or runs failed and are left out; the JSON files name them."] if count else []


def training_note(arguments: argparse.Namespace) -> list[str]:
    """What has to be said about the cases that the networks of ``--weights`` were trained on."""
    pattern = arguments.weights or "default"
    if "{fold}" in pattern:
        return ["The weights of each fold were trained without its cases, as far as their names say."]
    told = _network(pattern, arguments.device).about.get("training")
    what = (
        f"They were trained on: {told.rstrip('.')}"
        if told
        else "Their file does not say what they were trained on"
    )
    note = (
        f"One weights file ({pattern}) served all folds. {what}. Cases among these are not "
        "unseen, and figures on them are too good; --weights 'fold{fold}.safetensors' names weights that "
        "held each fold out."
    )
    warn([note])
    return [note]


def _network(weights: str, device: str):
    from ICHHPINetLib.ablations.network import load_network

    return load_network(weights, device)
