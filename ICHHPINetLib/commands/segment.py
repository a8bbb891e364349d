"""``ichhpinet segment``: a CT and scribbles in; segmentation, volume and more out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InvalidScribblesError
from ..imaging.acquired import acquisition_of
from ..imaging.ct import CT
from ..imaging.ct_files import read_ct
from ..imaging.mask_files import read_start
from ..imaging.output_files import write_bytes, write_json
from ..imaging.writing import LABELMAP_ENDINGS, write_labelmap, write_segmentation
from .console import say, warn
from .dicom_objects import DicomObjects, add_dicom_arguments, check_dicom, dicom_paths
from .output_checks import check_outputs, check_suffix
from .rounds import (
    FinishedRound,
    add_network_arguments,
    finding_of,
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
      -o hematoma.seg.nrrd --labelmap hematoma.nii.gz --scene work.mrb --report report.json \\
      --report-pdf report.pdf

  ichhpinet segment dicom_folder --scribbles scribbles.seg.nrrd -o hematoma.seg.nrrd \\
      --dicom-seg hematoma.dcm --dicom-sr numbers.dcm --dicom-sc key_image.dcm

  ichhpinet segment dicom_folder --start hematoma.dcm --scribbles more.seg.nrrd -o hematoma.seg.nrrd

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
        "--start",
        metavar="MASK",
        type=Path,
        help="go on from a mask of this CT, such as the DICOM SEG of an earlier session, in place of nothing",
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
    parser.add_argument(
        "--report-pdf", metavar="FILE", type=Path, help="also write one page with pictures and numbers (.pdf)"
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
    if arguments.start and arguments.guess:
        raise InvalidScribblesError(
            "--start goes on from a mask, and --guess begins without one. Leave one of them out."
        )
    ct = read_ct(arguments.ct, arguments.series)
    start = read_start(arguments.start, ct.file_geometry, str(arguments.ct)) if arguments.start else None
    objects = DicomObjects(arguments, ct)
    scribbles = read_rounds(arguments.scribbles, ct, arguments.guess, start is not None)
    network, session = open_session(arguments, ct)
    start_ml, began = 0.0, []
    if start is not None:
        session.log = session.log.with_mask(start)
        start_ml = session.log.volume_ml(start)
        began.append(f"The rounds went on from '{arguments.start.name}', {start_ml:.1f} mL.")
    finished = run_rounds(session, ct, scribbles)
    warnings = [*began, *warnings_of(ct, session, finished)]
    warnings += _write(arguments, ct, network, finished, start, warnings, objects)
    # A guess that scribbles have corrected is a guess no more.
    warn([*warnings, *(note for one in finished[:-1] if not one.is_guess for note in one.result.notes)])
    print_rounds(ct.name, finished, start_ml)
    written = [path for path in (*_outputs(arguments), *dicom_paths(arguments)) if path]
    say(f"Written: {', '.join(str(path) for path in written)}")


def _write(
    arguments: argparse.Namespace,
    ct: CT,
    network: Any,
    finished: list[FinishedRound],
    start: np.ndarray | None,
    warnings: list[str],
    objects: DicomObjects,
) -> list[str]:
    """Write all results; notes on what is special about those for a PACS."""
    last, finding = finished[-1].result, finding_of(network, finished)
    write_segmentation(arguments.output, last.mask, ct, flagged=finding.is_guess)
    if arguments.labelmap:
        write_labelmap(arguments.labelmap, last.mask, ct)
    if arguments.scene:
        write_scene(arguments.scene, ct, finished, start)
    if arguments.report:
        write_json(arguments.report, report(ct.name, network, finished, warnings))
    if arguments.preview:
        from ..reporting.contact_sheet import contact_sheet

        panels = [one.as_panel() for one in finished]
        sheet = contact_sheet(ct.hu, ct.spacing, panels, f"ICH-HPINet · {ct.name}", note=ct.geometry.slices)
        write_bytes(arguments.preview, sheet)
    if arguments.report_pdf:
        from ..reporting.report_page import Report, report_pdf

        listed = [one.as_listed() for one in finished]
        page = Report(ct, finding, listed, last.doubt, acquisition_of(ct).when, warnings)
        write_bytes(arguments.report_pdf, report_pdf(page))
    return objects.write(finding)


def _outputs(arguments: argparse.Namespace) -> list[Path | None]:
    names = ("output", "labelmap", "scene", "report", "preview", "report_pdf")
    return [getattr(arguments, name) for name in names]


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Everything that would spoil the end of the work, found at its start."""
    allowed = ((".seg.nrrd",), LABELMAP_ENDINGS, (".mrb",), (".json",), (".png",), (".pdf",))
    names = ("A segmentation", "A label map", "A scene", "A report", "A preview", "A page")
    given = [(path, *rest) for path, *rest in zip(_outputs(arguments), allowed, names, strict=True) if path]
    for path, suffixes, what in given:
        check_suffix(path, suffixes, what)
    check_dicom(arguments)
    paths = [path for path in (*_outputs(arguments), *dicom_paths(arguments)) if path]
    inputs = [arguments.ct, *arguments.scribbles, *([arguments.start] if arguments.start else [])]
    check_outputs(paths, inputs)
    if arguments.scene:
        from ..scene import save_mrb  # noqa: F401
    if arguments.preview or arguments.report_pdf:
        from ..reporting.drawing import require_matplotlib

        require_matplotlib()
