"""One case from its files to its results, as a worker does it."""

from __future__ import annotations

import functools
import platform
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import __version__
from ..commands.measure import measure_file, measure_report
from ..commands.rounds import finding_of, read_rounds, report, run_rounds, warnings_of
from ..commands.wording import in_words
from ..errors import OutputError, WeightsError
from ..imaging.ct import CT
from ..imaging.ct_files import read_ct
from ..imaging.output_files import check_writable, write_bytes
from ..imaging.writing import write_segmentation
from ..measurement import Measurement
from .inputs import GUESS, MASK, Case
from .memory import peak_memory_mib
from .record import DONE, FAILED, MASK_FILE, PICTURE, REPORT, Row, State, folder_of, unchanged, write_report
from .thumbnail import thumbnail
from .worker import own_device

if TYPE_CHECKING:
    from ..interaction.doubt import Doubt
    from ..networks.hpinet import HPINet

_loading = threading.Lock()


@dataclass(frozen=True)
class Job:
    """What all cases of a run share: folder of the results, weights and their SHA256, device."""

    output: Path
    weights: str
    sha256: str | None
    device: str


class _Outcome(NamedTuple):
    """``mask`` is (Z, Y, X) on the voxels of ``ct``; ``interval_ml`` as in ``Finding``."""

    ct: CT
    mask: np.ndarray
    numbers: Measurement
    interval_ml: tuple[float, float] | None
    is_guess: bool
    doubt: Doubt | None
    warnings: list[str]
    report: dict[str, Any]
    computed: dict[str, Any]


def run_case(case: Case, job: Job) -> Row:
    """Do a case and write its files, the report last; its row of the table.

    One that was done before is not done again. What is wrong with its files is told in the row.

    Raises
    ------
    OutputError
        If the results cannot be written.
    WeightsError, DeviceError, MissingPackageError
        If this worker has no network to work with.
    """
    start = time.perf_counter()
    network = None if case.source == MASK else network_here(job.weights, job.device)
    if network is not None and network.sha256 != job.sha256:
        raise WeightsError(
            f"The worker on {platform.node()} has other weights under the name '{job.weights}' than this "
            "computer. Install the same version on both."
        )
    try:
        folder = folder_of(job.output, case)
        known = unchanged(folder, case, job.sha256, thorough=True)
        if known is not None:
            return known
        state = State.of(case, job.sha256)
        found = _measured(case) if network is None else _segmented(case, network)
        picture = thumbnail(found.ct, found.mask, found.doubt)
        check_writable(folder / REPORT)
        if network is not None:
            write_segmentation(folder / MASK_FILE, found.mask, found.ct, flagged=found.is_guess)
        write_bytes(folder / PICTURE, picture)
        row = _row(case, found, state, time.perf_counter() - start)
        write_report(folder, found.report, row, state)
        return row
    except OutputError:
        raise
    except Exception as error:
        # One CT never ends the run of ten thousand others.
        why = in_words(error) or f"This was not foreseen: {type(error).__name__}: {error}"
        return failed(case, " ".join(why.split()), time.perf_counter() - start)


def failed(case: Case, why: str, seconds: float | None = None) -> Row:
    """The row of a case without a result."""
    return {"id": case.id, "status": FAILED, "source": case.source, "error": why, "ct": str(case.ct)} | (
        {} if seconds is None else {"seconds": round(seconds, 3), "worker": platform.node()}
    )


@functools.cache
def _load(weights: str, device: str) -> HPINet:
    from ..weights.loading import load_network

    return load_network(weights, device=device)


def network_here(weights: str, device: str) -> HPINet:
    """The network of this process, loaded once, on the device that is this worker's."""
    with _loading:
        return _load(weights, own_device(device))


def _segmented(case: Case, network: HPINet) -> _Outcome:
    from ..interaction.session import InteractiveSession

    ct = read_ct(case.ct, case.series)
    scribbles = read_rounds(case.scribbles, ct, case.source == GUESS)
    session = InteractiveSession(network, ct)
    finished = run_rounds(session, ct, scribbles, quiet=True)
    last, finding = finished[-1].result, finding_of(network, finished)
    warnings = warnings_of(ct, session, finished)
    computed = {
        "device": last.device,
        "network": finding.weights,
        "weights_sha256": finding.sha256,
        "notes": " ".join(last.notes),
    }
    # Notes have a column of their own.
    odd = [one for one in warnings if one not in last.notes]
    content = report(ct.name, network, finished, warnings)
    return _Outcome(
        ct,
        finding.mask,
        finding.numbers,
        finding.interval_ml,
        finding.is_guess,
        last.doubt,
        odd,
        content,
        computed,
    )


def _measured(case: Case) -> _Outcome:
    assert case.mask is not None
    ct = read_ct(case.ct, case.series)
    found = measure_file(case.mask, None, ct, case.ct)
    content = {"ct": ct.name, "software": f"ichhpinet {__version__}", **measure_report(case.mask, found)}
    return _Outcome(ct, found.mask, found.numbers, None, False, None, found.warnings, content, {})


def _row(case: Case, found: _Outcome, state: State, seconds: float) -> Row:
    numbers, doubt = found.numbers, found.doubt
    row: Row = {
        "id": case.id,
        "status": DONE,
        "source": case.source,
        "volume_ml": numbers.volume_ml,
        "abc2_ml": numbers.abc2_ml,
        "foci": numbers.foci,
        "bleeding_slices": numbers.slices,
        "hu_mean": numbers.hu_mean,
        "warnings": " ".join(found.warnings),
        "seconds": round(seconds, 3),
        "peak_memory_mib": peak_memory_mib(),
        "worker": platform.node(),
        "software": __version__,
        "torch": _torch_version(),
        "input_sha256": state.content,
        "ct": str(case.ct),
        **found.computed,
    }
    if found.interval_ml is not None:
        low, high = found.interval_ml
        row |= {"likely_low_ml": low, "likely_high_ml": high, "doubt_ml": high - low}
    if doubt is not None:
        row["slices_to_check"] = " ".join(map(str, doubt.slices))
    return row


def _torch_version() -> str:
    import torch

    return str(torch.__version__)
