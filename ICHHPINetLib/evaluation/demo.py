"""``ichhpinet demo``: three rounds on a generated head phantom, with everything that a user would get."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..commands.console import say, warn
from ..commands.numbers import zero_or_more
from ..commands.output_checks import check_outputs
from ..commands.rounds import (
    FinishedRound,
    add_network_arguments,
    open_session,
    print_rounds,
    report,
    run_rounds,
    write_scene,
)
from ..errors import MissingPackageError, OutputError
from ..imaging.ct import CT, FileGeometry
from ..imaging.output_files import write_bytes, write_json
from ..imaging.writing import write_image, write_labelmap, write_segmentation
from ..interaction.scribbles import Scribbles
from ..phantom import KINDS, Phantom, generate
from ..reporting.contact_sheet import contact_sheet
from ..reporting.drawing import require_matplotlib
from ..simulation.robot import first_slice, next_scribbles
from .metrics import evaluate_mask

ROUNDS = 3
_INPUTS = ("ct.nrrd", *(f"scribbles_round{number + 1}.nrrd" for number in range(ROUNDS)))
_RESULTS = ("hematoma.seg.nrrd", "hematoma.nii.gz", "report.json", "contact_sheet.png", "scene.mrb")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = "A robot draws like a user: on the bleed and beside it, then on what is still wrong."
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        type=Path,
        default=Path("demo"),
        help="folder for the results (default: demo)",
    )
    parser.add_argument("--kind", choices=KINDS, default="deep", help="kind of bleed (default: deep)")
    parser.add_argument(
        "--seed", type=zero_or_more, default=0, help="another number, another phantom (default: 0)"
    )
    add_network_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run the command; ICHHPINetError on bad input."""
    folder: Path = arguments.output
    _check_folder(folder)
    check_outputs(folder / name for name in (*_INPUTS, *_RESULTS))
    require_matplotlib()
    phantom = generate(arguments.kind, seed=arguments.seed)
    ct = as_ct(phantom)
    network, session = open_session(arguments, ct)
    finished = run_rounds(
        session,
        ct,
        _robot(phantom, np.random.default_rng(arguments.seed)),
        lambda mask: evaluate_mask(mask, phantom.mask, phantom.spacing).dice,
    )
    written = _write_inputs(folder, ct, finished)
    written += _write_results(folder, phantom, ct, network, session.warnings, finished)
    print_rounds(f"{phantom.name}, a bleed of {phantom.volume_ml:.1f} mL", finished)
    say(f"Written to {folder}: {', '.join(written)}")


def _check_folder(folder: Path) -> None:
    """OutputError where files lie that no demo has written: a CT of the user's may have the name of ours."""
    ours = any((folder / name).exists() for name in ("report.json", "scribbles_round1.nrrd"))
    if (folder / "ct.nrrd").exists() and not ours:
        raise OutputError(
            f"'{folder}' has a ct.nrrd that is not of this demo. Name another folder with --output."
        )


def _robot(phantom: Phantom, rng: np.random.Generator) -> list[Callable[[np.ndarray], Scribbles]]:
    """For each round, what draws its scribbles: on the slice that needs them most, after a random one."""
    slices = [first_slice(phantom.mask, rng), *[None] * (ROUNDS - 1)]
    return [
        lambda mask, index=index: next_scribbles(phantom.mask, mask, phantom.spacing, rng, index)
        for index in slices
    ]


def _write_inputs(folder: Path, ct: CT, finished: Sequence[FinishedRound]) -> list[str]:
    """CT and scribbles, as `ichhpinet segment` reads them."""
    for name, one in zip(_INPUTS[1:], finished, strict=True):
        write_labelmap(folder / name, one.new_scribbles.foreground + 2 * one.new_scribbles.background, ct)
    write_image(folder / "ct.nrrd", ct.geometry.image)
    return list(_INPUTS)


def _write_results(
    folder: Path,
    phantom: Phantom,
    ct: CT,
    network: Any,
    warnings: Sequence[str],
    finished: Sequence[FinishedRound],
) -> list[str]:
    last = finished[-1]
    write_segmentation(folder / "hematoma.seg.nrrd", last.result.mask, ct)
    write_labelmap(folder / "hematoma.nii.gz", last.result.mask, ct)
    content = report(ct.name, network, finished, warnings)
    write_json(folder / "report.json", {**content, "true_volume_ml": phantom.volume_ml})
    sheet = contact_sheet(
        ct.hu,
        ct.spacing,
        [one.as_panel() for one in finished],
        f"ICH-HPINet · generated head phantom · {last.measurement.volume_ml:.1f} mL",
        truth=phantom.mask,
        truth_ml=phantom.volume_ml,
    )
    write_bytes(folder / "contact_sheet.png", sheet)
    try:
        write_scene(folder / "scene.mrb", ct, finished)
    except MissingPackageError as error:
        warn([f"no Slicer scene was written. {error}"])
        return list(_RESULTS[:-1])
    return list(_RESULTS)


def as_ct(phantom: Phantom) -> CT:
    """A phantom as if it had been read from a file."""
    image = sitk.GetImageFromArray(phantom.volume)
    image.SetSpacing(phantom.spacing[::-1])
    return CT.of_array(phantom.volume, phantom.spacing, FileGeometry(image), name=phantom.name)
