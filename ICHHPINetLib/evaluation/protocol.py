"""The protocol: a robot scribbles round after round on every case, several times.

First round on a random slice of the middle 80 % of the bleeding ones, later rounds on
the slice with the largest error area; one slice a round, scribbles accumulate, the whole
volume counts. Everything random follows from the seed and the case's id, so that all
methods start alike and a run can be repeated.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..cohort.memory import peak_memory_mib
from ..errors import RoundCancelled
from ..imaging.ct import CT
from ..interaction.scribbles import Scribbles
from ..measurement import measure
from ..simulation import robot
from ..simulation.users import User, guided_user
from .cases import EvaluationCase
from .metrics import evaluate_mask

Report = dict[str, Any]


class RoundLike(Protocol):
    mask: np.ndarray


class SessionLike(Protocol):
    def refine(self, scribbles: Scribbles) -> RoundLike: ...


class GuessingSession(SessionLike, Protocol):
    def guess(self) -> RoundLike: ...


Method = Callable[[CT], SessionLike]


@dataclass(frozen=True)
class Step:
    """Where the protocol stands: called back after every round.

    ``done`` of ``total`` rounds of all cases and seeds, and the Dice just reached.
    """

    done: int
    total: int
    case_id: str
    seed: int
    round: int
    dice: float


def run_cases(
    cases: Sequence[EvaluationCase],
    method: Method,
    rounds: int,
    seeds: int,
    on_step: Callable[[Step], None] | None = None,
    user: User = robot.next_scribbles,
    guess: bool = False,
    on_case: Callable[[list[Report]], None] = lambda reports: None,
) -> list[Report]:
    """Run the robot, or another ``user``, ``seeds`` times for ``rounds`` rounds on each case.

    With ``guess``, a run begins with the first guess of a ``GuessingSession``, and the robot draws on
    the worst slice of it; without, on a random one.

    A case or a run that fails is reported with its ``error`` and the others go on. ``on_case`` gets the
    reports so far after every case.

    Returns
    -------
    A report a case, made of what JSON can hold: ``id``, ``bleed_types``, ``truth`` (its
    measurement), ``shape``, ``spacing``, and ``runs``, each with ``seed``, ``error``,
    ``rounds`` and, after a guess, ``guess``. A round has the figures of
    ``SegmentationMetrics`` and what ``scribble_rounds`` adds, a guess the former and ``seconds``.
    """
    reports = []
    total = len(cases) * seeds * rounds
    for number, case in enumerate(cases):

        def step(seed: int, row: Report, case: EvaluationCase = case, number: int = number) -> None:
            done = (number * seeds + seed) * rounds + row["round"]
            if on_step:
                on_step(Step(done, total, case.id, seed, row["round"], row["dice"]))

        reports.append(run_case(case, method, rounds, range(seeds), step, user, guess))
        on_case(reports)
    return reports


def run_case(
    case: EvaluationCase,
    method: Method,
    rounds: int,
    seeds: Iterable[int],
    on_row: Callable[[int, Report], None] = lambda seed, row: None,
    user: User = robot.next_scribbles,
    guess: bool = False,
) -> Report:
    """The report of one case, as ``run_cases`` makes it, of the runs with these seeds.

    ``on_row`` gets the seed and the row of a round after every one.
    """
    report: Report = {"id": case.id, "bleed_types": list(case.bleed_types), "error": None, "runs": []}
    try:
        loaded = case.load()
        ct, truth = loaded.ct, loaded.truth
        report["notes"] = list(loaded.notes)
        report["truth"] = measure(truth, ct.spacing, ct.hu).as_dict()
        report["shape"], report["spacing"] = list(ct.shape), list(ct.spacing)
    except Exception as error:
        report["error"] = _describe(error)
        return report
    for seed in seeds:
        run: Report = {"seed": seed, "error": None, "rounds": []}
        report["runs"].append(run)
        try:
            session = method(ct)
            rng = np.random.default_rng([seed, zlib.crc32(case.id.encode())])
            guessed = None
            if guess:
                start = time.perf_counter()
                guessed = session.guess().mask != 0
                seconds = time.perf_counter() - start
                figures = evaluate_mask(guessed, truth, ct.spacing).as_dict()
                run["guess"] = {**figures, "seconds": seconds}
            for row in scribble_rounds(session, truth, ct.spacing, rounds, rng, user, guessed):
                run["rounds"].append(row)
                on_row(seed, row)
        except RoundCancelled:
            raise
        except Exception as error:
            run["error"] = _describe(error)
    return report


def scribble_rounds(
    session: SessionLike,
    truth: np.ndarray,
    spacing: tuple[float, float, float],
    rounds: int,
    rng: np.random.Generator,
    user: User = robot.next_scribbles,
    guessed: np.ndarray | None = None,
) -> Iterator[Report]:
    """Yield a row of figures after each round of the robot.

    Parameters
    ----------
    session: what is scribbled on; its ``refine`` gets the new scribbles only.
    truth: bool (Z, Y, X); spacing: mm (z, y, x).
    user: who draws; one of ``simulation.users.USERS``.
    guessed: bool (Z, Y, X), what the session guessed before the first scribble, if it did.

    Yields
    ------
    The figures of ``SegmentationMetrics.as_dict``, and ``round``, ``seconds`` (of
    ``refine``), ``slice`` (None where the mask was perfect and nothing was left to
    scribble), ``foreground_voxels`` and ``background_voxels`` of the new scribbles,
    ``slice_dice`` (of that slice alone; None where the truth has no bleed on it),
    ``interval_ml`` (in which the method expects the true volume; None where it says nothing),
    ``obeyed`` (share of all voxels scribbled so far that carry the user's label) and
    ``peak_memory_mib`` of the process so far.
    """
    prediction = np.zeros(truth.shape, bool) if guessed is None else guessed
    scribbles = Scribbles.empty(truth.shape)
    doubt = None
    for number in range(1, rounds + 1):
        seconds, index, new = 0.0, None, Scribbles.empty(truth.shape)
        blind = number == 1 and guessed is None
        if blind or not np.array_equal(prediction, truth):
            chosen = robot.first_slice(truth, rng) if blind else None
            if user is guided_user and doubt is not None and doubt.slices:
                chosen = doubt.slices[0]
            new = user(truth, prediction, spacing, rng, chosen)
        if not new.is_empty:
            index = new.slices()[0]
            scribbles = scribbles.merged(new)
            start = time.perf_counter()
            result = session.refine(new)
            seconds = time.perf_counter() - start
            prediction, doubt = result.mask != 0, getattr(result, "doubt", None)
        yield {
            "round": number,
            **evaluate_mask(prediction, truth, spacing).as_dict(),
            "seconds": seconds,
            "slice": index,
            "slice_dice": None if index is None else _dice_of(prediction[index], truth[index]),
            "interval_ml": None if doubt is None else list(doubt.interval_ml),
            "foreground_voxels": int(np.count_nonzero(new.foreground)),
            "background_voxels": int(np.count_nonzero(new.background)),
            "obeyed": _obeyed(prediction, scribbles),
            "peak_memory_mib": peak_memory_mib(),
        }


def _dice_of(prediction: np.ndarray, truth: np.ndarray) -> float | None:
    area = np.count_nonzero(truth)
    if not area:
        return None
    return 2 * np.count_nonzero(prediction & truth) / (np.count_nonzero(prediction) + area)


def _obeyed(prediction: np.ndarray, scribbles: Scribbles) -> float:
    scribbled = np.count_nonzero(scribbles.foreground) + np.count_nonzero(scribbles.background)
    right = np.count_nonzero(prediction[scribbles.foreground])
    right += np.count_nonzero(~prediction[scribbles.background])
    return right / scribbled if scribbled else 1.0


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
