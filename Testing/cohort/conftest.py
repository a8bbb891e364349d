"""A registry of CTs of next to no size."""

import csv

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("distributed")
pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

from ICHHPINetLib import cli
from Testing.experiments.conftest import SHAPE, SPACING, bleed, head


@pytest.fixture
def registry(tmp_path):
    """Folder of three CTs and a damaged one, a mask, scribbles, and a table of these."""
    folder = tmp_path / "registry"
    (folder / "b").mkdir(parents=True)
    truth, scribbles = bleed(), np.zeros(SHAPE, np.uint8)
    scribbles[3, 26, 26:34] = 1
    write(head(truth, 0), folder / "a.nii.gz")
    write(head(bleed(4), 1), folder / "b" / "ct.nii.gz")
    write(head(bleed(-3), 2), folder / "c.nrrd")
    write(truth.astype(np.uint8), folder / "a_mask.nii.gz")
    write(scribbles, folder / "a_scribbles.nrrd")
    (folder / "damaged.nii.gz").write_bytes((folder / "a.nii.gz").read_bytes()[:500])
    lines = (
        ("id", "ct", "mask", "scribbles", "age"),
        ("measured", "a.nii.gz", "a_mask.nii.gz", "", "61"),
        ("refined", "a.nii.gz", "", "a_scribbles.nrrd;a_scribbles.nrrd", ""),
        ("guessed", "b/ct.nii.gz", "", "", ""),
        ("of another CT", "none.nii.gz", "", "", ""),
    )
    with (folder / "cases.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return folder


def write(array, path):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING[::-1])
    sitk.WriteImage(image, str(path))


@pytest.fixture
def cohort(scheduler, tiny_weights, tmp_path, capsys):
    """Runs ``ichhpinet cohort`` into the folder "out"; the rows of its table by id, and what it printed."""

    def run(given, *more, code=0):
        words = ["cohort", given, "-o", tmp_path / "out", "--scheduler", scheduler, "--device", "cpu"]
        assert cli.main([*map(str, words), "--weights", str(tiny_weights), *map(str, more)]) == code
        table = tmp_path / "out" / "results.csv"
        rows = list(csv.DictReader(table.open())) if table.exists() else []
        printed = capsys.readouterr()
        return {row["id"]: row for row in rows}, printed.out + printed.err

    return run
