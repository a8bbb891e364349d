"""Dice and volumes of the same network where its masks end at other probabilities.

python Testing/benchmarks/bench_cut.py ct-ich --cuts 0.5 0.6
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

import ICHHPINetLib as hpi
from ICHHPINetLib.evaluation.cases import find_cases
from ICHHPINetLib.evaluation.protocol import run_cases

# Below it, a tenth of the volume is a few voxels.
_LARGE_ML = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("--weights", default="default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--cuts", type=float, nargs="+", default=[0.5, 0.545, 0.6, 0.7])
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    network = hpi.load_network(arguments.weights, arguments.device)
    cases = find_cases(arguments.cases)
    for cut in arguments.cuts:
        network.config = dataclasses.replace(network.config, cut=cut)
        reports = run_cases(cases, lambda ct: hpi.InteractiveSession(network, ct), arguments.rounds, 1)
        for number, rows in enumerate(zip(*(one["runs"][0]["rounds"] for one in reports), strict=True), 1):
            dice = np.mean([row["dice"] for row in rows])
            bias = np.mean([row["volume_error_ml"] for row in rows])
            large = [abs(row["relative_volume_error"]) for row in rows if row["truth_ml"] > _LARGE_ML]
            within = np.mean(np.array(large) <= 0.1)
            print(f"cut {cut:g}, round {number}: Dice {dice:.3f}, {bias:+.1f} mL, within 10 % {within:.0%}")


if __name__ == "__main__":
    main()
