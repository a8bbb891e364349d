"""``ichhpinet compare``: two CTs of one patient, what changed and by which definitions."""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path

from .. import __version__
from ..errors import InputFileError
from ..imaging.output_files import write_bytes, write_json
from ..imaging.registration import Alignment, register, unshared_blood
from ..measurement.comparison import Comparison, Side, compare
from ..reporting.tables import Table
from .compared import Given, check_two_files, read_side
from .console import DISCLAIMER, console, print_tables, say, warn
from .output_checks import check_outputs, check_suffix

_EXAMPLES = """
examples:
  ichhpinet compare first.seg.nrrd second.seg.nrrd
  ichhpinet compare first.seg.nrrd second.seg.nrrd --baseline-ct first_dicom --followup-ct second_dicom \\
      --report growth.json --table growth.csv --picture growth.png
  ichhpinet compare first.mrb second.mrb --picture growth.png

BASELINE and FOLLOWUP are masks (.seg.nrrd, label maps, DICOM SEG), reports of 'ichhpinet segment' (.json)
or scenes that were saved in 3D Slicer (.mrb). Where a report of the same name, or report.json, lies beside a
mask and is of its volume, the likely volume is taken from there.

It states which definitions of hematoma expansion are met, and never whether a hematoma grew.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = _EXAMPLES
    what = "mask (.seg.nrrd, label map, DICOM SEG), report of segment (.json) or scene (.mrb)"
    parser.add_argument("baseline", metavar="BASELINE", type=Path, help=f"the earlier one: {what}")
    parser.add_argument("followup", metavar="FOLLOWUP", type=Path, help="the later one, likewise")
    parser.add_argument("--baseline-ct", metavar="CT", type=Path, help="CT of the baseline mask")
    parser.add_argument("--followup-ct", metavar="CT", type=Path, help="CT of the follow-up mask")
    parser.add_argument(
        "--label",
        metavar="N",
        type=int,
        help="count only voxels of this label in both masks (default: all but 0)",
    )
    parser.add_argument("--report", metavar="FILE", type=Path, help="also write the numbers (.json)")
    parser.add_argument(
        "--table", metavar="FILE", type=Path, help="also write them as a row of a table (.csv)"
    )
    parser.add_argument(
        "--picture", metavar="FILE", type=Path, help="also write both CTs side by side (.png); needs both CTs"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command; ICHHPINetError on bad input."""
    _check_outputs(arguments)
    check_two_files(arguments.baseline, arguments.followup, "baseline and follow-up")
    if arguments.baseline_ct and arguments.followup_ct:
        check_two_files(arguments.baseline_ct, arguments.followup_ct, "CTs")
    one = read_side(arguments.baseline, arguments.baseline_ct, arguments.label)
    other = read_side(arguments.followup, arguments.followup_ct, arguments.label)
    if arguments.picture:
        _check_drawable(one, other)
    found = compare(one.side, other.side)
    warnings = [
        *(f"Baseline: {text}" for text in one.warnings),
        *(f"Follow-up: {text}" for text in other.warnings),
        *found.warnings,
    ]
    alignment = None
    if one.ct is not None and other.ct is not None:
        with console().status("laying the two CTs on each other"):
            alignment = register(one.ct, other.ct)
        warnings += unshared_blood((one.ct, other.ct), (one.mask, other.mask), alignment)
    picture = None
    if arguments.picture:
        from ..reporting.comparison_picture import comparison_picture

        title = f"{found.baseline.name} · {found.followup.name}"
        masks = one.mask, other.mask
        picture = comparison_picture(found, (one.ct, other.ct), masks, alignment, title, warnings)
    if arguments.report:
        write_json(arguments.report, _report(found, warnings, alignment))
    if arguments.table:
        write_bytes(arguments.table, _row(found, warnings))
    if picture:
        write_bytes(arguments.picture, picture)
    _print(found, warnings)
    written = [path for path in _outputs(arguments) if path]
    if written:
        say(f"Written: {', '.join(str(path) for path in written)}")


def _outputs(arguments: argparse.Namespace) -> list[Path | None]:
    return [arguments.report, arguments.table, arguments.picture]


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Everything that would spoil the end of the work, found at its start."""
    kinds = ((".json", "A report"), (".csv", "A table"), (".png", "A picture"))
    given = [(path, kind) for path, kind in zip(_outputs(arguments), kinds, strict=True) if path]
    for path, (suffix, what) in given:
        check_suffix(path, (suffix,), what)
    inputs = (arguments.baseline, arguments.followup, arguments.baseline_ct, arguments.followup_ct)
    check_outputs((path for path, _ in given), [path for path in inputs if path])
    if arguments.picture:
        from ..reporting.drawing import require_matplotlib

        require_matplotlib()


def _check_drawable(one: Given, other: Given) -> None:
    if one.mask is None or other.mask is None:
        raise InputFileError(
            "A picture needs the masks; a report holds numbers alone. Name the masks instead."
        )
    if one.ct is None or other.ct is None:
        raise InputFileError("A picture needs both CTs. Name them with --baseline-ct and --followup-ct.")


def _report(found: Comparison, warnings: list[str], alignment: Alignment | None) -> dict:
    registration = None
    if alignment is not None:
        registration = {
            "registered": alignment.transform is not None,
            "turn_degrees": alignment.turn_degrees,
            "shift_mm": alignment.shift_mm,
            "correlation": alignment.correlation,
            "reason": alignment.reason or None,
        }
    return {
        "notice": DISCLAIMER,
        "software": f"ichhpinet {__version__}",
        "volume_is": "all marked intracranial blood, ventricles included",
        **found.as_dict(),
        "registration": registration,
        "warnings": warnings,
    }


def _row(found: Comparison, warnings: list[str]) -> bytes:
    row = {**found.as_row(), "warnings": " ".join(warnings), "notice": DISCLAIMER}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(row))
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue().encode()


def _print(found: Comparison, warnings: list[str]) -> None:
    warn(warnings)
    percent = "" if found.difference_percent is None else f" ({found.difference_percent:+.0f} %)"
    likely = (
        ""
        if found.likely_difference_ml is None
        else "{:+.1f} to {:+.1f} mL".format(*found.likely_difference_ml)
    )
    one, other = found.baseline, found.followup
    rows = [
        (
            "volume",
            *(f"{side.volume_ml:.1f} mL" for side in (one, other)),
            f"{found.difference_ml:+.1f} mL{percent}",
        ),
        ("made by", _maker(one), _maker(other), ""),
        ("likely", _interval(one), _interval(other), likely),
        ("ABC/2", *(f"{side.measurement.abc2_ml:.1f} mL" for side in (one, other)), ""),
        ("foci", *(str(side.measurement.foci) for side in (one, other)), ""),
        ("density", _density(one), _density(other), ""),
        ("acquired", one.acquisition.when, other.acquisition.when, found.between),
        ("slices", _step(one), _step(other), ""),
    ]
    shown = [row for row in rows if any(row[1:])]
    print_tables(
        [Table(f"{one.name} and {other.name}", ("", "Baseline", "Follow-up", "Difference"), tuple(shown))]
    )
    rows = [(one.words, one.answer, one.citation) for one in found.definitions]
    print_tables(
        [Table("Definitions of hematoma expansion", ("Definition", "Answer", "Source"), tuple(rows))]
    )
    for text in found.statements:
        say(text)
    if not found.between:
        say("The time between the two CTs is not known: nothing in the files tells it.")
    say(DISCLAIMER)


def _maker(side: Side) -> str:
    return "first guess, no scribble" if side.is_guess else ""


def _interval(side: Side) -> str:
    return "" if side.interval_ml is None else "{:.1f} to {:.1f} mL".format(*side.interval_ml)


def _density(side: Side) -> str:
    numbers = side.measurement
    return "" if numbers.hu_mean is None else f"{numbers.hu_mean:.0f} ± {numbers.hu_sd:.0f} HU"


def _step(side: Side) -> str:
    step = side.acquisition.step_mm
    return "" if step is None else f"{step:.3g} mm apart"
