"""What ``ichhpinet cohort`` itself costs, beside the CTs: pieces a second, tables and page of 100,000 rows.

>>> python Testing/benchmarks/bench_cohort.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from distributed import LocalCluster

from ICHHPINetLib.cohort.pool import open_pool
from ICHHPINetLib.cohort.quality_sheet import quality_sheet
from ICHHPINetLib.cohort.table import COLUMNS, CSV, write_tables

PIECES, ROWS = 500, 100_000


def main() -> None:
    """Print the figures, in seconds of computing, whatever else the computer does."""
    options = {"processes": False, "dashboard_address": None}
    with (
        LocalCluster(n_workers=4, threads_per_worker=1, **options) as cluster,
        open_pool(scheduler=cluster.scheduler_address) as pool,
    ):
        start = time.process_time()
        done = sum(1 for _ in pool.run(divmod, [(number, 3) for number in range(PIECES)]))
        each = (time.process_time() - start) / done
    print(f"pieces a second, command, scheduler and workers on one core: {1 / each:.0f}")
    values = {"string": "forty letters, as a row has on average...", "float64": 1 / 3, "int32": 7}
    row = {name: values[kind] for name, kind in COLUMNS.items()} | {"status": "done"}
    rows = [{**row, "id": str(number)} for number in range(ROWS)]
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        write_tables(Path(folder), rows)
        seconds = time.process_time() - start
        size = (Path(folder) / CSV).stat().st_size / 2**20
    print(f"tables of {ROWS:,} rows: {seconds:.1f} s, CSV {size:.0f} MiB")
    start = time.process_time()
    page = quality_sheet(rows)
    print(f"their page: {time.process_time() - start:.1f} s, {len(page) / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
