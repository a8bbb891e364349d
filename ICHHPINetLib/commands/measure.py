"""``ichhpinet measure``: numbers of an existing mask."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..dicom_export.sr import is_report, read_sr
from ..errors import InputFileError
from ..imaging.ct import CT
from ..imaging.ct_files import read_ct
from ..imaging.label_files import check_series, read_labels
from ..imaging.mask_files import marked, on_ct
from ..imaging.orientation import to_canonical
from ..imaging.output_files import write_json
from ..measurement import Measurement, measure
from ..reporting.tables import Table
from .console import DISCLAIMER, print_tables, say, warn
from .output_checks import check_outputs, check_suffix


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = (
        "examples:\n"
        "  ichhpinet measure hematoma.seg.nrrd\n"
        "  ichhpinet measure labels.nii.gz --label 3 --ct ct.nii.gz --report numbers.json\n"
        "  ichhpinet measure numbers.dcm        # a report that segment --dicom-sr wrote"
    )
    parser.add_argument(
        "mask",
        metavar="MASK",
        type=Path,
        help="segmentation (.seg.nrrd), label map (NRRD, NIfTI, MHA) or DICOM SEG; or a report of "
        "segment --dicom-sr, of which the numbers are shown",
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
    if is_report(arguments.mask):
        _show_report(arguments)
        return
    ct = read_ct(arguments.ct) if arguments.ct else None
    found = measure_file(arguments.mask, arguments.label, ct, arguments.ct)
    if arguments.report:
        write_json(arguments.report, measure_report(arguments.mask, found))
    warn(found.warnings)
    print_tables([Table(arguments.mask.name, ("", "Value"), tuple(_rows(found.numbers)))])
    say(DISCLAIMER)


class Measured(NamedTuple):
    """``mask`` is (Z, Y, X) in canonical order; on the voxels of the CT where there is one."""

    numbers: Measurement
    mask: np.ndarray
    warnings: list[str]


def measure_file(path: Path, label: int | None, ct: CT | None, ct_path: Path | None) -> Measured:
    """Measure a mask file, of ``label`` or of all labels, on the voxels of ``ct`` if given.

    Raises InputFileError or InvalidVolumeError for what is no mask, or one of another CT.
    """
    file = read_labels(path)
    marks, said = marked(file, label)
    warnings = [*file.warnings, *said]
    if not marks.any():
        warnings.append("Nothing is marked in this mask.")
    grid, volume = file.grid, None
    if ct is not None and ct_path is not None:
        check_series(file, ct.geometry)
        grid, volume = ct.file_geometry.image, ct.hu
        marks = on_ct(marks, file, grid, ct_path)
        warnings += ct.warnings
    mask, order = to_canonical(marks, np.array(grid.GetDirection()).reshape(3, 3))
    return Measured(measure(mask, order.spacing(grid.GetSpacing()[::-1]), volume), mask, warnings)


def measure_report(path: Path, found: Measured) -> dict[str, Any]:
    """Everything about a measured mask as JSON-ready values."""
    return {
        "mask": path.name,
        "notice": DISCLAIMER,
        "warnings": found.warnings,
        **found.numbers.as_dict(),
    }


def _show_report(arguments: argparse.Namespace) -> None:
    """The numbers of a DICOM report, which has no voxels to measure."""
    if arguments.ct or arguments.label is not None:
        raise InputFileError(
            f"'{arguments.mask}' is a DICOM report, which has numbers and no voxels. Leave --ct and --label "
            "out, or name the segmentation (SEG)."
        )
    numbers, is_guess = read_sr(arguments.mask)
    warnings = ["These are the numbers of the report; nothing was measured again."]
    if is_guess:
        warnings.append("They are of a first guess that nobody has checked.")
    shown = dict(numbers)
    low, high = (shown.pop(f"likely_{end}_ml", None) for end in ("from", "to"))
    if arguments.report:
        content = {"report": arguments.mask.name, "notice": DISCLAIMER, "warnings": warnings, **shown}
        content |= {"likely_volume_ml": None if low is None else [low, high], "is_first_guess": is_guess}
        write_json(arguments.report, content)
    rows = [("volume", f"{shown['volume_ml']:.1f} mL")]
    if low is not None and high is not None:
        rows.append(("likely", f"{low:.1f} to {high:.1f} mL"))
    rows.append(("ABC/2", f"{shown['abc2_ml']:.1f} mL"))
    rows += [(name, f"{shown[name]:.0f}") for name in ("foci", "rounds") if name in shown]
    if "hu_mean" in shown and "hu_sd" in shown:
        rows.append(("density", f"{shown['hu_mean']:.0f} ± {shown['hu_sd']:.0f} HU"))
    warn(warnings)
    print_tables([Table(arguments.mask.name, ("", "Value"), tuple(rows))])
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
