"""Scribbles land on the CT's voxels, whatever grid and file they were painted in."""

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.errors import InputFileError, InvalidScribblesError
from ICHHPINetLib.imaging.scribble_files import read_scribbles
from Testing.imaging.images import as_ct, ct_image, require_slicer

NAMES = ("Hemorrhage scribble", "Background scribble")


@pytest.fixture
def ct():
    return as_ct(ct_image(angle=20.0))


@pytest.fixture
def scribbles(ct):
    """Foreground and background lines, one pixel wide."""
    foreground, background = np.zeros((2, *ct.hu.shape), bool)
    foreground[2, 5, 4:14] = True
    background[4, 3:15, 17] = True
    return foreground, background


def labelmap(ct, labels):
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(ct.geometry.image)
    return image


def segmentation(path, image, segments):
    """Write an image with the header of a Slicer segmentation; segments: (name, layer, label)."""
    for number, (name, layer, label) in enumerate(segments):
        for key, value in (
            ("ID", f"Segment_{number + 1}"),
            ("Name", name),
            ("LabelValue", label),
            ("Layer", layer),
        ):
            if value is not None:
                image.SetMetaData(f"Segment{number}_{key}", str(value))
    image.SetMetaData("Segmentation_ReferenceImageExtentOffset", "0 0 0")
    sitk.WriteImage(image, str(path))
    return path


def check(read, scribbles):
    np.testing.assert_array_equal(read.foreground, scribbles[0])
    np.testing.assert_array_equal(read.background, scribbles[1])


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_labelmap(tmp_path, ct, scribbles, ending, dtype):
    path = tmp_path / f"scribbles{ending}"
    sitk.WriteImage(labelmap(ct, (scribbles[0] + 2 * scribbles[1]).astype(dtype)), str(path))
    check(read_scribbles(path, ct), scribbles)


@pytest.mark.parametrize(
    "names",
    [NAMES, ("HEMORRHAGE SCRIBBLE", " background scribble "), ("foreground", "Background"), ("fg", "bg")],
)
def test_segments_of_one_layer(tmp_path, ct, scribbles, names):
    image = labelmap(ct, (scribbles[0] + 2 * scribbles[1]).astype(np.uint8))
    path = segmentation(tmp_path / "s.seg.nrrd", image, [(names[0], 0, 1), (names[1], 0, 2)])
    check(read_scribbles(path, ct), scribbles)


def test_segments_in_other_order_with_other_labels_beside_a_foreign_one(tmp_path, ct, scribbles):
    labels = (7 * scribbles[0] + 3 * scribbles[1]).astype(np.uint8)
    labels[0] = 5
    segments = [("Skull", 0, 5), (NAMES[1], 0, 3), (NAMES[0], 0, 7)]
    path = segmentation(tmp_path / "s.seg.nrrd", labelmap(ct, labels), segments)
    check(read_scribbles(path, ct), scribbles)


@pytest.mark.parametrize("layers", [(0, 1), (None, None)])
def test_segments_in_layers(tmp_path, ct, scribbles, layers):
    image = sitk.Compose([labelmap(ct, one.astype(np.uint8)) for one in scribbles])
    path = segmentation(tmp_path / "s.seg.nrrd", image, [(NAMES[0], layers[0], 1), (NAMES[1], layers[1], 1)])
    check(read_scribbles(path, ct), scribbles)


@pytest.mark.parametrize("layers", [1, 2])
def test_segmentation_saved_by_slicer(tmp_path, ct, scribbles, layers):
    """Slicer crops to what was painted, and opens a layer only for segments that overlap."""
    slicer, vtk = require_slicer()
    scene = slicer.vtkMRMLScene()
    node, storage = slicer.vtkMRMLSegmentationNode(), slicer.vtkMRMLSegmentationStorageNode()
    scene.AddNode(node)
    scene.AddNode(storage)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(ct.geometry.image.GetDirection()).reshape(3, 3) * ct.geometry.image.GetSpacing()
    matrix[:3, 3] = ct.geometry.image.GetOrigin()
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix
    ijk_to_ras = vtk.vtkMatrix4x4()
    ijk_to_ras.DeepCopy(matrix.ravel().tolist())
    painted = list(zip(NAMES, scribbles, strict=True))
    if layers == 2:
        painted.insert(0, ("Blood", scribbles[0] | scribbles[1]))
    for name, marks in painted:
        bounds = [(axis.min(), axis.max()) for axis in np.nonzero(marks)]
        image = slicer.vtkOrientedImageData()
        image.SetExtent(*[int(bound) for pair in bounds[::-1] for bound in pair])
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        part = marks[tuple(slice(low, high + 1) for low, high in bounds)].astype(np.uint8)
        vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())[:] = part.ravel()
        image.SetImageToWorldMatrix(ijk_to_ras)
        segment = slicer.vtkSegment()
        segment.SetName(name)
        segment.AddRepresentation("Binary labelmap", image)
        node.GetSegmentation().AddSegment(segment)
    storage.SetFileName(str(tmp_path / "scribbles.seg.nrrd"))
    assert storage.WriteData(node)
    image = sitk.ReadImage(str(tmp_path / "scribbles.seg.nrrd"))
    assert image.GetNumberOfComponentsPerPixel() == layers
    assert image.GetSize() != ct.geometry.image.GetSize()
    check(read_scribbles(tmp_path / "scribbles.seg.nrrd", ct), scribbles)


def test_cropped_extent(tmp_path, ct, scribbles):
    image = labelmap(ct, (scribbles[0] + 2 * scribbles[1]).astype(np.uint8))[4:18, 3:15, 2:5]
    path = segmentation(tmp_path / "s.seg.nrrd", image, [(NAMES[0], 0, 1), (NAMES[1], 0, 2)])
    check(read_scribbles(path, ct), scribbles)


def test_partly_outside_keeps_what_is_inside(tmp_path, ct, scribbles):
    labels = (scribbles[0] + 2 * scribbles[1]).astype(np.uint8)
    image = sitk.ConstantPad(labelmap(ct, labels), (5, 5, 2), (5, 5, 2), 1)
    sitk.WriteImage(image, str(tmp_path / "s.nrrd"))
    check(read_scribbles(tmp_path / "s.nrrd", ct), scribbles)


def test_flipped_file_axes(tmp_path, ct, scribbles):
    image = sitk.Flip(
        labelmap(ct, (scribbles[0] + 2 * scribbles[1]).astype(np.uint8)), (True, False, True), False
    )
    sitk.WriteImage(image, str(tmp_path / "s.nrrd"))
    check(read_scribbles(tmp_path / "s.nrrd", ct), scribbles)


@pytest.mark.parametrize("factor", [(3, 3, 2), (1, 2, 4)])
def test_finer_grid_loses_no_thin_scribble(tmp_path, ct, factor):
    """A one-voxel line on a finer grid marks every CT voxel that it passes."""
    size = [n * f for n, f in zip(ct.geometry.image.GetSize(), factor, strict=True)]
    fine = sitk.Image(size, sitk.sitkUInt8)
    fine.SetSpacing([s / f for s, f in zip(ct.geometry.image.GetSpacing(), factor, strict=True)])
    fine.SetDirection(ct.geometry.image.GetDirection())
    fine.SetOrigin(ct.geometry.image.TransformContinuousIndexToPhysicalPoint([0.5 / f - 0.5 for f in factor]))
    line = np.zeros(size[::-1], np.uint8)
    line[2 * factor[2], 5 * factor[1], 4 * factor[0] : 14 * factor[0]] = 1
    painted = sitk.GetImageFromArray(line)
    painted.CopyInformation(fine)
    sitk.WriteImage(painted, str(tmp_path / "s.nrrd"))
    foreground = read_scribbles(tmp_path / "s.nrrd", ct).foreground
    assert foreground[2, 5, 4:14].all()
    assert foreground.sum() == 10


def test_coarser_grid_covers_without_holes(tmp_path, ct):
    coarse = sitk.Image([12, 10, 6], sitk.sitkUInt8)
    coarse.SetSpacing((1.0, 1.0, 5.0))
    coarse.SetDirection(ct.geometry.image.GetDirection())
    coarse.SetOrigin(ct.geometry.image.TransformContinuousIndexToPhysicalPoint((0.5, 0.5, 0.0)))
    coarse[3:6, 2, 1] = 1
    coarse[6, 2, 1] = 2
    sitk.WriteImage(coarse, str(tmp_path / "s.nrrd"))
    scribbles = read_scribbles(tmp_path / "s.nrrd", ct)
    assert scribbles.foreground[1, 4:6, 6:12].all()
    assert scribbles.foreground.sum() == 12
    assert scribbles.background.sum() == 4


def test_one_of_the_two_is_enough(tmp_path, ct, scribbles):
    sitk.WriteImage(labelmap(ct, (2 * scribbles[1]).astype(np.uint8)), str(tmp_path / "s.nrrd"))
    check(read_scribbles(tmp_path / "s.nrrd", ct), (np.zeros_like(scribbles[0]), scribbles[1]))


def test_foreground_can_be_required(tmp_path, ct, scribbles):
    sitk.WriteImage(labelmap(ct, (2 * scribbles[1]).astype(np.uint8)), str(tmp_path / "s.nrrd"))
    with pytest.raises(InvalidScribblesError, match=r"marks no bleed.*at least one scribble"):
        read_scribbles(tmp_path / "s.nrrd", ct, require_foreground=True)


def test_nothing_painted(tmp_path, ct):
    path = segmentation(
        tmp_path / "s.seg.nrrd", labelmap(ct, np.zeros(ct.hu.shape, np.uint8)), [(n, 0, 1) for n in NAMES]
    )
    with pytest.raises(InvalidScribblesError, match="no scribble"):
        read_scribbles(path, ct)


def test_other_segment_names_are_listed(tmp_path, ct, scribbles):
    path = segmentation(
        tmp_path / "s.seg.nrrd", labelmap(ct, scribbles[0].astype(np.uint8)), [("Blood", 0, 1), ("Air", 0, 2)]
    )
    with pytest.raises(InvalidScribblesError, match=r"'Blood', 'Air'.*'Hemorrhage scribble' and 'Background"):
        read_scribbles(path, ct)


def test_other_labels_are_listed(tmp_path, ct, scribbles):
    sitk.WriteImage(labelmap(ct, (255 * scribbles[0]).astype(np.uint8)), str(tmp_path / "s.nrrd"))
    with pytest.raises(InvalidScribblesError, match=r"other labels.*255.*1 on the bleed"):
        read_scribbles(tmp_path / "s.nrrd", ct)


def test_scribbles_beside_the_ct(tmp_path, ct, scribbles):
    image = labelmap(ct, scribbles[0].astype(np.uint8))
    image.SetOrigin((500.0, 0.0, 0.0))
    sitk.WriteImage(image, str(tmp_path / "s.nrrd"))
    with pytest.raises(InvalidScribblesError, match=r"inside the CT.*x \d+\.\.\d+.*Paint on the CT"):
        read_scribbles(tmp_path / "s.nrrd", ct)


def test_contradicting_scribbles(tmp_path, ct, scribbles):
    image = sitk.Compose([labelmap(ct, scribbles[0].astype(np.uint8))] * 2)
    path = segmentation(tmp_path / "s.seg.nrrd", image, [(NAMES[0], 0, 1), (NAMES[1], 1, 1)])
    with pytest.raises(InvalidScribblesError, match="at once"):
        read_scribbles(path, ct)


def test_missing_unreadable_and_flat_files(tmp_path, ct):
    with pytest.raises(InputFileError, match="does not exist"):
        read_scribbles(tmp_path / "no.seg.nrrd", ct)
    (tmp_path / "bad.seg.nrrd").write_bytes(b"no image")
    with pytest.raises(InputFileError, match="could not be read"):
        read_scribbles(tmp_path / "bad.seg.nrrd", ct)
    sitk.WriteImage(ct.geometry.image[:, :, 0], str(tmp_path / "flat.nrrd"))
    with pytest.raises(InvalidScribblesError, match="2 dimensions"):
        read_scribbles(tmp_path / "flat.nrrd", ct)


def test_scribbles_of_no_stated_voxel_size_are_not_placed_by_chance(tmp_path, ct, scribbles):
    path = tmp_path / "scribbles.nrrd"
    sitk.WriteImage(labelmap(ct, (scribbles[0] + 2 * scribbles[1]).astype(np.uint8)), str(path))
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(line for line in lines if not line.startswith(b"space directions")))
    with pytest.raises(InvalidScribblesError, match="in doubt"):
        read_scribbles(path, ct)
