"""What the suggestion of the slice to check is worth, and how often the likely volume holds the true one.

Run: python Testing/benchmarks/bench_doubt.py CASES [--weights FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from ICHHPINetLib.evaluation.run import evaluate
from ICHHPINetLib.evaluation.summary import summarize
from ICHHPINetLib.simulation.users import ROBOT

_USERS = ("lazy_user", "guided_user", ROBOT)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("--weights", default="default")
    parser.add_argument("--fold", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    with Console().status("running") as status:
        for name in _USERS:
            result = evaluate(
                arguments.cases,
                method=arguments.weights,
                rounds=arguments.rounds,
                seeds=arguments.seeds,
                min_slices=3,
                fold=arguments.fold,
                device=arguments.device,
                prompts=name,
                on_step=lambda step, name=name: status.update(f"{name} {step.done}/{step.total}"),
            )
            for one in summarize(result).rounds:
                held = f"{one.interval_coverage:.0%}"
                print(
                    f"{name:12} round {one.round}: Dice {one.dice:.3f}, likely volume "
                    f"{one.interval_width_ml:.1f} mL wide, which holds the truth in {held}"
                )


if __name__ == "__main__":
    main()
