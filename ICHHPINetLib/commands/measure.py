"""``ichhpinet measure``: numbers of an existing mask."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ..imaging.ct_files import read_ct
from ..imaging.label_files import check_series, read_labels
from ..imaging.orientation import to_canonical
from ..imaging.output_files import write_json
from ..measurement import Measurement, measure
from ..reporting.tables import Table
from .console import DISCLAIMER, print_tables, say, warn
from .marked import marked, on_ct
from .output_checks import check_outputs, check_suffix


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = (
        "examples:\n"
        "  ichhpinet measure hematoma.seg.nrrd\n"
        "  ichhpinet measure labels.nii.gz --label 3 --ct ct.nii.gz --report numbers.json"
    )
    parser.add_argument(
        "mask",
        metavar="MASK",
        type=Path,
        help="segmentation (.seg.nrrd) or label map (NRRD, NIfTI, MHA) or DICOM SEG",
    )
    parser.add_argument(
        "--label", metavar="N", type=int, help="count only voxels of this label (default: all but 0)"
    )
    parser.add_argument("--ct", metavar="CT", type=Path, help="CT of the mask, for its Hounsfield units")
    parser.add_argument("--report", metavar="FILE", type=Path, help="also write the numbers (.json)")


def run(arguments: argparse.Namespace) -> None:
    """Run the command; ICHHPINetError on bad input."""
    if arguments.report:
        check_suffix(arguments.report, (".json",), "A report")
        inputs = [path for path in (arguments.mask, arguments.ct) if path]
        check_outputs([arguments.report], inputs)
    file = read_labels(arguments.mask)
    marks, said = marked(file, arguments.label)
    warnings = [*file.warnings, *said]
    if not marks.any():
        warnings.append("Nothing is marked in this mask.")
    grid, volume = file.grid, None
    if arguments.ct:
        ct = read_ct(arguments.ct)
        check_series(file, ct.geometry)
        grid, volume = ct.geometry.image, ct.hu
        marks = on_ct(marks, file, grid, arguments.ct)
        warnings += ct.warnings
    mask, order = to_canonical(marks, np.array(grid.GetDirection()).reshape(3, 3))
    numbers = measure(mask, order.spacing(grid.GetSpacing()[::-1]), volume)
    if arguments.report:
        content = {
            "mask": arguments.mask.name,
            "notice": DISCLAIMER,
            "warnings": warnings,
            **numbers.as_dict(),
        }
        write_json(arguments.report, content)
    warn(warnings)
    print_tables([Table(arguments.mask.name, ("", "Value"), tuple(_rows(numbers)))])
    say(DISCLAIMER)


def _rows(numbers: Measurement) -> list[tuple[str, str]]:
    rows = [
        ("volume", f"{numbers.volume_ml:.1f} mL"),
        ("ABC/2", f"{numbers.abc2_ml:.1f} mL"),
        ("A x B x C", f"{numbers.a_mm:.0f} x {numbers.b_mm:.0f} x {numbers.c_mm:.0f} mm"),
        ("foci", str(numbers.foci)),
        ("bleeding slices", str(numbers.slices)),
    ]
    if numbers.hu_mean is not None:
        rows.append(("density", f"{numbers.hu_mean:.0f} ± {numbers.hu_sd:.0f} HU"))
    return rows
