"""One call from a folder of cases and a method's name to a result file."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..cohort.memory import forget_peak_memory
from ..errors import InputFileError, OutputError
from ..imaging.output_files import check_writable, write_json
from ..simulation.users import ROBOT, user
from .baselines import BASELINE_NAMES
from .cases import find_cases, select_fold
from .comparators import is_comparator
from .machine import describe_machine
from .methods import known_anywhere, method_of
from .protocol import Report, Step, run_cases
from .spread import Task, run_on

if TYPE_CHECKING:
    from ..cohort.pool import Pool

FORMAT = 1


class Evaluation:
    """An evaluation that was found possible, and is to be made; arguments and errors as of ``evaluate``.

    Attributes
    ----------
    cases: which it is made on.
    task: how, for whoever does a part of it.
    """

    def __init__(
        self,
        cases_dir: Path | str,
        method: str = "default",
        rounds: int = 8,
        seeds: int = 3,
        output: Path | str | None = None,
        *,
        min_slices: int = 1,
        fold: int | None = None,
        device: str = "auto",
        prompts: str = ROBOT,
        guess: bool = False,
        label: str | None = None,
    ) -> None:
        if rounds < 1 or seeds < 1:
            raise InputFileError(f"{rounds} rounds and {seeds} seeds were asked for; both must be 1 or more.")
        self._output = None if output is None else Path(output)
        self._partial = None if output is None else _partial(Path(output))
        self._user = user(prompts)
        cases = find_cases(cases_dir, min_slices)
        self.cases = cases if fold is None else select_fold(cases, fold)
        if guess and (method in BASELINE_NAMES or is_comparator(method)):
            raise InputFileError(f"'{method}' cannot guess without scribbles; networks can.")
        forget_peak_memory()
        self._method, model = method_of(method, device)
        self.task = Task(known_anywhere(method), model["sha256"], device, rounds, seeds, prompts, guess)
        self._result: Report = {
            "format": FORMAT,
            "software": f"ichhpinet {__version__}",
            "started": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
            **model,
            **({"method": label} if label else {}),
            "data": {
                "name": Path(cases_dir).resolve().name,
                "cases": len(self.cases),
                "min_slices": min_slices,
                "fold": fold,
            },
            "prompts": f"{prompts}, after a first guess" if guess else prompts,
            "rounds": rounds,
            "seeds": list(range(seeds)),
            "machine": describe_machine(),
            "cases": [],
        }

    def run(self, on_step: Callable[[Step], None] | None = None) -> Report:
        """Make it here, one case after the other."""
        task = self.task
        reports = run_cases(
            self.cases, self._method, task.rounds, task.seeds, on_step, self._user, task.guess, self.keep
        )
        return self.finish(reports)

    def keep(self, reports: Sequence[Report]) -> None:
        """Write what there is: hours of work are not lost with the last case. An earlier result stays."""
        self._result["cases"] = list(reports)
        if self._partial is not None:
            write_json(self._partial, self._result)

    def finish(self, reports: Sequence[Report], workers: int | None = None) -> Report:
        """The result, written, from the reports of all cases and how many workers made them."""
        self._result["cases"] = list(reports)
        if workers is not None:
            self._result["machine"] = {**self._result["machine"], "workers": workers}
        if self._output is not None and self._partial is not None:
            write_json(self._output, self._result)
            self._partial.unlink(missing_ok=True)
        return self._result


def evaluate(
    cases_dir: Path | str,
    method: str = "default",
    rounds: int = 8,
    seeds: int = 3,
    output: Path | str | None = None,
    *,
    on_step: Callable[[Step], None] | None = None,
    pool: Pool | None = None,
    **options: Any,
) -> Report:
    """Evaluate a method under the scribbling robot.

    Parameters
    ----------
    cases_dir: a data set in any layout that ``datasets.find_cases`` knows.
    method: "default" or another name of shipped weights, the path of a .safetensors
        file, one of ``BASELINE_NAMES``, or a method of Table 1 as "NAME:WEIGHTS", of ``comparators``.
    rounds, seeds: rounds a run, runs a case.
    output: JSON file for the result.
    min_slices: cases with fewer bleeding slices are left out.
    fold: only the cases that this fold of ``datasets.folds`` leaves out of training.
    device: where a network runs, as ``load_network`` names devices.
    prompts: who scribbles, one of ``simulation.users.USERS``.
    guess: begin each run with the network's first guess.
    label: what tables call the method; its own name if None.
    on_step: called after every round; after every run where a pool makes it.
    pool: workers that share the runs; the figures are the same with and without.

    Returns
    -------
    What the JSON holds; ``summarize`` and ``compare`` read it.

    Raises
    ------
    InputFileError, OutputError, WeightsError, DeviceError, MissingPackageError
        Before the first round. What fails later is written into the case's report.
    """
    one = Evaluation(cases_dir, method, rounds, seeds, output, **options)
    return one.run(on_step) if pool is None else run_on(pool, [one], on_step)[0]


def _partial(output: Path) -> Path:
    """Where finished cases are kept until all are. OutputError where a file of somebody else's is there."""
    partial = output.with_suffix(".partial.json")
    for path in (output, partial):
        check_writable(path)
    if partial.exists():
        try:
            ours = json.loads(partial.read_text(encoding="utf-8"))["format"] == FORMAT
        except (ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            raise OutputError(f"'{partial}' is in the way: finished cases are kept there. Move it away.")
    return partial


def read_result(path: Path | str) -> Report:
    """Read a result that ``evaluate`` wrote. Raises InputFileError if it is none."""
    advice = "Name a JSON file that `ichhpinet evaluate -o` wrote."
    try:
        result = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputFileError(f"'{path}' cannot be read as a result ({error}). {advice}") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT or "cases" not in result:
        raise InputFileError(f"'{path}' is no evaluation result of this version. {advice}")
    if len(result["cases"]) < result["data"]["cases"]:
        raise InputFileError(
            f"'{path}' holds {len(result['cases'])} of {result['data']['cases']} cases: its evaluation was "
            "stopped. Give the command again."
        )
    return result
