"""Whether two runs of a cohort have the same results, but for what differs between any two runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyarrow import parquet

from ICHHPINetLib.cohort.record import DONE, MASK_FILE, PICTURE, REPORT
from ICHHPINetLib.cohort.table import OF_THE_RUN, PARQUET


def rows_of(output: Path) -> list[dict[str, Any]]:
    """The table of a run."""
    return parquet.read_table(output / PARQUET).to_pylist()


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two runs, in words; none where all is the same."""
    first, second = ({row["id"]: row for row in rows_of(output)} for output in (one, other))
    found = [f"{name} is in one table alone" for name in sorted(first.keys() ^ second.keys())]
    for name in sorted(first.keys() & second.keys()):
        if _steady(first[name]) != _steady(second[name]):
            found.append(f"{name} has other figures")
        if first[name]["status"] == DONE:
            a, b = (output / "cases" / name for output in (one, other))
            found += [
                f"{name} has another {file}"
                for file in (MASK_FILE, PICTURE)
                if (a / file).read_bytes() != (b / file).read_bytes()
            ]
            if _report(a) != _report(b):
                found.append(f"{name} has another report")
    return found


def _report(folder: Path) -> Any:
    return _steady(json.loads((folder / REPORT).read_text(encoding="utf-8")))


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _steady(one) for key, one in value.items() if key not in OF_THE_RUN}
    return [_steady(one) for one in value] if isinstance(value, list) else value
