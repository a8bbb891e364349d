"""CTs come in with their geometry, or with a message that says what to do."""

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.errors import InputFileError, InvalidVolumeError
from ICHHPINetLib.imaging.ct_files import read_ct
from Testing.imaging.images import ct_image, write_series


@pytest.mark.parametrize("ending", [".nrrd", ".nii", ".nii.gz", ".mha", ".mhd"])
@pytest.mark.parametrize("angle", [0.0, 20.0])
def test_files(tmp_path, ending, angle):
    image = ct_image(angle=angle)
    path = tmp_path / f"case 07.b{ending}"
    sitk.WriteImage(image, str(path))
    ct = read_ct(path)
    np.testing.assert_array_equal(ct.hu, sitk.GetArrayFromImage(image))
    assert ct.spacing == pytest.approx((5.0, 0.5, 0.5))
    assert ct.name == "case 07.b"
    assert ct.warnings == ()
    np.testing.assert_allclose(ct.geometry.image.GetDirection(), image.GetDirection(), atol=1e-5)
    np.testing.assert_allclose(ct.geometry.image.GetOrigin(), image.GetOrigin(), atol=1e-4)


def test_time_series_of_one_is_a_volume(tmp_path):
    image = ct_image()
    sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / "ct.nii.gz"))
    np.testing.assert_array_equal(read_ct(tmp_path / "ct.nii.gz").hu, sitk.GetArrayFromImage(image))


def test_windowed_export_is_a_warning(tmp_path):
    image = sitk.Cast(sitk.IntensityWindowing(ct_image(), -300, 300, 0, 255), sitk.sitkUInt8)
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    (warning, *_) = read_ct(tmp_path / "ct.nrrd").warnings
    assert "windowed export" in warning


def two_times():
    return sitk.JoinSeries([ct_image(), ct_image()])


def color():
    return sitk.Compose([ct_image()] * 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (two_times, "4 dimensions.*one time point"),
        (color, "3 values a voxel.*RGB.*original"),
        (lambda: ct_image()[:, :, 0], "single 2D slice.*whole series"),
        (lambda: ct_image()[:, :, :1], "single 2D slice.*whole series"),
    ],
)
def test_not_a_volume(tmp_path, make, words):
    sitk.WriteImage(make(), str(tmp_path / "ct.nrrd"))
    with pytest.raises(InputFileError, match=words):
        read_ct(tmp_path / "ct.nrrd")


def test_constant_volume(tmp_path):
    sitk.WriteImage(ct_image() * 0, str(tmp_path / "ct.nrrd"))
    with pytest.raises(InvalidVolumeError, match="Every voxel"):
        read_ct(tmp_path / "ct.nrrd")


def test_missing_file(tmp_path):
    with pytest.raises(InputFileError, match=r"does not exist.*DICOM folder"):
        read_ct(tmp_path / "nowhere.nrrd")


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".dcm", ".txt"])
def test_unreadable_file(tmp_path, ending):
    path = tmp_path / f"ct{ending}"
    path.write_bytes(b"no image" * 40)
    with pytest.raises(InputFileError, match=r"could not be read.*complete"):
        read_ct(path)


@pytest.mark.parametrize("ending", [".nrrd", ".nii", ".nii.gz", ".mha"])
def test_truncated_file(tmp_path, ending):
    path = tmp_path / f"ct{ending}"
    sitk.WriteImage(ct_image(), str(path))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputFileError, match=r"ct\..*could not be read.*cut off"):
        read_ct(path)


def test_a_file_of_the_same_name_lies_beside(tmp_path):
    sitk.WriteImage(ct_image() + 100, str(tmp_path / "ct.nii"))
    sitk.WriteImage(ct_image(), str(tmp_path / "ct.nii.gz"))
    np.testing.assert_array_equal(read_ct(tmp_path / "ct.nii.gz").hu, sitk.GetArrayFromImage(ct_image()))


@pytest.mark.parametrize("angle", [0.0, 20.0])
def test_dicom_folder(tmp_path, angle):
    image = ct_image(angle=angle)
    write_series(tmp_path / "head", image)
    ct = read_ct(tmp_path / "head")
    np.testing.assert_array_equal(ct.hu, sitk.GetArrayFromImage(image))
    assert ct.spacing == pytest.approx((5.0, 0.5, 0.5), abs=1e-5)
    assert ct.name == "head"
    assert ct.warnings == ()
    np.testing.assert_allclose(ct.geometry.image.GetOrigin(), image.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(ct.geometry.image.GetDirection(), image.GetDirection(), atol=1e-5)


def test_dicom_in_the_only_sub_folder(tmp_path):
    write_series(tmp_path / "series", ct_image())
    (tmp_path / "notes.txt").write_text("exported yesterday")
    assert read_ct(tmp_path).hu.shape == (6, 20, 24)


def test_two_series_are_named(tmp_path):
    write_series(tmp_path / "head", ct_image(), uid="1.2.3.4", description="Head 5 mm")
    write_series(tmp_path / "head", ct_image((9, 20, 24)), uid="1.2.3.5", description="Bone", prefix="bone")
    with pytest.raises(InputFileError) as error:
        read_ct(tmp_path / "head")
    message = str(error.value)
    for words in (
        "2 series",
        "Head 5 mm, CT: 6 slices, UID 1.2.3.4",
        "Bone, CT: 9 slices",
        "folder of their own",
    ):
        assert words in message
    assert read_ct(tmp_path / "head", "1.2.3.5").hu.shape[0] == 9
    with pytest.raises(InputFileError, match=r"no series 9\.9"):
        read_ct(tmp_path / "head", "9.9")


def test_a_disc_with_a_folder_for_patient_study_and_series(tmp_path):
    write_series(tmp_path / "disc" / "DICOM" / "PA1" / "ST1" / "SE1", ct_image(), uid="1.2.3.4")
    assert read_ct(tmp_path / "disc").hu.shape[0] == 6
    write_series(tmp_path / "disc" / "DICOM" / "PA1" / "ST1" / "SE2", ct_image((9, 20, 24)), uid="1.2.3.5")
    assert read_ct(tmp_path / "disc", "1.2.3.5").hu.shape[0] == 9


@pytest.mark.parametrize(("skip", "guess"), [((3,), "1 missing"), ((2, 3), "2 missing")])
def test_missing_slices_are_located(tmp_path, skip, guess):
    write_series(tmp_path / "head", ct_image((9, 20, 24)), skip=skip)
    with pytest.raises(
        InputFileError, match=rf"{guess}.*between 'slice_.*5\.00 mm elsewhere.*all its slices"
    ):
        read_ct(tmp_path / "head")


def test_slices_on_the_same_spot(tmp_path):
    write_series(tmp_path / "head", ct_image())
    write_series(tmp_path / "head", ct_image((3, 20, 24)) + 1, prefix="again")
    with pytest.raises(InputFileError, match=r"same spot.*keep one"):
        read_ct(tmp_path / "head")


def test_localizer_in_the_series(tmp_path):
    write_series(tmp_path / "head", ct_image())
    write_series(tmp_path / "head", ct_image((2, 30, 30)), prefix="scout")
    with pytest.raises(InputFileError, match=r"size or orientation.*localizer"):
        read_ct(tmp_path / "head")


def test_gantry_tilt_keeps_the_slice_distance(tmp_path):
    write_series(tmp_path / "head", ct_image(), shear_mm=5.0 * np.tan(np.radians(20)))
    ct = read_ct(tmp_path / "head")
    assert ct.spacing[0] == pytest.approx(5.0)
    (warning,) = ct.warnings
    assert "tilted by 20 degrees" in warning


def test_single_dicom_file(tmp_path):
    write_series(tmp_path / "head", ct_image())
    path = sorted((tmp_path / "head").iterdir())[0]
    with pytest.raises(InputFileError, match=r"one slice of a DICOM series.*Name its folder"):
        read_ct(path)


def test_series_of_one_slice(tmp_path):
    write_series(tmp_path / "head", ct_image(), skip=range(1, 6))
    with pytest.raises(InputFileError, match=r"single slice.*whole series"):
        read_ct(tmp_path / "head")


def test_folder_without_images(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(InputFileError, match="No DICOM image series"):
        read_ct(tmp_path)


def test_sheared_file_is_refused(tmp_path):
    image = ct_image()
    tilt = np.deg2rad(20)
    image.SetDirection((1, 0, 0, 0, 1, np.sin(tilt), 0, 0, np.cos(tilt)))
    sitk.WriteImage(image, str(tmp_path / "tilted.nrrd"))
    with pytest.raises(InputFileError, match="sheared"):
        read_ct(tmp_path / "tilted.nrrd")


def test_directions_rounded_to_two_digits_are_read(tmp_path):
    image = ct_image(angle=20.0)
    sitk.WriteImage(image, str(tmp_path / "ct.mha"))
    rounded = " ".join(f"{value:.2f}" for value in image.GetDirection())
    text = (tmp_path / "ct.mha").read_bytes()
    start = text.index(b"TransformMatrix = ")
    end = text.index(b"\n", start)
    (tmp_path / "rounded.mha").write_bytes(
        text[:start] + f"TransformMatrix = {rounded}".encode() + text[end:]
    )
    assert read_ct(tmp_path / "rounded.mha").hu.shape == (6, 20, 24)
