"""Whose a result is: of the CT with these voxels, and of the last finished round."""

import numpy as np
import pytest

from ICHHPINetLib.interaction.scene_rounds import SceneRounds
from Testing.scene.builders import SHAPE, add_ct, drawn, marks, result, voxels, write

MASK = marks(SHAPE, np.s_[1:5, 4:12, 3:15]).astype(np.uint8)


@pytest.fixture
def adapter(scene):
    from ICHHPINetLib.scene import SceneAdapter

    return SceneAdapter(scene, add_ct(scene))


def refine(adapter):
    adapter.write_scribbles(drawn())
    write(adapter, result(MASK, 1))


@pytest.mark.parametrize(
    "other",
    [
        {"array": voxels() + np.int16(1)},
        {"array": np.roll(voxels(), 1, axis=0)},
        {"matrix": np.diag([-0.45, -0.45, 5.0, 1.0])},
    ],
)
def test_another_ct_of_the_same_name_inherits_nothing_of_a_deleted_one(scene, adapter, other):
    """Names of DICOM series are alike from patient to patient."""
    refine(adapter)
    nodes = {role: adapter.node(role) for role in ("scribbles", "hematoma", "hematomaLabelmap", "rounds")}
    assert all(nodes.values())
    scene.RemoveNode(adapter.ct)
    adapter.ct = add_ct(scene, **other)
    assert adapter.rounds() == 0
    assert adapter.rounds_rows() == []
    assert not adapter.has_scribbles()
    adapter.ensure_scribbles()
    refine(adapter)
    for role, node in nodes.items():
        assert adapter.node(role) is not node
        assert node.GetScene() is scene, "the work on the other CT stays"


def test_a_ct_that_was_there_all_along_inherits_nothing_of_a_deleted_one(scene, adapter):
    other = add_ct(scene, "Another", array=voxels() + np.int16(1))
    refine(adapter)
    hematoma = adapter.node("hematoma")
    parameters = scene.GetSingletonNode("ICHHPINet", "vtkMRMLScriptedModuleNode")
    assert parameters.GetNodeReference("hematoma") is hematoma
    scene.RemoveNode(adapter.ct)
    # As a panel that was told of another CT writes it, with the roles still those of the first.
    parameters.SetNodeReferenceID("inputVolume", other.GetID())
    adapter.ct = other
    assert adapter.node("hematoma") is None
    assert adapter.rounds() == 0


def test_a_table_from_a_file_with_its_six_digits_tells_of_no_edit(scene, adapter):
    refine(adapter)
    table = adapter.node("rounds").GetTable()
    volume = table.GetValueByName(0, "Volume (mL)").ToDouble()
    import vtk

    table.SetValueByName(0, "Volume (mL)", vtk.vtkVariant(float(f"{volume:.6g}")))
    scene.RemoveNode(adapter.node("hematomaLabelmap"))
    rounds = SceneRounds(adapter)
    rounds.load()
    assert rounds.log.number == 1
    assert rounds.edited_ml is None


def test_a_scene_saved_in_the_middle_of_a_round_shows_the_round_before(scene, adapter):
    refine(adapter)
    finished = adapter.read_mask()
    adapter.show(finished * 0, is_preview=True)
    adapter.show(1 - finished, is_preview=True)
    again = type(adapter)(scene, adapter.ct)
    again.load_rounds()
    np.testing.assert_array_equal(again.read_mask(), finished)
    edited = finished.copy()
    edited[0, 0, 0] = 1
    adapter.show(finished * 0, is_preview=True)
    adapter.show(edited, is_preview=False)
    again.load_rounds()
    np.testing.assert_array_equal(again.read_mask(), edited, "what was restored after a cancel is no preview")
    adapter.show(finished * 0, is_preview=True)
    again.load_rounds()
    np.testing.assert_array_equal(again.read_mask(), edited, "edits by hand are not lost either")


def test_a_ct_that_was_deleted_and_loaded_again_finds_its_work(scene, adapter):
    refine(adapter)
    hematoma, mask = adapter.node("hematoma"), adapter.read_mask()
    scene.RemoveNode(adapter.ct)
    adapter.ct = add_ct(scene)
    assert adapter.rounds() == 1
    assert adapter.node("hematoma") is hematoma
    adapter.ensure_scribbles()
    adapter.show_alone()
    assert hematoma.GetDisplayNode().GetVisibility()
    np.testing.assert_array_equal(adapter.read_mask(), mask)


def test_a_segmentation_has_its_item_in_the_hierarchy_before_anything_of_it_changes(scene, adapter):
    """Slicer writes an error into its log for every change of a segmentation without one."""
    import slicer
    import vtk

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    hierarchy.CreateItem(hierarchy.GetSceneItemID(), adapter.ct)
    items = []

    def changed(node, event):
        items.append(hierarchy.GetItemByDataNode(node))

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def added(caller, event, node):
        if node.IsA("vtkMRMLSegmentationNode"):
            for change in (node.DisplayModifiedEvent, slicer.vtkSegmentation.SegmentAdded):
                node.AddObserver(change, changed)

    scene.AddObserver(scene.NodeAddedEvent, added)
    refine(adapter)
    assert len(items) > 4
    assert all(items)
