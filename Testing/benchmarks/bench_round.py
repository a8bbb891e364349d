"""Time and memory of a round on a 512 x 512 x 32 CT (the generated phantom, tiled to that size).

Run: make bench, or python Testing/benchmarks/bench_round.py --help
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import sys
import time

import numpy as np
import torch

import ICHHPINetLib as hpi
from ICHHPINetLib.evaluation.robot import first_slice, next_scribbles
from ICHHPINetLib.phantom import generate

SHAPE = (32, 512, 512)
SPACING = (5.0, 0.45, 0.45)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    phantom = generate("lobar", seed=0, spacing=SPACING, slices=SHAPE[0])
    volume = fitted(phantom.volume, -1000)
    truth = fitted(phantom.mask, 0)
    network = hpi.load_network(arguments.weights, device=arguments.device)
    start = time.monotonic()
    session = hpi.InteractiveSession(network, volume, SPACING)
    opened = time.monotonic() - start
    rng = np.random.default_rng(0)
    first = []
    for number in range(arguments.rounds):
        strokes = next_scribbles(
            truth, session.mask, SPACING, rng, None if number else first_slice(truth, rng)
        )
        start, shown = time.monotonic(), []
        session.refine(strokes, on_progress=lambda progress: shown.append((time.monotonic(), progress.stage)))  # noqa: B023
        first.append(next(moment for moment, stage in shown if stage == "slice") - start)
    seconds = [result.seconds for result in session.rounds]
    later = seconds[1:] or seconds
    print(
        f"machine            {platform.machine()}, {platform.system()}, {torch.get_num_threads()} CPU threads"
    )
    print(f"network            {network.name} on {network.device}, PyTorch {torch.__version__}")
    print(f"CT                 {' x '.join(str(n) for n in SHAPE[::-1])} voxels, phantom (lobar, seed 0)")
    print(f"open the session   {opened:.2f} s")
    print(f"round 1            {seconds[0]:.2f} s")
    print(
        f"rounds 2 to {len(seconds)}      median {statistics.median(later):.2f} s, slowest {max(later):.2f} s"
    )
    print(f"scribbled slice    median {statistics.median(first):.2f} s after the request")
    print(f"peak memory        {peak_gib():.2f} GiB")


def fitted(array: np.ndarray, fill: float) -> np.ndarray:
    """``array`` in the middle of a volume of ``SHAPE``, cut or filled."""
    out = np.full(SHAPE, fill, array.dtype)
    to, of = [], []
    for wanted, there in zip(SHAPE, array.shape, strict=True):
        low = abs(wanted - there) // 2
        to.append(slice(low, low + there) if there <= wanted else slice(0, wanted))
        of.append(slice(0, there) if there <= wanted else slice(low, low + wanted))
    out[tuple(to)] = array[tuple(of)]
    return out


def peak_gib() -> float:
    """Largest resident size of this process so far."""
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
