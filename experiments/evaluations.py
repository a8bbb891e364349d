"""Evaluations fold by fold, kept as files so that an experiment goes on where it stopped."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ICHHPINetLib.commands.console import progress_bar, say, warn
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.evaluation.baselines import BASELINE_NAMES
from ICHHPINetLib.evaluation.protocol import Report
from ICHHPINetLib.evaluation.run import evaluate, read_result
from ICHHPINetLib.evaluation.summary import case_means, summarize
from ICHHPINetLib.simulation.users import ROBOT

from .outputs import Cell, Spread

COLUMNS = ("Dice", "Jaccard", "NSD 2 mm", "HD95 mm", "MAE")
_FOLD_METRICS = ("dice", "jaccard", "nsd_2mm", "mae")


def add_protocol_arguments(parser: argparse.ArgumentParser, folds: Sequence[int]) -> None:
    """Options of all experiments that run the robot on cases."""
    parser.add_argument(
        "--folds",
        type=int,
        nargs="+",
        default=list(folds),
        metavar="N",
        help=f"folds to evaluate on (default: {' '.join(map(str, folds))})",
    )
    parser.add_argument("--rounds", type=int, default=8, metavar="N", help="rounds a run (default: 8)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="runs a case (default: 3)")
    parser.add_argument(
        "--min-slices",
        type=int,
        default=3,
        metavar="N",
        help="leave out cases with fewer bleeding slices (default: 3, as in the paper)",
    )
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="auto, cpu, cuda, mps (default: auto)"
    )


def evaluate_fold(
    arguments: argparse.Namespace, method: str, fold: int, path: Path, prompts: str = ROBOT
) -> Report:
    """A method on the cases of a fold; read from ``path`` where this very evaluation is there, complete.

    ``arguments`` are those of ``add_protocol_arguments``, and ``cases``. Raises what ``evaluate`` raises.
    """
    wanted = {
        "sha256": _digest(method, arguments.device),
        "prompts": prompts,
        "rounds": arguments.rounds,
        "seeds": list(range(arguments.seeds)),
    }
    known = _known(path)
    if known is not None:
        data = known["data"]
        same = all(known.get(name) == value for name, value in wanted.items())
        place = (arguments.cases.resolve().name, arguments.min_slices, fold)
        whole = not any(one["error"] for report in known["cases"] for one in (report, *report["runs"]))
        if same and whole and (data["name"], data["min_slices"], data["fold"]) == place:
            say(f"{path.name}: done before")
            return known
    with progress_bar(f"fold {fold}: {path.stem}") as show:
        return evaluate(
            arguments.cases,
            method,
            arguments.rounds,
            arguments.seeds,
            path,
            min_slices=arguments.min_slices,
            fold=fold,
            device=arguments.device,
            prompts=prompts,
            on_step=lambda step: show(
                step.done / step.total, f"{path.stem}: {step.case_id}, Dice {step.dice:.2f}"
            ),
        )


def _known(path: Path) -> Report | None:
    """The result at ``path``; None where there is none, or one of an evaluation that was stopped."""
    try:
        return read_result(path)
    except InputFileError:
        return None


def merged(results: Sequence[Report], method: str | None = None) -> Report:
    """Results of one method on different cases as one, named ``method`` if given.

    Beside the entries of a result it has ``weights`` (beginnings of the SHA256) and ``data.folds``.

    Raises
    ------
    InputFileError
        If they differ in protocol or data set, or share a case.
    """
    ids = [report["id"] for result in results for report in result["cases"]]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise InputFileError(
            f"Case {twice[0]} is in two results of {results[0]['method']}. Name results of different folds."
        )
    if len({result["rounds"] for result in results}) > 1:
        raise InputFileError(
            f"Results of {results[0]['method']} have different numbers of rounds. Evaluate all alike."
        )
    if len({_protocol(result) for result in results}) > 1:
        raise InputFileError(
            f"Results of {results[0]['method']} differ in data set, smallest bleed, seeds or who scribbled. "
            "Join results of one protocol, fold by fold."
        )
    first = results[0]
    cases = [{**report, "sha256": result["sha256"]} for result in results for report in result["cases"]]
    data = {**first["data"], "cases": len(cases), "folds": [result["data"]["fold"] for result in results]}
    weights = list(dict.fromkeys(result["sha256"][:12] for result in results if result["sha256"]))
    name = method or first["method"]
    return {**first, "method": name, "weights": weights, "data": data, "cases": cases}


def _protocol(result: Report) -> tuple:
    data = result["data"]
    return data["name"], data["min_slices"], result.get("prompts", ROBOT), *result["seeds"]


def by_method(paths: Sequence[Path]) -> dict[tuple[str, str], Report]:
    """Result files by method and by who scribbled, folds joined; one that is there twice counts once.

    Raises
    ------
    InputFileError
        If a file is no result, or two of one method overlap.
    """
    groups: dict[tuple[str, str], dict[tuple, Report]] = {}
    for path in paths:
        result = read_result(path)
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
    networks: dict[str, set] = {}
    for result in results:
        for report in result["cases"]:
            networks.setdefault(report["id"], set()).add(report["sha256"])
    if any(len(used) > 1 for used in networks.values()):
        raise InputFileError(
            f"Results of {results[0]['method']} are of different weights. Compare ways of scribbling with "
            "the same network (a fold each), or tell networks apart by `ichhpinet evaluate --label`."
        )
    if len({result["data"]["name"] for result in results}) > 1:
        raise InputFileError(
            f"Results of {results[0]['method']} are of two data sets. Compare ways of scribbling on one."
        )
    completed = [
        {(case["id"], run["seed"]) for case in result["cases"] for run in case["runs"] if not run["error"]}
        for result in results
    ]
    shared = set.intersection(*completed)
    if not shared:
        raise InputFileError(f"Results of {results[0]['method']} share no case with the same seed.")
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
    means = {
        metric: [float(np.mean(list(case_means(one, metric, round_number).values()))) for one in folds]
        for metric in _FOLD_METRICS
    }
    spreads = {metric: spread(values) for metric, values in means.items()}
    return [
        spreads["dice"],
        spreads["jaccard"],
        spreads["nsd_2mm"],
        summarize(merged(folds)).rounds[round_number - 1].hd95_mm,
        spreads["mae"],
    ]


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample SD."""
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)


def failures(results: Sequence[Report]) -> list[str]:
    """A sentence about runs that failed, if any did."""
    count = sum(len(summarize(result).failures) for result in results)
    return [f"{count} cases or runs failed and are left out; the JSON files name them."] if count else []


def weights_of(pattern: str | None, fold: int) -> str:
    """The weights for a fold: ``pattern`` with {fold} filled in, or the shipped ones."""
    return pattern.replace("{fold}", str(fold)) if pattern else "default"


def training_note(pattern: str | None, device: str) -> list[str]:
    """What has to be said about the weights' training cases."""
    if pattern and "{fold}" in pattern:
        return ["The weights of each fold were trained without its cases, as far as their names say."]
    from ICHHPINetLib.weights.loading import load_network

    told = load_network(pattern or "default", device).about.get("training")
    what = (
        f"They were trained on: {told.rstrip('.')}"
        if told
        else "Their file does not say what they were trained on"
    )
    note = (
        f"One weights file ({pattern or 'default'}) served all folds. {what}. Cases among these are not "
        "unseen, and figures on them are too good; --weights 'fold{fold}.safetensors' names weights that "
        "held each fold out."
    )
    warn([note])
    return [note]


def _digest(method: str, device: str) -> str | None:
    if method in BASELINE_NAMES:
        return None
    from ICHHPINetLib.weights.loading import load_network

    return load_network(method, device).sha256
