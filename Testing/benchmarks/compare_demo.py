"""Fine-tunes a tiny network of each method of Table 1 on one slice of a phantom: does it learn at all?

``make compare-demo`` runs it. Each method starts from random weights, since those of its authors are not
part of the repository, and must reach a Dice of 0.8 on the slice that it has learned, after one round of the
robot's scribbles. This says that the code of the method works, and nothing of how good it is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ICHHPINetLib.evaluation.comparators import COMPARATORS, code
from ICHHPINetLib.evaluation.comparators.cli import TRAINABLE
from ICHHPINetLib.evaluation.comparators.data import clips_of_ct
from ICHHPINetLib.evaluation.comparators.training import Settings, Trainer
from ICHHPINetLib.evaluation.metrics import evaluate_mask
from ICHHPINetLib.imaging.ct import CT
from ICHHPINetLib.phantom import generate
from ICHHPINetLib.simulation.robot import next_scribbles

ENOUGH = 0.8
STEPS = 200
# Random weights learn at another pace than trained ones.
RATE = 2e-3


def overfitted(name: str, ct: CT, truth: np.ndarray, steps: int) -> float:
    """Dice on the middle bleeding slice of the method that was fine-tuned on it."""
    import torch

    torch.manual_seed(0)
    network = code(name).Network
    method = network(network.TINY)
    method.RATE = RATE
    index = int(truth.sum(axis=(1, 2)).argmax())
    one = slice(index, index + 1)
    clips = clips_of_ct(CT(ct.hu[one], ct.spacing), truth[one])
    with tempfile.TemporaryDirectory() as folder:
        Trainer(method, clips, Settings(Path(folder) / "checkpoint.pt", "demo", steps, batch=2)).run()
    session = method.session(CT(ct.hu[one], ct.spacing))
    drawn = next_scribbles(
        truth[one], np.zeros_like(truth[one]), ct.spacing, np.random.default_rng(0), slice_index=0
    )
    return evaluate_mask(session.refine(drawn).mask > 0, truth[one], ct.spacing).dice


def main() -> int:
    """Prints a line a method; 1 where one of them has not learned its slice."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--methods", nargs="+", choices=TRAINABLE, default=TRAINABLE)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    phantom = generate("deep", seed=1, spacing=(8.0, 1.5, 1.5), slices=8, volume_ml=40.0)
    ct = CT.of_array(phantom.volume, phantom.spacing)
    failed = False
    for name in arguments.methods:
        begun = time.perf_counter()
        dice = overfitted(name, ct, phantom.mask > 0, arguments.steps)
        failed |= dice < ENOUGH
        told = f"Dice {dice:.3f} after {arguments.steps} steps, {time.perf_counter() - begun:.0f} s"
        print(f"{COMPARATORS[name].title:<10} {told}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
