"""Arrays of a case lie as they should, and masks that do not lie on their CT are refused."""

import struct

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib import InputFileError, InvalidVolumeError
from ICHHPINetLib.datasets import check_cases, find_cases, read_case
from Testing.datasets import lookalikes
from Testing.datasets.lookalikes import SPACING, labels, volume, write


@pytest.mark.parametrize("stored", ["LPS", "RAS", "LAS", "PIR", "SLP"])
def test_volumes_of_any_orientation_come_out_canonical(stored, tmp_path):
    write(tmp_path / "a_ct.nii.gz", volume(), stored)
    write(tmp_path / "a_mask.nii.gz", labels(1), "RAS")
    read = read_case(find_cases(tmp_path)[0])
    assert np.array_equal(read.ct.hu, volume())
    assert np.array_equal(read.mask, labels(1))
    assert read.ct.spacing == pytest.approx(SPACING)
    assert read.ct.hu.flags.c_contiguous


def test_classes_are_merged_and_named(tmp_path):
    first, second = (read_case(case) for case in find_cases(lookalikes.bhsd(tmp_path)))
    assert np.array_equal(first.mask, labels(1, 1))
    assert first.bleed_types == ("intraparenchymal", "subdural")
    assert not second.mask.any()
    assert second.bleed_types == ()


def test_raters_are_outvoted(tmp_path):
    read = read_case(find_cases(lookalikes.mbh_seg(tmp_path))[0])
    assert np.array_equal(read.mask, labels(1, 1))
    assert read.bleed_types == ("intraparenchymal", "subarachnoid")


def test_two_raters_must_agree(tmp_path):
    folder = lookalikes.mbh_seg(tmp_path)
    next(folder.glob("*/label_annot_3.nii.gz")).unlink()
    assert np.array_equal(read_case(find_cases(folder)[0]).mask, labels(1))


@pytest.mark.parametrize(
    ("geometry", "complaint"),
    [
        ({"spacing": (5.0, 0.7, 0.6)}, "lies up to 2.2 mm beside a_ct.nii.gz"),
        ({"origin": (-3.0, 4.0, 25.0)}, "lies up to 5.0 mm beside a_ct.nii.gz"),
    ],
)
def test_a_mask_elsewhere_is_refused(geometry, complaint, tmp_path):
    lookalikes.pairs(tmp_path)
    write(tmp_path / "a_mask.nii.gz", labels(1), **geometry)
    with pytest.raises(InputFileError, match=f"case a: a_mask.nii.gz {complaint}"):
        read_case(find_cases(tmp_path)[0])


def test_a_mask_of_another_size_is_refused(tmp_path):
    lookalikes.pairs(tmp_path)
    write(tmp_path / "a_mask.nii.gz", labels(1)[:-1])
    with pytest.raises(
        InputFileError, match=r"a_mask\.nii\.gz has 10 x 12 x 5 voxels, a_ct\.nii\.gz has 10 x 12 x 6"
    ):
        read_case(find_cases(tmp_path)[0])


def test_a_mask_beside_by_rounding_is_taken(tmp_path):
    lookalikes.pairs(tmp_path)
    write(tmp_path / "a_mask.nii.gz", labels(1), spacing=(5.0, 0.503, 0.6), origin=(-3.1, 4.0, 20.0))
    assert read_case(find_cases(tmp_path)[0]).mask.any()


def test_a_mask_that_states_no_place_lies_on_the_voxels_of_its_ct(tmp_path):
    write(tmp_path / "a_ct.nii", volume(), "RAS")
    path = write(tmp_path / "a_mask.nii", labels(1), "RAS")
    content = bytearray(path.read_bytes())
    struct.pack_into("<hh", content, 252, 0, 0)
    struct.pack_into("<fff", content, 80, 1, 1, 1)
    path.write_bytes(content)
    assert sitk.ReadImage(str(path)).GetSpacing() == (1, 1, 1)
    assert np.array_equal(read_case(find_cases(tmp_path)[0]).mask, labels(1))


def test_all_misfits_are_named_at_once(tmp_path):
    for name in "abc":
        write(tmp_path / f"{name}_ct.nii", volume())
        write(tmp_path / f"{name}_mask.nii", labels(1)[: 6 if name == "b" else 2])
    (tmp_path / "c_mask.nii").write_bytes(b"nothing")
    with pytest.raises(InputFileError, match=r"case a: .*case c: .*move these cases away") as caught:
        check_cases(find_cases(tmp_path))
    assert "case b" not in str(caught.value)


def test_a_sheared_ct_is_told_from_a_damaged_one(tmp_path):
    lookalikes.pairs(tmp_path, ".nii")
    content = bytearray((tmp_path / "a_ct.nii").read_bytes())
    content[252:256] = struct.pack("<2h", 0, 1)
    shear = SPACING[0] * np.tan(np.deg2rad(20))
    rows = (SPACING[2], 0, 0, 0, 0, SPACING[1], shear, 0, 0, 0, SPACING[0], 0)
    content[280:328] = struct.pack("<12f", *rows)
    (tmp_path / "a_ct.nii").write_bytes(content)
    with pytest.raises(InputFileError, match="not perpendicular, as of a tilted gantry"):
        check_cases(find_cases(tmp_path))


def test_a_ct_that_is_none_is_named(tmp_path):
    write(tmp_path / "a_ct.nii", np.zeros(lookalikes.SHAPE, np.int16))
    with pytest.raises(InvalidVolumeError, match="Case a: Every voxel of the CT is 0"):
        read_case(find_cases(tmp_path)[0])


def test_a_windowed_ct_is_noted(tmp_path):
    write(tmp_path / "a_ct.nii", np.linspace(0, 255, volume().size).reshape(volume().shape).astype(np.uint8))
    assert any("windowed" in note for note in read_case(find_cases(tmp_path)[0]).notes)
