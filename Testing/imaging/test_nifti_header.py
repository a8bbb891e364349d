"""NIfTI files state the place of their voxels twice; where the two disagree, somebody must say so."""

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.imaging.ct_files import read_ct
from Testing.imaging.images import ct_image


def sform(path, rows, code=1, qform_code=0):
    content = bytearray(path.read_bytes())
    content[252:256] = np.array([qform_code, code], "<i2").tobytes()
    content[280:328] = np.array(rows, "<f4").tobytes()
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 3, 0], "two voxel sizes"),
        ([0.5, 0, 0, 0, 0, 0.5, 1.5, 0, 0, 0, 4.77, 0], "sheared"),
        ([0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 3e3, 0], "two voxel sizes"),
    ],
)
def test_a_nifti_file_that_contradicts_itself_is_refused(tmp_path, rows, words):
    path = tmp_path / "ct.nii"
    sitk.WriteImage(ct_image(), str(path))
    sform(path, rows, qform_code=1)
    with pytest.raises(InputFileError, match=words):
        read_ct(path)


def test_a_nifti_file_in_micrometers_agrees_with_itself(tmp_path):
    path = tmp_path / "ct.nii"
    image = ct_image()
    image.SetSpacing((500.0, 500.0, 5000.0))
    sitk.WriteImage(image, str(path))
    sform(path, [-500, 0, 0, 10, 0, -500, 0, 20, 0, 0, 5000, 30], qform_code=1)
    content = bytearray(path.read_bytes())
    content[123] = 3
    path.write_bytes(content)
    assert read_ct(path).spacing == pytest.approx((5.0, 0.5, 0.5))


def test_an_atlas_beside_the_place_in_the_scanner_is_no_contradiction(tmp_path):
    path = tmp_path / "ct.nii"
    sitk.WriteImage(ct_image(), str(path))
    sform(path, [0.7, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 3, 0], code=4, qform_code=1)
    assert read_ct(path).spacing == pytest.approx((5.0, 0.5, 0.5))


# The sform that ITK writes for ``ct_image()``, by rows, in RAS.
AGREEING = np.array([[-0.5, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 5, 30]])


def turned(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ AGREEING


def shifted(*mm):
    return AGREEING + np.pad(np.array(mm)[:, None], ((0, 0), (3, 0)))


MIRRORED = AGREEING * [[-1, 1, 1, -1]]


@pytest.mark.parametrize("rows", [turned(180), turned(5), shifted(2, 0, 0), shifted(0, 0, -30)])
@pytest.mark.parametrize("qform_code", [1, 2])
def test_two_places_are_refused_or_both_are_named(tmp_path, rows, qform_code):
    path = tmp_path / "ct.nii"
    sitk.WriteImage(ct_image(), str(path))
    sform(path, rows.ravel(), code=1, qform_code=qform_code)
    if qform_code == 1:
        with pytest.raises(InputFileError, match=r"two places.*qform says L P S.*sform"):
            read_ct(path)
    else:
        (warning,) = read_ct(path).warnings
        assert "two places" in warning and "qform says L P S" in warning


@pytest.mark.parametrize("codes", [(1, 1), (2, 1), (1, 4)])
def test_another_left_and_right_is_refused(tmp_path, codes):
    path = tmp_path / "ct.nii"
    sitk.WriteImage(ct_image(), str(path))
    sform(path, MIRRORED.ravel(), *codes)
    with pytest.raises(InputFileError, match=r"left and right: its qform says L P S.*its sform R P S"):
        read_ct(path)


@pytest.mark.parametrize("angle", [0.0, 20.0, 170.0])
def test_what_itk_writes_agrees(tmp_path, angle):
    for name in ("ct.nii", "ct.nii.gz"):
        sitk.WriteImage(ct_image((30, 90, 90), angle=angle), str(tmp_path / name))
        assert read_ct(tmp_path / name).warnings == ()
