"""A CT comes out of the scene in axial order, wherever and however it lies there."""

import itertools

import numpy as np
import pytest

from ICHHPINetLib.errors import InvalidVolumeError
from Testing.scene.builders import SPACING, add_ct, add_transform, add_warp, oblique, rotation, voxels


def stored(canonical, matrix, permutation, flips):
    """``canonical`` with its matrix, stored along other axes, as a scanner's sagittal series is."""
    array, matrix = canonical, matrix.copy()
    for axis in range(3):
        if flips[axis]:
            array = np.flip(array, axis)
            column = 2 - axis
            matrix[:3, 3] += matrix[:3, column] * (array.shape[axis] - 1)
            matrix[:3, column] *= -1
    array = array.transpose(permutation)
    columns = [2 - permutation[2 - column] for column in range(3)]
    return array, matrix[:, [*columns, 3]]


def axial():
    """IJK to RAS of a volume in canonical order: x to the left, y to the back, z up; a bit oblique."""
    matrix = rotation(12, 0) @ rotation(-9, 2) @ np.diag([-0.45, -0.45, 5.0, 1.0])
    matrix[:3, 3] = 30, -20, 10
    return matrix


@pytest.mark.parametrize("permutation", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(0, 0, 0), (1, 0, 0), (0, 1, 1), (1, 1, 1)])
def test_any_storage_order_becomes_axial_and_comes_back(scene, permutation, flips):
    from ICHHPINetLib.scene import SceneAdapter

    array, matrix = stored(voxels(), axial(), permutation, flips)
    adapter = SceneAdapter(scene, add_ct(scene, matrix=matrix, array=array))
    volume, spacing = adapter.read_ct()
    assert np.array_equal(volume, voxels())
    assert spacing == pytest.approx(SPACING)
    assert np.array_equal(adapter.geometry().to_stored(volume), array)


def test_what_is_read_is_a_copy(scene):
    import slicer

    from ICHHPINetLib.scene import SceneAdapter

    ct = add_ct(scene)
    volume, _ = SceneAdapter(scene, ct).read_ct()
    slicer.util.arrayFromVolume(ct)[:] = 0
    assert volume.any()


def test_parent_transforms_turn_and_scale_the_grid(scene):
    from ICHHPINetLib.scene import SceneAdapter

    ct = add_ct(scene, matrix=axial())
    outer = add_transform(scene, np.diag([2.0, 2.0, 2.0, 1.0]))
    inner = add_transform(scene, rotation(180, 2))
    inner.SetAndObserveTransformNodeID(outer.GetID())
    ct.SetAndObserveTransformNodeID(inner.GetID())
    volume, spacing = SceneAdapter(scene, ct).read_ct()
    assert np.array_equal(volume, voxels()[:, ::-1, ::-1])
    assert spacing == pytest.approx([2 * value for value in SPACING])


def test_simpleitk_image_lies_where_it_says(scene):
    import SimpleITK as sitk

    from ICHHPINetLib.scene import add_ct_image
    from ICHHPINetLib.scene.geometry import ijk_to_world, read_voxels

    image = sitk.GetImageFromArray(voxels())
    image.SetSpacing((0.45, 0.5, 5.0))
    image.SetOrigin((-100.0, 20.0, 7.0))
    image.SetDirection(rotation(20)[:3, :3].ravel())
    node = add_ct_image(scene, image, "CT")
    left, back, up = image.TransformIndexToPhysicalPoint((3, 5, 2))
    assert (ijk_to_world(node) @ [3, 5, 2, 1])[:3] == pytest.approx([-left, -back, up])
    assert np.array_equal(read_voxels(node), voxels())


def with_warp(scene):
    ct = add_ct(scene)
    ct.SetAndObserveTransformNodeID(add_warp(scene).GetID())
    return ct


def sheared(scene):
    matrix = oblique()
    matrix[:3, 2] += matrix[:3, 1]
    return add_ct(scene, matrix=matrix)


def flat(scene):
    matrix = oblique()
    matrix[:, 2] = 0
    return add_ct(scene, matrix=matrix)


def in_color(scene):
    import vtk

    ct = add_ct(scene)
    image = vtk.vtkImageData()
    image.SetDimensions(4, 4, 4)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    ct.SetAndObserveImageData(image)
    return ct


def removed(scene):
    ct = add_ct(scene)
    scene.RemoveNode(ct)
    return ct


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (with_warp, "Harden"),
        (sheared, "harden regularization"),
        (flat, "spacing of zero"),
        (in_color, "3 values per voxel"),
        (removed, "no longer in the scene"),
        (lambda scene: None, "No CT volume is selected"),
        (lambda scene: scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT"), "holds no voxels"),
        (lambda scene: scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "CT"), "is a label map"),
        (lambda scene: scene.AddNewNodeByClass("vtkMRMLModelNode", "CT"), "Choose a scalar volume"),
    ],
)
def test_what_is_no_ct_says_so_and_what_to_do(scene, make, message):
    from ICHHPINetLib.scene import SceneAdapter

    with pytest.raises(InvalidVolumeError, match=message):
        SceneAdapter(scene, make(scene)).read_ct()


def test_key_follows_voxels_and_place_but_not_the_window(scene):
    from ICHHPINetLib.scene import SceneAdapter

    ct = add_ct(scene)
    adapter = SceneAdapter(scene, ct)
    keys = [adapter.ct_key()]
    ct.GetDisplayNode().SetWindowLevel(200, 60)
    assert adapter.ct_key() == keys[0]
    ct.SetAndObserveTransformNodeID(add_transform(scene, rotation(5)).GetID())
    keys.append(adapter.ct_key())
    ct.SetAndObserveTransformNodeID(add_warp(scene).GetID())
    keys.append(adapter.ct_key())
    ct.GetImageData().GetPointData().GetScalars().Modified()
    keys.append(adapter.ct_key())
    scene.RemoveNode(ct)
    keys.append(adapter.ct_key())
    assert len(set(keys)) == 5
    assert keys[-1] is None
