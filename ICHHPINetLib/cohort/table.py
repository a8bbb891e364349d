"""The table of a cohort: a row a case, as CSV and as Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..commands.console import DISCLAIMER
from ..errors import MissingPackageError, OutputError
from ..imaging.output_files import check_writable, whole_file, write_bytes
from .record import Row

# Name, and type in Parquet. A column that does not apply to a row is empty there.
COLUMNS = {
    "id": "string",
    "status": "string",
    "source": "string",
    "volume_ml": "float64",
    "likely_low_ml": "float64",
    "likely_high_ml": "float64",
    "doubt_ml": "float64",
    "abc2_ml": "float64",
    "foci": "int32",
    "bleeding_slices": "int32",
    "hu_mean": "float64",
    "slices_to_check": "string",
    "warnings": "string",
    "notes": "string",
    "error": "string",
    "seconds": "float64",
    "peak_memory_mib": "float64",
    "worker": "string",
    "device": "string",
    "network": "string",
    "weights_sha256": "string",
    "software": "string",
    "torch": "string",
    "input_sha256": "string",
    "ct": "string",
    "notice": "string",
}
# What differs between two runs of the same.
OF_THE_RUN = ("seconds", "peak_memory_mib", "worker")
CSV, PARQUET = "results.csv", "results.parquet"


def check_tables(output: Path) -> None:
    """Find out before the work whether both tables can be written.

    Raises
    ------
    MissingPackageError
        Without pyarrow.
    OutputError
        If a file cannot be written, or one of the same name is not of this command.
    """
    try:
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            "The table of results needs pyarrow. Run: pip install 'ichhpinet[cohort]'"
        ) from error
    path = output / CSV
    if path.exists():
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            if next(csv.reader(file), None) != list(COLUMNS):
                raise OutputError(f"'{path}' is not of this command. Name another folder with --output.")
    for name in (CSV, PARQUET):
        check_writable(output / name)


def write_tables(output: Path, rows: Iterable[Row]) -> None:
    """Write both, whole. Raises OutputError."""
    rows = [{**row, "notice": DISCLAIMER} for row in rows]
    write_bytes(output / CSV, _csv(rows))
    _write_parquet(output / PARQUET, rows)


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(errors="backslashreplace")


def _write_parquet(path: Path, rows: Sequence[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS.items()])
    table = pa.Table.from_pylist([{name: row.get(name) for name in COLUMNS} for row in rows], schema)
    with whole_file(path, lambda draft: parquet.read_table(draft).equals(table)) as draft:
        parquet.write_table(table, draft)
