"""``ichhpinet evaluate``: a robot scribbles on cases with a known mask; accuracy by round comes out."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..cohort.pool import OPTIONS, given_pool
from ..commands.console import print_tables, progress_bar, say, warn
from ..commands.output_checks import check_suffix
from .baselines import BASELINE_NAMES
from .comparators import COMPARATORS
from .report import tables
from .run import evaluate
from .summary import summarize

_EXAMPLES = f"""
examples:
  ichhpinet evaluate cases -o default.json
  ichhpinet evaluate cases --method growcut --rounds 8 --seeds 3 -o growcut.json
  ichhpinet evaluate cases --method my.safetensors --fold 0 --min-slices 3 -o fold0.json
  ichhpinet evaluate cases --method medsam:medsam_vit_b.pth -o medsam.json
  ichhpinet evaluate cases --workers 8 -o default.json

CASES holds <id>_ct.nii.gz and <id>_mask.nii.gz, or is CT-ICH, BHSD, MBH-Seg, INSTANCE 2022 or a data
set of nnU-Net as it comes (docs/datasets.md). Classical methods that get the same scribbles:
{", ".join(BASELINE_NAMES)}.
Methods of the paper's Table 1, and a peer, each with weights of yours (docs/comparators.md):
{", ".join(COMPARATORS)}.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("cases", metavar="CASES", type=Path, help="folder of cases")
    parser.add_argument("--rounds", type=int, default=8, metavar="N", help="rounds a run (default: 8)")
    parser.add_argument(
        "--seeds",
        type=int,
        default=3,
        metavar="N",
        help="runs a case, each with other scribbles (default: 3)",
    )
    parser.add_argument(
        "--method",
        default="default",
        metavar="NAME|FILE|NAME:WEIGHTS",
        help="'default', a .safetensors file, a classical method, or one of Table 1 with its weights "
        "(default: default)",
    )
    parser.add_argument(
        "--label",
        metavar="NAME",
        help="what tables call the method, to tell networks apart (default: its own name)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write all figures (.json)")
    parser.add_argument(
        "--min-slices",
        type=int,
        default=1,
        metavar="N",
        help="leave out cases with fewer bleeding slices (default: 1; the paper's is 3)",
    )
    parser.add_argument(
        "--fold", type=int, metavar="N", help="only the development cases that fold N keeps out of training"
    )
    parser.add_argument(
        "--guess", action="store_true", help="begin each run with the first guess, before any scribble"
    )
    parser.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="where a network computes: auto, cpu, cuda, cuda:1, mps (default: auto)",
    )
    for flag, option in OPTIONS.items():
        parser.add_argument(flag, **option)


def run(arguments: argparse.Namespace) -> None:
    """Run the command; ICHHPINetError on bad input."""
    if arguments.output:
        check_suffix(arguments.output, (".json",), "A result")
    if arguments.scheduler:
        # Its workers may be in other folders.
        arguments.cases = arguments.cases.absolute()
    with given_pool(arguments) as pool, progress_bar("reading the cases") as show:
        result = evaluate(
            arguments.cases,
            arguments.method,
            arguments.rounds,
            arguments.seeds,
            arguments.output,
            min_slices=arguments.min_slices,
            fold=arguments.fold,
            device=arguments.device,
            guess=arguments.guess,
            label=arguments.label,
            pool=pool,
            on_step=lambda step: show(
                step.done / step.total, f"{step.case_id}, seed {step.seed}: Dice {step.dice:.2f}"
            ),
        )
    summary = summarize(result)
    print_tables(tables(summary))
    warn(f"{case['id']}: {note}" for case in result["cases"] for note in case.get("notes", ()))
    warn(f"failed: {failure}" for failure in summary.failures)
    if arguments.output:
        say(f"Written: {arguments.output}")
