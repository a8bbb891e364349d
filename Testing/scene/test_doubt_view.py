"""What is in doubt, outlined in the slice views."""

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="slicer-core is not installed")

from ICHHPINetLib.scene.doubt_view import DoubtView
from ICHHPINetLib.scene.geometry import read_geometry
from Testing.scene.builders import SHAPE, add_ct, oblique

ROWS, COLUMNS = 3, 5


def part():
    marked = np.zeros(SHAPE[1:], bool)
    marked[3 : 3 + ROWS, 4 : 4 + COLUMNS] = True
    return marked


def cut(scene, geometry, index):
    """What a slice view of slice ``index`` draws: points of the outline, RAS."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    middle = geometry.world_of((index, 0, 0))
    plane = vtk.vtkPlane()
    plane.SetOrigin(*middle)
    plane.SetNormal(*(geometry.world_of((index + 1, 0, 0)) - middle))
    cutter = vtk.vtkCutter()
    cutter.SetInputData(scene.GetFirstNodeByName("In doubt").GetPolyData())
    cutter.SetCutFunction(plane)
    cutter.Update()
    points = cutter.GetOutput().GetPoints()
    return vtk_to_numpy(points.GetData()) if cutter.GetOutput().GetNumberOfPoints() else np.zeros((0, 3))


def test_one_slice_is_outlined_at_its_place_and_is_gone_again(scene):
    ct = add_ct(scene, matrix=oblique())
    geometry, view = read_geometry(ct), DoubtView(scene)
    before = scene.GetNumberOfNodes()
    for index in (2, 4):
        view.show(geometry, index, part())
        drawn = cut(scene, geometry, index)
        middle = geometry.world_of((index, 3 + (ROWS - 1) / 2, 4 + (COLUMNS - 1) / 2))
        assert np.allclose((drawn.min(axis=0) + drawn.max(axis=0)) / 2, middle, atol=0.01)
        # From the middle of the part to its far corners, which are cut off.
        furthest = np.linalg.norm(drawn - middle, axis=1).max()
        assert 0.45 * np.hypot(ROWS - 1, COLUMNS) / 2 <= furthest <= 0.45 * np.hypot(ROWS, COLUMNS) / 2
        assert not len(cut(scene, geometry, index + 1))
    node = scene.GetFirstNodeByName("In doubt")
    assert node.GetHideFromEditors()
    assert not node.GetSaveWithScene()
    assert not node.GetDisplayNode().GetSaveWithScene()
    view.clear()
    assert scene.GetNumberOfNodes() == before
    view.clear()


def test_an_outline_at_the_edge_of_the_slice_is_closed(scene):
    geometry, view = read_geometry(add_ct(scene)), DoubtView(scene)
    view.show(geometry, 0, np.ones(SHAPE[1:], bool))
    drawn = cut(scene, geometry, 0) - geometry.world_of((0, (SHAPE[1] - 1) / 2, (SHAPE[2] - 1) / 2))
    across = (geometry.ijk_to_world[:3, :3] / np.linalg.norm(geometry.ijk_to_world[:3, :3], axis=0)).T
    reach = np.abs(drawn @ across.T).max(axis=0)
    assert np.allclose(reach[:2], [0.45 * SHAPE[2] / 2, 0.45 * SHAPE[1] / 2], atol=0.01)


def test_a_scene_that_was_closed_meanwhile_is_no_error(scene):
    view = DoubtView(scene)
    view.show(read_geometry(add_ct(scene)), 1, part())
    scene.Clear(False)
    view.clear()
    view.show(read_geometry(add_ct(scene)), 1, part())
    assert scene.GetFirstNodeByName("In doubt") is not None


def test_places_lie_where_their_voxels_do(scene):
    ct = add_ct(scene, matrix=oblique())
    geometry = read_geometry(ct)
    marked = np.zeros(geometry.shape, bool)
    marked[2, 3, 4] = True
    k, j, i = np.argwhere(geometry.to_stored(marked))[0]
    assert np.allclose(geometry.world_of((2, 3, 4)), (geometry.ijk_to_world @ [i, j, k, 1])[:3])
