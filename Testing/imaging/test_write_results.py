"""Results keep the CT's geometry, open in Slicer, and appear whole or not at all."""

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.errors import OutputError
from ICHHPINetLib.imaging.output_files import check_writable
from ICHHPINetLib.imaging.writing import write_labelmap, write_segmentation
from Testing.imaging.images import as_ct, ct_image, require_slicer


@pytest.fixture
def ct():
    return as_ct(ct_image(spacing=(5.0, 0.45, 0.45), angle=20.0))


@pytest.fixture
def mask(ct):
    mask = np.zeros(ct.hu.shape, np.uint8)
    mask[1:4, 5:9, 6:15] = 1
    mask[3, 12, 20] = 1
    return mask


def assert_same_geometry(image, ct):
    assert image.GetSize() == ct.geometry.image.GetSize()
    np.testing.assert_allclose(image.GetSpacing(), ct.geometry.image.GetSpacing(), atol=1e-5)
    np.testing.assert_allclose(image.GetOrigin(), ct.geometry.image.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(image.GetDirection(), ct.geometry.image.GetDirection(), atol=1e-5)


@pytest.mark.parametrize("ending", [".nrrd", ".nii", ".nii.gz", ".mha"])
def test_labelmap(tmp_path, ct, mask, ending):
    path = tmp_path / f"mask{ending}"
    write_labelmap(path, mask, ct)
    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), mask)
    assert_same_geometry(image, ct)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_labelmap_keeps_several_labels(tmp_path, ct, mask):
    write_labelmap(tmp_path / "scribbles.nrrd", mask * 2, ct)
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "scribbles.nrrd"))).max() == 2


def test_segmentation_header(tmp_path, ct, mask):
    path = tmp_path / "result.seg.nrrd"
    write_segmentation(path, mask, ct)
    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), mask)
    assert_same_geometry(image, ct)
    assert image.GetMetaData("Segment0_Name") == "Hematoma"
    assert image.GetMetaData("Segment0_Extent") == "0 23 0 19 0 5"
    for code in ("SCT^49755003^", "SCT^50960005^Hemorrhage", "SCT^12738006^Brain"):
        assert code in image.GetMetaData("Segment0_Tags")
    color = [float(part) * 255 for part in image.GetMetaData("Segment0_Color").split()]
    assert color == pytest.approx([188, 65, 28], abs=0.01)


@pytest.mark.parametrize(("empty", "flagged"), [(False, False), (True, True)])
def test_segmentation_opens_in_slicer(tmp_path, ct, mask, empty, flagged):
    """Slicer's own reader finds the segment, its codes and its voxels where the CT has them."""
    slicer, vtk = require_slicer()
    mask = mask * 0 if empty else mask
    write_segmentation(tmp_path / "result.seg.nrrd", mask, ct, flagged=flagged)
    scene = slicer.vtkMRMLScene()
    node, storage = slicer.vtkMRMLSegmentationNode(), slicer.vtkMRMLSegmentationStorageNode()
    scene.AddNode(node)
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / "result.seg.nrrd"))
    assert storage.ReadData(node)
    segmentation = node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 1
    segment = segmentation.GetNthSegment(0)
    assert segment.GetName() == "Hematoma"
    assert segment.GetColor() == pytest.approx((188 / 255, 65 / 255, 28 / 255), abs=1e-5)
    assert "SCT^50960005^Hemorrhage" in segment.GetTerminology()
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.GetSegmentStatus(segment) == (logic.Flagged if flagged else logic.InProgress)
    algorithm = vtk.reference("")
    assert segment.GetTag("DICOM.SegmentAlgorithmType", algorithm)
    assert str(algorithm) == ("AUTOMATIC" if flagged else "SEMIAUTOMATIC")

    image = segment.GetRepresentation("Binary labelmap")
    low_x, high_x, low_y, high_y, low_z, high_z = image.GetExtent()
    found = np.zeros(ct.hu.shape, np.uint8)
    if high_x >= low_x:
        values = vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
        shape = (high_z - low_z + 1, high_y - low_y + 1, high_x - low_x + 1)
        found[low_z : high_z + 1, low_y : high_y + 1, low_x : high_x + 1] = values.reshape(shape)
    np.testing.assert_array_equal(found, mask)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    corner = matrix.MultiplyPoint((23, 19, 5, 1))[:3]
    expected = np.array(ct.geometry.image.TransformIndexToPhysicalPoint((23, 19, 5))) * (-1, -1, 1)
    np.testing.assert_allclose(corner, expected, atol=1e-3)
    parameter = segmentation.GetConversionParameter("Reference image geometry")
    assert parameter.count(";") == 22
    assert [float(part) for part in parameter.split(";")[:-1]][-6:] == [0, 23, 0, 19, 0, 5]


@pytest.mark.parametrize("name", ["m.nrrd", "m.seg.nii", "m"])
def test_segmentation_needs_its_ending(tmp_path, ct, mask, name):
    with pytest.raises(OutputError, match=r"\.seg\.nrrd"):
        write_segmentation(tmp_path / name, mask, ct)


def test_labelmap_needs_a_known_ending(tmp_path, ct, mask):
    with pytest.raises(OutputError, match=r"\.nii\.gz"):
        write_labelmap(tmp_path / "m.png", mask, ct)


def test_mask_of_another_grid_is_refused(tmp_path, ct, mask):
    with pytest.raises(OutputError, match="CT's grid"):
        write_labelmap(tmp_path / "m.nrrd", mask[1:], ct)
    assert not list(tmp_path.iterdir())


def test_missing_folder_is_an_output_error(tmp_path, ct, mask):
    with pytest.raises(OutputError, match="cannot be written"):
        write_labelmap(tmp_path / "nowhere" / "m.nrrd", mask, ct)


def test_check_writable(tmp_path):
    check_writable(tmp_path / "new" / "m.seg.nrrd")
    assert (tmp_path / "new").is_dir()
    assert not list((tmp_path / "new").iterdir())
    with pytest.raises(OutputError, match="is a folder"):
        check_writable(tmp_path)
    (tmp_path / "file").write_text("taken")
    with pytest.raises(OutputError, match="Choose another folder"):
        check_writable(tmp_path / "file" / "m.seg.nrrd")
