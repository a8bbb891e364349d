"""Folders arranged like the public data sets, with a few tiny generated CTs."""

import csv
import json

import numpy as np
import SimpleITK as sitk

from ICHHPINetLib.datasets.case import BLEED_TYPES

SHAPE = (6, 12, 10)
SPACING = (5.0, 0.5, 0.6)
SLICE_COLUMNS = ["PatientNumber", "SliceNumber", *map(str.capitalize, BLEED_TYPES)]
SLICE_COLUMNS += ["No_Hemorrhage", "Fracture_Yes_No"]


def volume():
    """HU (Z, Y, X) in which no voxel equals its mirror image."""
    return (np.arange(np.prod(SHAPE)).reshape(SHAPE) - 40).astype(np.int16)


def labels(*values):
    """Label values in one corner each, a bar along x, from the feet upwards."""
    array = np.zeros(SHAPE, np.uint8)
    for row, value in enumerate(values):
        array[1, 2 + row, 3:6] = value
    return array


def image(array, spacing=SPACING, origin=(-3.0, 4.0, 20.0)):
    """A canonical (LPS) SimpleITK image."""
    made = sitk.GetImageFromArray(array)
    made.SetSpacing(spacing[::-1])
    made.SetOrigin(origin)
    return made


def write(path, array, orientation="LPS", **geometry):
    """Write a canonical array, stored in the given orientation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.DICOMOrient(image(array, **geometry), orientation), str(path))
    return path


def write_table(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def pairs(folder, ending=".nii.gz"):
    """Case a with a bleed, case b without mask."""
    write(folder / f"a_ct{ending}", volume())
    write(folder / f"a_mask{ending}", labels(1))
    write(folder / f"b_ct{ending}", volume())
    return folder


def ct_ich(folder):
    """Patient 49 with two bleed types and 100 without a bleed, as in release 1.3.1."""
    for name, drawn in (("049", labels(1)), ("100", labels())):
        write(folder / "ct_scans" / f"{name}.nii", volume(), "RAS")
        write(folder / "masks" / f"{name}.nii", drawn, "RAS")
    slices = [SLICE_COLUMNS]
    slices += [[49, 1, 0, 1, 0, 0, 0, 0, 0], [49, 2, 0, 0, 0, 1, 0, 0, 1], [49, 3, 0, 0, 0, 0, 0, 1, 0]]
    slices += [[100, 1, 0, 0, 0, 0, 0, 1, 0]]
    write_table(folder / "hemorrhage_diagnosis_raw_ct.csv", slices)
    diagnosis = "Hemorrhage type based on the radiologists diagnosis "
    patients = [
        [
            "Patient Number",
            "Age\n(years)",
            "Gender",
            diagnosis,
            "",
            "",
            "",
            "",
            "Fracture (yes 1/no 0)",
            "Note1",
        ],
        ["", "", "", *map(str.capitalize, BLEED_TYPES), "", ""],
        ["49", "0.5", "Male", "", "1", "", "1", "", "", ""],
        ["100", "31", "Female", "", "", "", "", "", "", "Motion"],
    ]
    write_table(folder / "Patient_demographics.csv", patients)
    return folder


def bhsd(folder):
    """One volume with two of the five classes, one with none."""
    for name, drawn in (("ID_05331dc6_ID_47213b7e2e", labels(2, 5)), ("ID_089596a9_ID_ea71b57820", labels())):
        write(folder / "label_192" / "images" / f"{name}.nii.gz", volume())
        write(folder / "label_192" / "ground truths" / f"{name}.nii.gz", drawn)
    return folder


def mbh_seg(folder):
    """A case of three raters: all see class 2, two see class 4, one sees class 1."""
    case = folder / "ID_90ae3af3_ID_8d77fcb5d2"
    write(case / "image.nii.gz", volume())
    write(case / "label_annot_1.nii.gz", labels(2, 4, 1))
    write(case / "label_annot_3.nii.gz", labels(2, 4))
    write(case / "label_annot_5.nii.gz", labels(2))
    return folder


def instance(folder):
    """Two cases of the training set."""
    for name in ("001", "002"):
        write(folder / "train_2" / "data" / f"{name}.nii.gz", volume())
        write(folder / "train_2" / "label" / f"{name}.nii.gz", labels(1))
    return folder


def nnunet(folder, described=None, drawn=None, channel="_0000"):
    """A case with a label and one without."""
    for name in ("ICH_001", "ICH_002"):
        write(folder / "imagesTr" / f"{name}{channel}.nii.gz", volume())
    write(folder / "labelsTr" / "ICH_001.nii.gz", labels(1) if drawn is None else drawn)
    if described is not None:
        (folder / "dataset.json").write_text(json.dumps(described))
    return folder
