"""``ichhpinet measure``: numbers of an existing mask."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from ..evaluation.report import Table, print_tables
from ..imaging.hu_calibration import to_hu
from ..imaging.io import CTImage, check_perpendicular, doubts_about_size, read_ct, read_image
from ..imaging.orientation import to_canonical
from ..imaging.scribble_files import segment_names
from ..measurement import Measurement, measure
from . import outputs
from .console import DISCLAIMER, say, warn

# In mm; positions in files are rounded to about this.
_SAME_PLACE = 1e-2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.epilog = (
        "examples:\n"
        "  ichhpinet measure hematoma.seg.nrrd\n"
        "  ichhpinet measure labels.nii.gz --label 3 --ct ct.nii.gz --report numbers.json"
    )
    parser.add_argument(
        "mask", metavar="MASK", type=Path, help="segmentation (.seg.nrrd) or label map: NRRD, NIfTI, MHA"
    )
    parser.add_argument(
        "--label", metavar="N", type=int, help="count only voxels of this label (default: all but 0)"
    )
    parser.add_argument("--ct", metavar="CT", type=Path, help="CT of the mask, for its Hounsfield units")
    parser.add_argument("--report", metavar="FILE", type=Path, help="also write the numbers (.json)")


def run(arguments: argparse.Namespace) -> None:
    """Run the command; ICHHPINetError on bad input."""
    if arguments.report:
        outputs.check_suffix(arguments.report, (".json",), "A report")
        inputs = [path for path in (arguments.mask, arguments.ct) if path]
        outputs.check_outputs([arguments.report], inputs)
    image = _read_mask(arguments.mask)
    labels = sitk.GetArrayViewFromImage(image)
    marked = labels != 0 if arguments.label is None else labels == arguments.label
    if arguments.label is not None and not marked.any():
        present = ", ".join(str(label) for label in np.unique(labels)[:10])
        raise InputFileError(
            f"'{arguments.mask}' holds no voxel of label {arguments.label}; its labels are {present}. "
            "Check the file."
        )
    warnings = [*doubts_about_size(image), *_several_labels(arguments, image, labels)]
    if not marked.any():
        warnings.append("Nothing is marked in this mask.")
    mask, order = to_canonical(marked, np.array(image.GetDirection()).reshape(3, 3))
    volume = None
    if arguments.ct:
        ct = read_ct(arguments.ct)
        _check_grid(arguments, image, ct)
        hu, assumptions = to_hu(ct.array)
        volume, warnings = order.apply(hu), [*warnings, *ct.warnings, *assumptions]
    numbers = measure(mask, order.spacing(image.GetSpacing()[::-1]), volume)
    if arguments.report:
        content = {
            "mask": arguments.mask.name,
            "notice": DISCLAIMER,
            "warnings": warnings,
            **numbers.as_dict(),
        }
        outputs.write_json(arguments.report, content)
    warn(warnings)
    print_tables([Table(arguments.mask.name, ("", "Value"), tuple(_rows(numbers)))])
    say(DISCLAIMER)


def _several_labels(arguments: argparse.Namespace, image: sitk.Image, labels: np.ndarray) -> list[str]:
    """A warning where voxels of more than one label are added up, with what they are called."""
    present = [int(label) for label in np.unique(labels) if label]
    if arguments.label is not None or len(present) < 2:
        return []
    names = segment_names(image)
    listed = ", ".join(
        f"{label} ({names[label]})" if label in names else str(label) for label in present[:10]
    )
    return [f"All labels were added up: {listed}. Choose one with --label where only one of them is blood."]


def _read_mask(path: Path) -> sitk.Image:
    image = read_image(path)
    if image.GetDimension() != 3:
        raise InputFileError(f"'{path}' holds a single slice. Name a mask of the whole volume.")
    check_perpendicular(image, path)
    if image.GetPixelID() not in (sitk.sitkFloat32, sitk.sitkFloat64):
        return image
    values = sitk.GetArrayViewFromImage(image)
    if not np.array_equal(values, np.rint(values)):
        raise InputFileError(f"'{path}' holds fractions, not labels. Name a mask or a label map.")
    return sitk.Cast(image, sitk.sitkInt32)


def _check_grid(arguments: argparse.Namespace, mask: sitk.Image, ct: CTImage) -> None:
    same = mask.GetSize() == ct.image.GetSize() and all(
        np.allclose(getattr(mask, name)(), getattr(ct.image, name)(), atol=_SAME_PLACE)
        for name in ("GetSpacing", "GetOrigin", "GetDirection")
    )
    if not same:
        raise InputFileError(
            f"'{arguments.mask}' and '{arguments.ct}' lie on different voxel grids. "
            "Name the CT on which the mask was drawn, or leave --ct out."
        )


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
