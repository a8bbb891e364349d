"""``ichhpinet segment``: a CT and scribbles in; segmentation, volume and more out."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import InvalidScribblesError
from ..imaging.ct_files import read_ct
from ..imaging.output_files import write_bytes, write_json
from ..imaging.writing import LABELMAP_ENDINGS, write_labelmap, write_segmentation
from .console import say, warn
from .dicom_objects import DicomObjects, add_dicom_arguments, check_dicom, dicom_paths
from .output_checks import check_outputs, check_suffix
from .rounds import (
    add_network_arguments,
    open_session,
    print_rounds,
    read_rounds,
    report,
    run_rounds,
    warnings_of,
    write_scene,
)

_EXAMPLES = """
examples:
  ichhpinet segment ct.nii.gz --scribbles scribbles.seg.nrrd -o hematoma.seg.nrrd
  ichhpinet segment dicom_folder --scribbles round1.seg.nrrd --scribbles round2.seg.nrrd \\
      -o hematoma.seg.nrrd --labelmap hematoma.nii.gz --scene work.mrb --report report.json

  ichhpinet segment dicom_folder --scribbles scribbles.seg.nrrd -o hematoma.seg.nrrd \\
      --dicom-seg hematoma.dcm --dicom-sr numbers.dcm --dicom-sc key_image.dcm

  ichhpinet segment ct.nii.gz --guess -o first_guess.seg.nrrd --preview first_guess.png

A scribble file is a segmentation painted in 3D Slicer with the segments "Hemorrhage scribble"
and "Background scribble", or a label map with 1 on the bleed and 2 on other tissue. Each file
holds the scribbles that were added in its round.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("ct", metavar="CT", type=Path, help="head CT: NRRD, NIfTI, MHA or a DICOM folder")
    parser.add_argument(
        "--series", metavar="UID", help="series to read from a DICOM folder that holds several"
    )
    parser.add_argument(
        "--scribbles",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="scribbles of one round, .seg.nrrd or a label map; repeat it for further rounds",
    )
    parser.add_argument(
        "--guess",
        action="store_true",
        help="begin with a round without scribbles: what looks like fresh blood, to be checked and corrected",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, required=True, help="segmentation to write (.seg.nrrd)"
    )
    parser.add_argument(
        "--labelmap", metavar="FILE", type=Path, help="also write a label map (.nrrd, .nii, .nii.gz, .mha)"
    )
    parser.add_argument(
        "--scene", metavar="FILE", type=Path, help="also write a Slicer scene to go on in (.mrb)"
    )
    parser.add_argument(
        "--report", metavar="FILE", type=Path, help="also write the numbers of every round (.json)"
    )
    parser.add_argument(
        "--preview", metavar="FILE", type=Path, help="also write a picture of every round (.png)"
    )
    add_dicom_arguments(parser)
    add_network_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run the command; ICHHPINetError on bad input."""
    _check_outputs(arguments)
    if not arguments.scribbles and not arguments.guess:
        raise InvalidScribblesError(
            "There are no scribbles. Name a file with --scribbles, or ask for a first guess with --guess."
        )
    ct = read_ct(arguments.ct, arguments.series)
    objects = DicomObjects(arguments, ct)
    scribbles = read_rounds(arguments.scribbles, ct, arguments.guess)
    network, session = open_session(arguments, ct)
    finished = run_rounds(session, ct, scribbles)
    warnings = warnings_of(ct, session, finished)
    mask = finished[-1].result.mask
    write_segmentation(arguments.output, mask, ct, flagged=finished[-1].is_guess)
    if arguments.labelmap:
        write_labelmap(arguments.labelmap, mask, ct)
    if arguments.scene:
        write_scene(arguments.scene, ct, finished)
    if arguments.report:
        write_json(arguments.report, report(ct.name, network, finished, warnings))
    if arguments.preview:
        from ..reporting.contact_sheet import contact_sheet

        panels = [one.as_panel() for one in finished]
        sheet = contact_sheet(ct.hu, ct.spacing, panels, f"ICH-HPINet · {ct.name}", note=ct.geometry.slices)
        write_bytes(arguments.preview, sheet)
    warnings += objects.write(network, finished)
    # A guess that scribbles have corrected is a guess no more.
    warn([*warnings, *(note for one in finished[:-1] if not one.is_guess for note in one.result.notes)])
    print_rounds(ct.name, finished)
    written = [path for path in (*_outputs(arguments), *dicom_paths(arguments)) if path]
    say(f"Written: {', '.join(str(path) for path in written)}")


def _outputs(arguments: argparse.Namespace) -> list[Path | None]:
    return [arguments.output, arguments.labelmap, arguments.scene, arguments.report, arguments.preview]


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Everything that would spoil the end of the work, found at its start."""
    allowed = ((".seg.nrrd",), LABELMAP_ENDINGS, (".mrb",), (".json",), (".png",))
    names = ("A segmentation", "A label map", "A scene", "A report", "A preview")
    given = [(path, *rest) for path, *rest in zip(_outputs(arguments), allowed, names, strict=True) if path]
    for path, suffixes, what in given:
        check_suffix(path, suffixes, what)
    check_dicom(arguments)
    paths = [path for path in (*_outputs(arguments), *dicom_paths(arguments)) if path]
    check_outputs(paths, [arguments.ct, *arguments.scribbles])
    if arguments.scene:
        from ..scene import save_mrb  # noqa: F401
    if arguments.preview:
        from ..reporting.drawing import require_matplotlib

        require_matplotlib()
