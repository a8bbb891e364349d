"""What is in doubt, outlined in the slice views."""

import numpy as np
import pytest

pytest.importorskip("slicer_core", reason="slicer-core is not installed")

from ICHHPINetLib.scene.doubt_view import DoubtView
from ICHHPINetLib.scene.geometry import read_geometry
from ICHHPINetLib.scene.segments import read_segment
from Testing.scene.builders import SHAPE, add_ct, oblique


def outlined(scene, geometry):
    node = scene.GetFirstNodeByName("In doubt")
    return geometry.to_canonical(read_segment(node, "InDoubt", geometry.ijk_to_world, geometry.stored_shape))


def test_one_slice_is_outlined_at_its_place_and_is_gone_again(scene):
    ct = add_ct(scene, matrix=oblique())
    geometry, view = read_geometry(ct), DoubtView(scene)
    part = np.zeros(geometry.shape[1:], bool)
    part[3:6, 4:9] = True
    for index in (2, 4):
        view.show(ct, geometry, index, part)
        shown = outlined(scene, geometry)
        assert np.array_equal(shown[index], part)
        assert shown.sum() == part.sum()
    node = scene.GetFirstNodeByName("In doubt")
    assert node.GetHideFromEditors()
    assert not node.GetSaveWithScene()
    count = scene.GetNumberOfNodes()
    view.clear()
    assert scene.GetFirstNodeByName("In doubt") is None
    assert scene.GetNumberOfNodes() < count
    view.clear()


def test_a_scene_that_was_closed_meanwhile_is_no_error(scene):
    ct = add_ct(scene)
    view = DoubtView(scene)
    view.show(ct, read_geometry(ct), 1, np.ones(SHAPE[1:], bool))
    scene.Clear(False)
    view.clear()
    ct = add_ct(scene)
    view.show(ct, read_geometry(ct), 1, np.ones(SHAPE[1:], bool))
    assert scene.GetFirstNodeByName("In doubt") is not None


def test_places_lie_where_their_voxels_do(scene):
    ct = add_ct(scene, matrix=oblique())
    geometry = read_geometry(ct)
    marked = np.zeros(geometry.shape, bool)
    marked[2, 3, 4] = True
    k, j, i = np.argwhere(geometry.to_stored(marked))[0]
    assert np.allclose(geometry.world_of((2, 3, 4)), (geometry.ijk_to_world @ [i, j, k, 1])[:3])
