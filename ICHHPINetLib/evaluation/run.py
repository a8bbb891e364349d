"""One call from a folder of cases and a method's name to a result file."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

from .. import __version__
from ..errors import InputFileError, OutputError
from ..imaging.output_files import check_writable, write_json
from ..simulation.users import ROBOT, user
from .baselines import BASELINE_NAMES, baseline
from .cases import find_cases, select_fold
from .comparators import digest, is_comparator, load
from .machine import describe_machine, forget_peak_memory
from .protocol import Method, Report, Step, run_cases

FORMAT = 1


def evaluate(
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
    on_step: Callable[[Step], None] | None = None,
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
    on_step: called after every round.

    Returns
    -------
    What the JSON holds; ``summarize`` and ``compare`` read it.

    Raises
    ------
    InputFileError, OutputError, WeightsError, DeviceError, MissingPackageError
        Before the first round. What fails later is written into the case's report.
    """
    if rounds < 1 or seeds < 1:
        raise InputFileError(f"{rounds} rounds and {seeds} seeds were asked for; both must be 1 or more.")
    partial = None if output is None else _partial(Path(output))
    draw = user(prompts)
    cases = find_cases(cases_dir, min_slices)
    if fold is not None:
        cases = select_fold(cases, fold)
    if guess and (method in BASELINE_NAMES or is_comparator(method)):
        raise InputFileError(f"'{method}' cannot guess without scribbles; networks can.")
    forget_peak_memory()
    factory, model = _method(method, device)
    result = {
        "format": FORMAT,
        "software": f"ichhpinet {__version__}",
        "started": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        **model,
        **({"method": label} if label else {}),
        "data": {
            "name": Path(cases_dir).resolve().name,
            "cases": len(cases),
            "min_slices": min_slices,
            "fold": fold,
        },
        "prompts": f"{prompts}, after a first guess" if guess else prompts,
        "rounds": rounds,
        "seeds": list(range(seeds)),
        "machine": describe_machine(),
        "cases": [],
    }

    def keep(reports: list[Report]) -> None:
        # After every case: hours of work are not lost with the last one. An earlier result stays meanwhile.
        result["cases"] = reports
        if partial is not None:
            write_json(partial, result)

    run_cases(cases, factory, rounds, seeds, on_step, draw, guess, keep)
    if output is not None:
        write_json(Path(output), result)
        partial.unlink(missing_ok=True)
    return result


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


def weights_digest(method: str, device: str = "auto") -> str | None:
    """SHA256 of the weights of a method, None of a classical one; raises as ``evaluate``."""
    if is_comparator(method):
        return digest(method)
    return None if method in BASELINE_NAMES else _network(method, device).sha256


def _method(name: str, device: str) -> tuple[Method, Report]:
    """Session factory of a method, and what the result says about it."""
    if name in BASELINE_NAMES:
        return baseline(name), {"method": name, "sha256": None, "device": "cpu", "parameters": None}
    if is_comparator(name):
        return load(name, device)
    from ..interaction.session import InteractiveSession

    network = _network(name, device)
    # Not the file's name: networks of several folds are one method.
    description = {
        "method": network.config.name,
        "sha256": network.sha256,
        "device": str(network.device),
        "parameters": sum(one.numel() for one in network.parameters()),
    }
    return lambda ct: InteractiveSession(network, ct), description


def _network(name: str, device: str):
    from ..ablations.network import load_network

    return load_network(name, device)
