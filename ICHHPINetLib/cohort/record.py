"""What is known of a finished case: the row of the table, kept in its report, and whether it still holds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..imaging.output_files import write_json
from .fingerprint import content, stamp
from .inputs import MASK, Case

REPORT, MASK_FILE, PICTURE = "report.json", "hematoma.seg.nrrd", "thumbnail.png"
DONE, FAILED = "done", "failed"
Row = dict[str, Any]


@dataclass(frozen=True)
class State:
    """What a result depends on; ``stamp`` tells cheaply whether ``content`` can have changed."""

    source: str
    weights: str | None
    software: str
    content: str
    stamp: str

    @classmethod
    def of(cls, case: Case, weights: str | None) -> State:
        """Read all files of a case. Raises OSError."""
        return cls(case.source, _weights(case, weights), __version__, content(case), stamp(case))


def folder_of(output: Path, case: Case) -> Path:
    """Where the files of a case are written."""
    return output / "cases" / case.id


def write_report(folder: Path, report: dict[str, Any], row: Row, state: State) -> None:
    """The last file of a case: where it is, the others are. Raises OutputError."""
    write_json(folder / REPORT, {**report, "cohort": {"row": row, "state": asdict(state)}})


def unchanged(folder: Path, case: Case, weights: str | None, thorough: bool) -> Row | None:
    """The row of a case that was done with the same files, weights and software; None if it was not.

    Where files were touched since, they are read if ``thorough``, and taken for changed if not. Raises
    OSError where a file cannot be read.
    """
    try:
        known = json.loads((folder / REPORT).read_text(encoding="utf-8"))["cohort"]
        row, state = known["row"], State(**known["state"])
        ours = row["id"] == case.id and row["status"] == DONE
    except (OSError, ValueError, KeyError, TypeError):
        # Nothing, or a file of somebody else's: it is to be made.
        return None
    if (state.source, state.weights, state.software) != (case.source, _weights(case, weights), __version__):
        return None
    if not ours or not all((folder / name).exists() for name in written(case)):
        return None
    if stamp(case) == state.stamp or (thorough and content(case) == state.content):
        # The same CT may have another place now.
        return {**row, "ct": str(case.ct)}
    return None


def written(case: Case) -> tuple[str, ...]:
    """Names of the files of a case. A mask that was given is not written again."""
    return (PICTURE, REPORT) if case.source == MASK else (MASK_FILE, PICTURE, REPORT)


def _weights(case: Case, weights: str | None) -> str | None:
    """A given mask is measured without a network."""
    return None if case.source == MASK else weights
