"""The first guess on CTs with and without a bleed: what it finds, and what it finds where nothing is.

python Testing/benchmarks/bench_guess.py CT_ICH_FOLDER --fold 0 --weights fold0.safetensors
"""

import argparse
from pathlib import Path

import numpy as np

from ICHHPINetLib import InteractiveSession, datasets, load_network
from ICHHPINetLib.evaluation.cases import EvaluationCase, select_fold
from ICHHPINetLib.evaluation.metrics import evaluate_mask
from ICHHPINetLib.imaging.output_files import write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path, help="data set in a layout that `ichhpinet evaluate` reads")
    parser.add_argument("--fold", type=int, required=True, help="fold that the weights have not seen")
    parser.add_argument("--weights", required=True, help="weights trained without that fold")
    parser.add_argument("-o", "--output", type=Path, help="write a row a CT (.json)")
    arguments = parser.parse_args()
    known = [EvaluationCase(case, (), 0) for case in datasets.find_cases(arguments.cases) if case.labeled]
    cases = select_fold(known, arguments.fold)
    network = load_network(arguments.weights, "cpu")
    rows = []
    for case in cases:
        rows.append(guess(network, case))
        print("{id}: truth {truth_ml:.1f} mL, guess {guess_ml:.1f} mL, Dice {dice:.3f}".format(**rows[-1]))
    clean = np.array([row["guess_ml"] for row in rows if not row["truth_ml"]])
    bleeds = np.array([row["dice"] for row in rows if row["truth_ml"]])
    if bleeds.size:
        print(f"{bleeds.size} with a bleed: mean Dice {bleeds.mean():.3f}")
    if clean.size:
        print(
            f"{clean.size} without: nothing marked in {np.mean(clean == 0):.0%}, "
            f"less than 1 mL in {np.mean(clean < 1):.0%}, most {clean.max():.1f} mL"
        )
    if arguments.output:
        write_json(arguments.output, rows)


def guess(network, case: EvaluationCase) -> dict:
    """Volumes in mL, and Dice, of one case."""
    images = datasets.read_case(case.source)
    truth = np.zeros(images.ct.shape, bool) if images.mask is None else images.mask != 0
    mask = InteractiveSession(network, images.ct).guess().mask != 0
    voxel_ml = float(np.prod(images.ct.spacing)) / 1000
    return {
        "id": case.id,
        "truth_ml": float(truth.sum()) * voxel_ml,
        "guess_ml": float(mask.sum()) * voxel_ml,
        "dice": evaluate_mask(mask, truth, images.ct.spacing).dice,
    }


if __name__ == "__main__":
    main()
