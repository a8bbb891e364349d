"""Finding, choosing and reading cases."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.datasets import splits
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.evaluation.cases import find_cases, select_fold
from Testing.datasets import lookalikes

SPACING_XYZ = (0.5, 0.6, 5.0)


def write(path, array, direction=None):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING_XYZ)
    if direction is not None:
        image.SetDirection(direction)
    sitk.WriteImage(image, str(path))


@pytest.fixture
def folder(tmp_path):
    """Cases a (3 bleeding slices), b (1), c (no bleed) and d (no mask file)."""
    rng = np.random.default_rng(0)
    for name, slices in (("a", 3), ("b", 1), ("c", 0), ("d", None)):
        write(tmp_path / f"{name}_ct.nii.gz", rng.normal(30, 5, (5, 12, 10)).astype(np.int16))
        if slices is not None:
            mask = np.zeros((5, 12, 10), np.uint8)
            mask[1 : 1 + slices, 4:7, 3:6] = 1
            write(tmp_path / f"{name}_mask.nii.gz", mask)
    (tmp_path / "cases.csv").write_text("id,slices,lobar,subdural\na,5,2,0\nb,5,1,1\n")
    return tmp_path


def test_finds_cases_by_bleeding_slices(folder):
    assert [case.id for case in find_cases(folder)] == ["a", "b"]
    assert [case.id for case in find_cases(folder, min_slices=3)] == ["a"]


def test_reads_bleed_types_where_there_are_any(folder):
    assert [case.bleed_types for case in find_cases(folder)] == [("lobar",), ("lobar", "subdural")]
    (folder / "cases.csv").unlink()
    assert find_cases(folder)[0].bleed_types == ()


def test_loads_arrays_in_axial_order(tmp_path):
    volume = np.arange(4 * 6 * 8, dtype=np.int16).reshape(4, 6, 8)
    mask = np.zeros((4, 6, 8), np.uint8)
    mask[0, 1, 2] = 1
    # Stored head to feet: the last slice comes first.
    upside_down = (1, 0, 0, 0, 1, 0, 0, 0, -1)
    write(tmp_path / "x_ct.nii.gz", volume, upside_down)
    write(tmp_path / "x_mask.nii.gz", mask, upside_down)

    loaded = find_cases(tmp_path)[0].load()

    assert loaded.ct.spacing == pytest.approx(SPACING_XYZ[::-1])
    assert np.argwhere(loaded.truth).tolist() == [[3, 1, 2]]
    assert loaded.ct.hu[loaded.truth] == volume[0, 1, 2]


@pytest.mark.parametrize("layout", ["ct_ich", "bhsd", "mbh_seg", "instance", "nnunet"])
def test_evaluates_the_masked_cases_of_any_layout(layout, tmp_path):
    cases = find_cases(getattr(lookalikes, layout)(tmp_path))
    assert [case.bleeding_slices for case in cases] == [1] * len(cases)
    assert cases[0].bleed_types == {
        "ct_ich": ("intraparenchymal", "epidural"),
        "bhsd": ("intraparenchymal", "subdural"),
        "mbh_seg": ("intraparenchymal", "subarachnoid"),
    }.get(layout, ())
    loaded = cases[0].load()
    assert loaded.truth.dtype == bool
    assert loaded.truth.any()
    assert loaded.truth.shape == loaded.ct.hu.shape


def test_a_folder_without_masks_is_explained(tmp_path):
    write(tmp_path / "a_ct.nii.gz", np.zeros((5, 12, 10), np.int16))
    with pytest.raises(InputFileError, match="Add the masks"):
        find_cases(tmp_path)


def test_mask_on_another_grid_is_refused(folder):
    write(folder / "a_mask.nii.gz", np.ones((5, 12, 10), np.uint8), (0, 1, 0, -1, 0, 0, 0, 0, 1))
    with pytest.raises(InputFileError, match="Resample the mask"):
        find_cases(folder)[0].load()


def test_unusable_folders_are_explained(tmp_path, folder):
    with pytest.raises(InputFileError, match="not a folder"):
        find_cases(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputFileError, match="No data set"):
        find_cases(tmp_path / "empty")
    with pytest.raises(InputFileError, match="Ask for fewer"):
        find_cases(folder, min_slices=4)


def test_selects_a_fold(folder, monkeypatch):
    monkeypatch.setattr(splits, "folds", lambda: [["b", "x"], ["y"]])
    cases = find_cases(folder)
    assert [case.id for case in select_fold(cases, 0)] == ["b"]
    with pytest.raises(InputFileError, match="without a fold"):
        select_fold(cases, 1)
    for wrong in (2, -1):
        with pytest.raises(InputFileError, match="0 to 1"):
            select_fold(cases, wrong)
