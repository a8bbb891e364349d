"""Time and memory of a round on a 512 x 512 x 32 CT (the generated phantom, tiled to that size).

Times are told in seconds and in units, which are more alike from one machine to another: one 3x3x3
convolution of 32 to 32 channels at half the plane, the quickest of several, in the same process.

Run: make bench, or python Testing/benchmarks/bench_round.py --help
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

import ICHHPINetLib as hpi
from ICHHPINetLib.phantom import generate
from ICHHPINetLib.simulation.robot import first_slice, next_scribbles
from ICHHPINetLib.weights.devices import fast_math

SHAPE = (32, 512, 512)
SPACING = (5.0, 0.45, 0.45)
_CHANNELS, _PLANES = 32, (31, 112, 104)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--cancels", type=int, default=12, help="at random moments (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    phantom = generate("lobar", seed=0, spacing=SPACING, slices=SHAPE[0])
    volume, truth = fitted(phantom.volume, -1000), fitted(phantom.mask, 0)
    network = hpi.load_network(arguments.weights, device=arguments.device)
    unit = convolution(network.device)
    start = time.monotonic()
    session = hpi.InteractiveSession(network, volume, SPACING)
    opened = time.monotonic() - start
    start = time.monotonic()
    session.prepare()
    prepared, peak_of_prepare = time.monotonic() - start, peak_gib()
    forget_peak()
    seconds, first = rounds(session, truth, arguments.rounds)
    peak = peak_gib()
    later = seconds[1:] or seconds
    again = hpi.Scribbles.empty(SHAPE)
    in_round = cancels(
        lambda: lambda stop: session.refine(again, is_cancelled=stop), min(later), arguments.cancels
    )
    in_prepare = cancels(
        lambda: hpi.InteractiveSession(network, volume, SPACING).prepare, prepared, arguments.cancels
    )
    unit = min(unit, convolution(network.device))

    def told(*times: float) -> str:
        if not times:
            return "none"
        most = f", at most {max(times):.2f} s = {max(times) / unit:.1f} units" if len(times) > 1 else ""
        middle = statistics.median(times)
        return f"{middle:.2f} s = {middle / unit:.1f} units{most}"

    print(
        f"machine            {platform.machine()}, {platform.system()}, {torch.get_num_threads()} CPU threads"
    )
    print(f"network            {network.name} on {network.device}, PyTorch {torch.__version__}")
    print(f"CT                 {' x '.join(str(n) for n in SHAPE[::-1])} voxels, phantom (lobar, seed 0)")
    print(f"unit               {unit:.4f} s")
    print(f"open the session   {opened:.2f} s")
    print(f"prepare            {told(prepared)}")
    print(f"round 1            {told(seconds[0])}")
    print(f"later rounds       {told(*later)}")
    print(f"first slice        {told(*first)}")
    print(f"cancel of a round  {told(*in_round)} ({len(in_round)} cancels)")
    print(f"cancel of prepare  {told(*in_prepare)} ({len(in_prepare)} cancels)")
    print(f"peak memory        {peak:.2f} GiB in a round, {peak_of_prepare:.2f} GiB in prepare")


def rounds(session: hpi.InteractiveSession, truth: np.ndarray, count: int) -> tuple[list[float], list[float]]:
    """Seconds of each round of the robot, and until it had shown a scribbled slice."""
    rng = np.random.default_rng(0)
    seconds, first = [], []
    for number in range(count):
        index = None if number else first_slice(truth, rng)
        scribbles = next_scribbles(truth, session.mask, SPACING, rng, index)
        shown = []
        start = time.monotonic()
        session.refine(scribbles, lambda one, seen=shown: seen.append((one.stage, time.monotonic())))
        seconds.append(time.monotonic() - start)
        first.append(next(moment for stage, moment in shown if stage == "slice") - start)
    return seconds, first


def cancels(begin, usual: float, count: int) -> list[float]:
    """Seconds from a request at a random moment until the work had ended.

    ``begin`` makes the work, which takes what it has to ask; ``usual``: seconds that it takes undisturbed.
    """
    rng = np.random.default_rng(1)
    latencies = []
    for share in rng.permutation(np.linspace(0.02, 0.9, count)):
        work = begin()
        moment = time.monotonic() + share * usual
        try:
            work(lambda moment=moment: time.monotonic() >= moment)
        except hpi.RoundCancelled:
            latencies.append(time.monotonic() - moment)
    return latencies


def convolution(device: torch.device) -> float:
    """Seconds of the unit, in the number format of a round on ``device``."""
    layer = torch.nn.Conv3d(_CHANNELS, _CHANNELS, 3, padding=1)
    layer = layer.to(device, memory_format=torch.channels_last_3d)
    x = torch.rand(1, _CHANNELS, *_PLANES, device=device).contiguous(memory_format=torch.channels_last_3d)
    seconds = []
    with torch.inference_mode(), fast_math(device):
        for _ in range(8):
            _wait(device)
            start = time.monotonic()
            layer(x)
            _wait(device)
            seconds.append(time.monotonic() - start)
    return min(seconds)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


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


def forget_peak() -> None:
    """From now on ``peak_gib`` tells of what comes; where the system cannot, of all that was, too."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_gib() -> float:
    """Largest resident size of this process."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**20
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
