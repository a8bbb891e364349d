"""Evaluations on workers: every run of every case is a piece of its own, whichever evaluation it is of."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..cohort.memory import forget_peak_memory
from ..cohort.pool import Pool, WorkerLost
from ..cohort.worker import own_device
from ..errors import WeightsError
from ..simulation.users import user
from .cases import EvaluationCase
from .methods import method_of
from .protocol import Report, Step, run_case

if TYPE_CHECKING:
    from .run import Evaluation

_loading = threading.Lock()


@dataclass(frozen=True)
class Task:
    """How runs are made; see ``evaluate``. ``sha256`` is of the weights, None for a classical method."""

    method: str
    sha256: str | None
    device: str
    rounds: int
    seeds: int
    prompts: str
    guess: bool


def run_on(
    pool: Pool, evaluations: Sequence[Evaluation], on_step: Callable[[Step], None] | None = None
) -> list[Report]:
    """Results of evaluations, whose cases and seeds the workers of ``pool`` share.

    The figures do not depend on the workers, but for seconds and memory. ``on_step`` is called after
    every run. Raises WeightsError where a worker has other weights of the same name.
    """
    pieces = [
        (number, place, seed)
        for number, one in enumerate(evaluations)
        for place in range(len(one.cases))
        for seed in range(one.task.seeds)
    ]
    runs: list[dict[int, dict[int, Report]]] = [{} for _ in evaluations]
    total = sum(evaluations[number].task.rounds for number, *_ in pieces)
    done = 0
    given = [
        (evaluations[number].cases[place], evaluations[number].task, seed) for number, place, seed in pieces
    ]
    for index, result in pool.run(run_piece, given):
        number, place, seed = pieces[index]
        one = evaluations[number]
        report = _lost(one.cases[place], seed, result) if isinstance(result, WorkerLost) else result
        of_case = runs[number].setdefault(place, {})
        of_case[seed] = report
        if len(of_case) == one.task.seeds:
            one.keep(_joined_cases(runs[number], one.task.seeds))
        done += one.task.rounds
        if on_step:
            rows = report["runs"][0]["rounds"] if report["runs"] else []
            dice = rows[-1]["dice"] if rows else 0.0
            on_step(Step(done, total, report["id"], seed, len(rows), dice))
    return [
        one.finish(_joined_cases(reports, one.task.seeds), pool.threads)
        for one, reports in zip(evaluations, runs, strict=True)
    ]


def run_piece(case: EvaluationCase, task: Task, seed: int) -> Report:
    """One run of a case, on a worker; the case's report with this run alone."""
    forget_peak_memory()
    with _loading:
        method, model = _loaded(task.method, own_device(task.device) if task.sha256 else "cpu")
    if model["sha256"] != task.sha256:
        raise WeightsError(
            f"A worker has other weights under the name '{task.method}'. Install the same version everywhere."
        )
    return run_case(case, method, task.rounds, [seed], user=user(task.prompts), guess=task.guess)


# Folds have a network each; more than a few would fill the memory.
_loaded = functools.lru_cache(maxsize=4)(method_of)


def _lost(case: EvaluationCase, seed: int, lost: WorkerLost) -> Report:
    error = f"The worker died {lost.deaths} times, most likely for want of memory"
    run = {"seed": seed, "error": error, "rounds": []}
    return {"id": case.id, "bleed_types": list(case.bleed_types), "error": error, "runs": [run]}


def _joined_cases(reports: dict[int, dict[int, Report]], seeds: int) -> list[Report]:
    """Reports of those cases of which all runs are there, in order."""
    return [_joined(of_case) for _, of_case in sorted(reports.items()) if len(of_case) == seeds]


def _joined(by_seed: dict[int, Report]) -> Report:
    """The report of a case from those of its single runs."""
    parts = [report for _, report in sorted(by_seed.items())]
    # Where the worker was lost, nothing of the case is known but that.
    base = next((part for part in parts if part["error"] is None), parts[0])
    runs = [] if base["error"] else [run for part in parts for run in part["runs"]]
    return {**base, "runs": runs}
