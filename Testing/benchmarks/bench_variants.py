"""Dice by round of the weights as they are, and with one part of the network left out.

A part that the weights have learned to use costs accuracy when it is left out; where the
figures do not move, the part is idle. On the generated phantom, or on cases with masks:

    python Testing/benchmarks/bench_variants.py
    python Testing/benchmarks/bench_variants.py --cases ct-ich --fold 0
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

import ICHHPINetLib as hpi
from ICHHPINetLib import phantom
from ICHHPINetLib.ablations.network import ablated, load_network
from ICHHPINetLib.evaluation.run import evaluate
from ICHHPINetLib.evaluation.summary import summarize
from ICHHPINetLib.networks.blocks import fold_standardization
from ICHHPINetLib.networks.hpinet import HPINet
from ICHHPINetLib.simulation.robot import first_slice, next_scribbles
from ICHHPINetLib.training.export import export

VARIANTS = ("full", "without_memory", "without_affinity", "without_fusion", "without_cues", "volume_pro")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", default="default")
    parser.add_argument("--cases", type=Path, help="cases instead of the phantom")
    parser.add_argument("--fold", type=int, help="only the cases of this fold")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            path = Path(folder) / f"{variant}.safetensors"
            export(with_variant(arguments.weights, variant), path)
            if arguments.cases:
                result = evaluate(
                    arguments.cases,
                    str(path),
                    arguments.rounds,
                    arguments.seeds,
                    min_slices=3,
                    fold=arguments.fold,
                )
                scores = [row.dice for row in summarize(result).rounds]
                print(f"{variant:17}" + "  ".join(f"{score:.4f}" for score in scores), flush=True)
            else:
                on_phantoms(path, variant, arguments.rounds, arguments.seeds)


def with_variant(weights: str, variant: str) -> HPINet:
    """The network of ``weights`` with another ``variant``."""
    network = hpi.load_network(weights, device="cpu")
    changed = HPINet(ablated(network.config, variant))
    fold_standardization(changed).load_state_dict(network.state_dict())
    return changed


def on_phantoms(path: Path, variant: str, rounds: int, seeds: int) -> None:
    """Prints Dice and volume error by round for each kind of bleed and seed."""
    network = load_network(path, device="cpu")
    for kind in phantom.KINDS:
        for seed in range(seeds):
            head = phantom.generate(kind, seed=seed)
            truth = head.mask > 0
            rng = np.random.default_rng(seed)
            session = hpi.InteractiveSession(network, head.volume, head.spacing)
            row = []
            for number in range(rounds):
                index = None if number else first_slice(truth, rng)
                mask = session.refine(next_scribbles(truth, session.mask, head.spacing, rng, index)).mask > 0
                dice = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
                error = hpi.measure(session.mask, head.spacing).volume_ml / head.volume_ml - 1
                row.append(f"{dice:.3f} ({error:+.1%})")
            print(f"{variant:17}{kind:17}seed {seed}  " + "  ".join(row), flush=True)


if __name__ == "__main__":
    main()
