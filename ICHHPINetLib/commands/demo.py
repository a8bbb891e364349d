"""``ichhpinet demo``: three rounds on a generated head phantom, with everything that a user would get."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import MissingPackageError
from ..evaluation.figures import contact_sheet, require_matplotlib
from ..evaluation.metrics import evaluate_mask
from ..evaluation.robot import first_slice, next_scribbles
from ..imaging.io import CTImage, write_labelmap, write_segmentation
from ..phantom import KINDS, Phantom, generate
from . import outputs
from .console import say, warn
from .rounds import add_network_arguments, open_session, print_rounds, report, run_rounds, write_scene

ROUNDS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = (
        "A robot scribbles like a user: a stroke on the bleed and one beside it, then on what is still wrong."
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        type=Path,
        default=Path("demo"),
        help="folder for the results (default: demo)",
    )
    parser.add_argument("--kind", choices=KINDS, default="deep", help="kind of bleed (default: deep)")
    parser.add_argument("--seed", type=int, default=0, help="another number, another phantom (default: 0)")
    add_network_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run the command; ICHHPINetError on bad input."""
    folder: Path = arguments.output
    outputs.check_folder(folder)
    require_matplotlib()
    phantom = generate(arguments.kind, seed=arguments.seed)
    ct = as_ct(phantom)
    network, session = open_session(arguments, phantom.volume, phantom.spacing)
    rng = np.random.default_rng(arguments.seed)
    start = first_slice(phantom.mask, rng)
    strokes = [
        lambda mask, where=where: next_scribbles(phantom.mask, mask, phantom.spacing, rng, where)
        for where in (start, *[None] * (ROUNDS - 1))
    ]
    dice = partial(_dice, truth=phantom.mask, spacing=phantom.spacing)
    finished = run_rounds(session, phantom.volume, phantom.spacing, strokes, dice)
    mask = finished[-1].result.mask

    _write_image(folder / "ct.nrrd", ct.image)
    for one in finished:
        # Numbered label maps, ready to be given to `ichhpinet segment` again.
        marks = one.new_strokes.foreground + np.uint8(2) * one.new_strokes.background
        write_labelmap(folder / f"strokes_round{one.result.round}.nrrd", marks.astype(np.uint8), ct)
    write_segmentation(folder / "hematoma.seg.nrrd", mask, ct)
    write_labelmap(folder / "hematoma.nii.gz", mask, ct)
    content = report(ct.name, network, finished, session.warnings)
    outputs.write_json(folder / "report.json", {**content, "true_volume_ml": phantom.volume_ml})
    sheet = contact_sheet(
        phantom.volume,
        phantom.spacing,
        [one.as_panel() for one in finished],
        f"ICH-HPINet · generated head phantom · {finished[-1].measurement.volume_ml:.1f} mL",
        truth=phantom.mask,
        truth_ml=phantom.volume_ml,
    )
    outputs.write_bytes(folder / "contact_sheet.png", sheet)
    try:
        write_scene(folder / "scene.mrb", ct.image, ct.name, finished)
    except MissingPackageError as error:
        warn([f"no Slicer scene was written: {error}"])
    print_rounds(f"{ct.name}: {phantom.volume_ml:.1f} mL", finished)
    say(f"Written to {folder}: {', '.join(sorted(path.name for path in folder.iterdir() if path.is_file()))}")


def as_ct(phantom: Phantom) -> CTImage:
    """A phantom as if it had been read from a file."""
    image = sitk.GetImageFromArray(phantom.volume)
    image.SetSpacing(phantom.spacing[::-1])
    return CTImage(phantom.volume, phantom.spacing, image, phantom.name, [])


def _dice(mask: np.ndarray, truth: np.ndarray, spacing: tuple[float, float, float]) -> float:
    return evaluate_mask(mask, truth, spacing).dice


def _write_image(path: Path, image: sitk.Image) -> None:
    with outputs.whole_file(path) as temporary:
        sitk.WriteImage(image, str(temporary), useCompression=True)
