"""Series from which no true milliliters could come are refused, or said to be doubtful."""

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.errors import InputFileError, InvalidScribblesError
from ICHHPINetLib.imaging.ct_files import read_ct
from ICHHPINetLib.imaging.scribble_files import read_scribbles
from ICHHPINetLib.imaging.writing import write_labelmap
from Testing.imaging.images import ct_image, write_series


def change_tags(**of_slice):
    """``of_slice`` maps "all" or "s3" to tags that replace those of the slices."""

    def change(index, image, tags):
        for name in ("all", f"s{index}"):
            for tag, value in of_slice.get(name, {}).items():
                if value is None:
                    tags.pop(tag, None)
                else:
                    tags[tag] = value

    return change


def coarser(index, image, tags):
    if index > 2:
        image.SetSpacing((0.6, 0.6))


def moved(index, image, tags):
    if index in (2, 3):
        x, y, z = map(float, tags["0020|0032"].split("\\"))
        tags["0020|0032"] = f"{x + 15}\\{y}\\{z}"


def test_another_modality_is_refused(tmp_path):
    write_series(tmp_path / "head", ct_image(), change=change_tags(all={"0008|0060": "MR"}))
    with pytest.raises(InputFileError, match="is MR, not CT"):
        read_ct(tmp_path / "head")


def test_a_series_that_does_not_say_what_it_is_is_doubted(tmp_path):
    write_series(tmp_path / "head", ct_image(), change=change_tags(all={"0008|0060": "OT"}))
    (warning,) = read_ct(tmp_path / "head").warnings
    assert "Hounsfield" in warning


@pytest.mark.parametrize(
    ("change", "words"), [(coarser, "pixels of different sizes"), (moved, "lie beside each other")]
)
def test_slices_that_are_no_stack_are_refused(tmp_path, change, words):
    write_series(tmp_path / "head", ct_image(), change=change)
    with pytest.raises(InputFileError, match=words):
        read_ct(tmp_path / "head")


def test_slices_without_pixel_size_are_refused(tmp_path):
    write_series(tmp_path / "head", ct_image())
    for path in (tmp_path / "head").iterdir():
        # The element becomes another one, which no reader takes for the pixel size.
        content = path.read_bytes()
        assert content.count(b"\x28\x00\x30\x00") == 1
        path.write_bytes(content.replace(b"\x28\x00\x30\x00", b"\x28\x00\x2f\x00"))
    with pytest.raises(InputFileError, match="no pixel size"):
        read_ct(tmp_path / "head")


def test_a_slice_that_was_cut_off_is_named(tmp_path):
    write_series(tmp_path / "head", ct_image())
    last = tmp_path / "head" / f"slice_{(5 * 7) % 31:03d}.dcm"
    last.write_bytes(last.read_bytes()[:-100])
    with pytest.raises(InputFileError, match=rf"{last.name}' is a CT slice that cannot be read"):
        read_ct(tmp_path / "head")


def test_objects_that_refer_to_slices_are_no_damaged_slices(tmp_path):
    """Key objects, presentation states and DICOMDIR name the class of the slices they mean."""
    write_series(tmp_path / "head", ct_image())
    own_class = b"\x02\x00\x02\x00UI\x1e\x001.2.840.10008.5.1.4.1.1.88.59\x00"
    reference = b"\x08\x00\x50\x11UI\x1a\x001.2.840.10008.5.1.4.1.1.2\x00"
    (tmp_path / "head" / "KEY").write_bytes(bytes(128) + b"DICM" + own_class + bytes(300) + reference)
    assert read_ct(tmp_path / "head").hu.shape == (6, 20, 24)


def test_slices_have_intercepts_of_their_own(tmp_path):
    image = ct_image()
    write_series(tmp_path / "head", image, change=change_tags(s0={"0028|1052": "-1024"}))
    np.testing.assert_array_equal(read_ct(tmp_path / "head").hu, sitk.GetArrayFromImage(image))


def test_scribbles_of_another_grid_would_miss_a_tilted_ct(tmp_path):
    image = ct_image()
    write_series(tmp_path / "head", image, shear_mm=5.0 * np.tan(np.radians(20)))
    ct = read_ct(tmp_path / "head")
    assert ct.geometry.sheared_mm == pytest.approx(25 * np.tan(np.radians(20)), abs=0.01)
    scribbles = np.zeros(ct.hu.shape, np.uint8)
    scribbles[4, 8:12, 8:12] = 1
    write_labelmap(tmp_path / "own.nrrd", scribbles, ct)
    assert read_scribbles(tmp_path / "own.nrrd", ct).foreground.sum() == 16
    upright = sitk.GetImageFromArray(scribbles)
    upright.SetSpacing((0.5, 0.5, 5.1))
    sitk.WriteImage(upright, str(tmp_path / "other.nrrd"))
    with pytest.raises(InvalidScribblesError, match="up to 9 mm beside"):
        read_scribbles(tmp_path / "other.nrrd", ct)


def test_voxels_of_one_millimeter_are_doubted(tmp_path):
    sitk.WriteImage(ct_image(spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0)), str(tmp_path / "ct.nrrd"))
    (warning,) = read_ct(tmp_path / "ct.nrrd").warnings
    assert "1 x 1 x 1 mm" in warning
    sitk.WriteImage(ct_image(spacing=(1.0, 1.0, 1.0)), str(tmp_path / "placed.nrrd"))
    assert not read_ct(tmp_path / "placed.nrrd").warnings


def test_pictures_are_no_cts(tmp_path):
    sitk.WriteImage(sitk.Cast(ct_image(), sitk.sitkUInt8), str(tmp_path / "ct.tif"))
    with pytest.raises(InputFileError, match="says too little"):
        read_ct(tmp_path / "ct.tif")
