"""The nodes of the scene contract hold every round, exactly, and nothing of the user is touched."""

import numpy as np
import pytest

from ICHHPINetLib.errors import InvalidVolumeError
from ICHHPINetLib.interaction.scribbles import Scribbles
from Testing.scene.builders import (
    SHAPE,
    add_ct,
    add_transform,
    drawn,
    marks,
    measured,
    oblique,
    paint,
    result,
    rotation,
    write,
)

MASK = marks(SHAPE, np.s_[1:5, 4:12, 3:15], np.s_[2, 18, 20]).astype(np.uint8)
LARGER = marks(SHAPE, np.s_[1:6, 4:13, 2:15]).astype(np.uint8)
COLUMNS = [
    "Round",
    "Volume (mL)",
    "Change (mL)",
    "ABC/2 (mL)",
    "Scribbled slices",
    "Time (s)",
    "Device",
    "Model",
]


@pytest.fixture
def ct(scene):
    return add_ct(scene)


@pytest.fixture
def adapter(scene, ct):
    from ICHHPINetLib.scene import SceneAdapter

    return SceneAdapter(scene, ct)


def refine(adapter, mask=MASK, number=1, scribbles=None):
    adapter.write_scribbles(drawn() if scribbles is None else scribbles)
    return write(adapter, result(mask, number))


def hematoma(adapter):
    """The result as Slicer itself reads it, in the order of the CT's array."""
    import slicer

    node = adapter.node("hematoma")
    segment = node.GetSegmentation().GetSegmentIdBySegmentName("Hematoma")
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segment, adapter.ct)


def test_names_and_codes_are_those_of_the_contract(adapter, ct):
    refine(adapter)
    roles = ("scribbles", "hematoma", "hematomaLabelmap", "rounds")
    assert [adapter.node(role).GetName() for role in roles] == [
        "CT scribbles",
        "CT hematoma",
        "CT hematoma labelmap",
        "CT hematoma rounds",
    ]
    node = adapter.node("hematoma")
    segment = node.GetSegmentation().GetNthSegment(0)
    assert segment.GetName() == "Hematoma"
    assert segment.GetColor() == pytest.approx((188 / 255, 65 / 255, 28 / 255))
    parts = segment.GetTerminology().split("~")
    assert parts[1:3] == [
        "SCT^49755003^Morphologically Altered Structure",
        "SCT^50960005^Hemorrhage",
    ]
    assert parts[5] == "SCT^12738006^Brain"
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is ct


def test_the_terminology_is_one_that_slicer_can_read(adapter):
    import slicer

    refine(adapter)
    entry = slicer.vtkSlicerTerminologyEntry()
    text = adapter.node("hematoma").GetSegmentation().GetNthSegment(0).GetTerminology()
    logic = slicer.modules.terminologies.logic()
    assert logic.DeserializeTerminologyEntry(text, entry)
    assert entry.GetTypeObject().GetCodeValue() == "50960005"
    assert entry.GetRegionObject().GetCodeValue() == "12738006"


@pytest.mark.parametrize("under_transform", [False, True])
def test_segment_and_label_map_are_exact_to_the_voxel(scene, ct, adapter, under_transform):
    import slicer

    if under_transform:
        ct.SetAndObserveTransformNodeID(add_transform(scene, rotation(25, 1)).GetID())
    refine(adapter)
    expected = adapter.geometry().to_stored(MASK)
    assert np.array_equal(hematoma(adapter), expected)
    assert np.array_equal(adapter.read_mask(), MASK)
    labelmap = adapter.node("hematomaLabelmap")
    assert np.array_equal(slicer.util.arrayFromVolume(labelmap), expected)
    assert labelmap.GetTransformNodeID() == ct.GetTransformNodeID()
    assert labelmap.GetSpacing() == pytest.approx(ct.GetSpacing())
    assert labelmap.GetOrigin() == pytest.approx(ct.GetOrigin())


def test_a_ct_that_was_moved_takes_the_next_result_along(scene, ct, adapter):
    refine(adapter)
    ct.SetAndObserveTransformNodeID(add_transform(scene, rotation(10, 2)).GetID())
    refine(adapter, LARGER, 2)
    assert np.array_equal(hematoma(adapter), adapter.geometry().to_stored(LARGER))
    assert adapter.node("hematomaLabelmap").GetTransformNodeID() == ct.GetTransformNodeID()


def test_the_table_has_one_row_a_round(adapter):
    import slicer

    refine(adapter)
    more = drawn().merged(Scribbles(marks(SHAPE, np.s_[5, 2, 3]), None))
    row = refine(adapter, LARGER, 2, more)
    table = adapter.node("rounds").GetTable()
    assert [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())] == COLUMNS
    assert adapter.rounds_rows()[1] == row
    volumes = slicer.util.arrayFromTableColumn(adapter.node("rounds"), "Volume (mL)")
    assert volumes == pytest.approx([measured(MASK).volume_ml, measured(LARGER).volume_ml])
    assert row["Change (mL)"] == pytest.approx(volumes[1] - volumes[0])
    assert [each["Scribbled slices"] for each in adapter.rounds_rows()] == [3, 1]
    assert (row["Round"], row["Time (s)"], row["Device"], row["Model"]) == (2, 0.25, "cpu", "default")


def test_a_table_of_other_columns_is_only_replaced_by_a_round(scene, adapter):
    import vtk

    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "CT hematoma rounds")
    column = vtk.vtkStringArray()
    column.SetName("notes")
    table.AddColumn(column)
    assert adapter.rounds_rows() == []
    assert table.GetTable().GetColumnName(0) == "notes"
    refine(adapter)
    assert [row["Round"] for row in adapter.rounds_rows()] == [1]


def test_a_round_taken_back_leaves_no_trace(adapter):
    refine(adapter)
    refine(adapter, LARGER, 2, drawn().merged(Scribbles(marks(SHAPE, np.s_[5, 2, 3]), None)))
    adapter.write_rounds(adapter.load_rounds().without_last())
    assert np.array_equal(hematoma(adapter), adapter.geometry().to_stored(MASK))
    assert [row["Round"] for row in adapter.rounds_rows()] == [1]
    assert adapter.rounds() == 1
    assert np.array_equal(adapter.load_rounds().scribbles.foreground, drawn().foreground)
    adapter.write_rounds(adapter.load_rounds().without_last())
    assert (adapter.rounds(), adapter.rounds_rows(), adapter.read_mask()) == (0, [], None)
    assert adapter.load_rounds().scribbles.is_empty


def test_starting_over_empties_result_and_scribbles(adapter):
    import slicer

    refine(adapter)
    adapter.write_rounds(adapter.load_rounds().emptied())
    assert adapter.has_scribbles()
    adapter.write_scribbles(Scribbles.empty(SHAPE))
    assert not adapter.has_scribbles()
    assert (adapter.rounds(), adapter.rounds_rows(), adapter.read_mask()) == (0, [], None)
    assert not slicer.util.arrayFromVolume(adapter.node("hematomaLabelmap")).any()
    refine(adapter)
    assert np.array_equal(adapter.read_mask(), MASK)


def test_a_guess_is_flagged_until_a_scribble_corrects_it(adapter):
    import slicer
    import vtk

    logic = slicer.vtkSlicerSegmentationsModuleLogic

    def status():
        segment = adapter.node("hematoma").GetSegmentation().GetSegment("Hematoma")
        algorithm = vtk.reference("")
        assert segment.GetTag("DICOM.SegmentAlgorithmType", algorithm)
        return logic.GetSegmentStatus(segment), str(algorithm)

    refine(adapter, scribbles=Scribbles.empty(SHAPE))
    assert status() == (logic.Flagged, "AUTOMATIC")
    refine(adapter, LARGER, 2)
    assert status() == (logic.InProgress, "SEMIAUTOMATIC")
    adapter.write_rounds(adapter.load_rounds().without_last())
    assert status() == (logic.Flagged, "AUTOMATIC")
    adapter.write_rounds(adapter.load_rounds().emptied())
    assert status() == (logic.NotStarted, "MANUAL")


def test_a_preview_is_no_round(adapter):
    import slicer

    adapter.show(MASK, is_preview=True)
    assert np.array_equal(hematoma(adapter), adapter.geometry().to_stored(MASK))
    assert (adapter.rounds(), adapter.node("rounds"), adapter.node("hematomaLabelmap")) == (0, None, None)
    refine(adapter)
    adapter.show(LARGER, is_preview=True)
    labelmap = slicer.util.arrayFromVolume(adapter.node("hematomaLabelmap"))
    assert np.array_equal(labelmap, adapter.geometry().to_stored(MASK))
    assert len(adapter.rounds_rows()) == 1


def test_an_edit_by_hand_is_part_of_the_mask(adapter):
    refine(adapter)
    node = adapter.node("hematoma")
    segment = node.GetSegmentation().GetNthSegmentID(0)
    erased = marks(SHAPE, np.s_[1])
    paint(node, segment, adapter.geometry().to_stored(erased), oblique(), erase=True)
    assert np.array_equal(adapter.read_mask(), MASK * ~erased)


@pytest.mark.parametrize("role", ["scribbles", "hematoma", "hematomaLabelmap", "rounds"])
def test_a_deleted_node_is_made_again_by_the_next_round(scene, adapter, role):
    refine(adapter)
    scene.RemoveNode(adapter.node(role))
    refine(adapter, LARGER, 2)
    assert np.array_equal(hematoma(adapter), adapter.geometry().to_stored(LARGER))
    assert adapter.rounds() == 2
    assert adapter.rounds_rows()[-1]["Round"] == 2
    change = measured(LARGER).volume_ml - measured(MASK).volume_ml
    assert adapter.rounds_rows()[-1]["Change (mL)"] == pytest.approx(change)
    assert adapter.node(role).GetName().startswith("CT ")


def test_without_its_segment_the_result_is_gone(adapter):
    refine(adapter)
    node = adapter.node("hematoma")
    node.RemoveSegment(node.GetSegmentation().GetNthSegmentID(0))
    assert adapter.read_mask() is None
    refine(adapter, LARGER, 2)
    assert np.array_equal(adapter.read_mask(), LARGER)


def test_renamed_nodes_and_segments_are_reused(scene, adapter):
    refine(adapter)
    node = adapter.node("hematoma")
    node.SetName("ICH left")
    node.GetSegmentation().GetNthSegment(0).SetName("bleed")
    adapter.node("rounds").SetName("history")
    refine(adapter, LARGER, 2)
    assert adapter.node("hematoma") is node
    assert node.GetSegmentation().GetNumberOfSegments() == 1
    assert [row["Round"] for row in adapter.rounds_rows()] == [1, 2]
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2


def test_nodes_without_marks_are_reused_by_name(scene, adapter):
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "CT hematoma rounds")
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "CT hematoma")
    refine(adapter)
    assert adapter.node("rounds") is table
    assert adapter.node("hematoma") is node


def stored_voxels(node, segment):
    from ICHHPINetLib.scene.segments import segment_voxels

    return segment_voxels(node, segment)


@pytest.mark.parametrize("collapse", [False, True])
def test_segments_of_the_user_in_our_node_stay_as_they_are(adapter, collapse):
    """Also where they share a label map of another grid with ours, and have a surface."""
    refine(adapter)
    node = adapter.node("hematoma")
    own = node.GetSegmentation().AddEmptySegment("edema", "edema")
    paint(node, own, marks((30, 30, 30), np.s_[5:20, 5:20, 5:20]), oblique() @ np.diag([0.7, 0.6, 0.3, 1.0]))
    if collapse:
        node.GetSegmentation().CollapseBinaryLabelmaps(True)
        assert node.GetSegmentation().GetNumberOfLayers() == 1
    node.CreateClosedSurfaceRepresentation()
    before = stored_voxels(node, own)
    points = surface(node, own).GetNumberOfPoints()
    refine(adapter, LARGER, 2)
    adapter.write_rounds(adapter.load_rounds().emptied())
    after = stored_voxels(node, own)
    assert after[0].sum() == before[0].sum() > 1000
    assert centers(after) == pytest.approx(centers(before))
    assert surface(node, own).GetNumberOfPoints() == points > 0
    assert node.GetSegmentation().GetSegment(own).GetName() == "edema"


def surface(node, segment):
    import slicer

    name = slicer.vtkSegmentationConverter.GetClosedSurfaceRepresentationName()
    return node.GetSegmentation().GetSegment(segment).GetRepresentation(name)


def centers(voxels):
    """World positions of the first and the last marked voxel."""
    marked, matrix = voxels
    ends = np.argwhere(marked)[[0, -1], ::-1]
    return (ends @ matrix[:3, :3].T + matrix[:3, 3]).ravel()


def test_a_surface_that_is_shown_follows_the_result(adapter):
    refine(adapter)
    node = adapter.node("hematoma")
    segment = node.GetSegmentation().GetNthSegmentID(0)
    assert surface(node, segment) is None
    node.CreateClosedSurfaceRepresentation()
    before = surface(node, segment).GetNumberOfPoints()
    refine(adapter, LARGER, 2)
    assert surface(node, segment).GetNumberOfPoints() != before
    adapter.write_rounds(adapter.load_rounds().emptied())
    assert surface(node, segment).GetNumberOfPoints() == 0


def test_a_hematoma_that_somebody_else_drew_is_not_overwritten(scene, adapter):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "CT hematoma")
    drawn = node.GetSegmentation().AddEmptySegment("truth", "Hematoma")
    paint(node, drawn, MASK, oblique())
    before = stored_voxels(node, drawn)[0]
    refine(adapter, LARGER)
    assert adapter.node("hematoma") is not node
    assert np.array_equal(stored_voxels(node, drawn)[0], before)


def test_a_copy_that_the_user_keeps_is_not_overwritten(adapter):
    refine(adapter)
    node = adapter.node("hematoma")
    segmentation = node.GetSegmentation()
    ours = segmentation.GetNthSegmentID(0)
    assert segmentation.CopySegmentFromSegmentation(segmentation, ours)
    kept = segmentation.GetNthSegmentID(1)
    segmentation.GetSegment(kept).SetName("first try")
    node.RemoveSegment(ours)
    refine(adapter, LARGER, 2)
    assert stored_voxels(node, kept)[0].sum() == MASK.sum()
    assert np.array_equal(adapter.read_mask(), LARGER)


def test_two_cts_of_one_name_keep_their_own_nodes(scene, adapter):
    from ICHHPINetLib.scene import SceneAdapter

    other = SceneAdapter(scene, add_ct(scene))
    refine(adapter)
    refine(other, LARGER)
    refine(adapter, MASK, 2)
    assert adapter.node("hematoma") is not other.node("hematoma")
    assert np.array_equal(adapter.read_mask(), MASK)
    assert np.array_equal(other.read_mask(), LARGER)
    assert (adapter.rounds(), other.rounds()) == (2, 1)


def test_the_parameter_node_points_to_the_ct_at_work(scene, ct, adapter):
    from ICHHPINetLib.scene import SceneAdapter

    refine(adapter)
    parameters = scene.GetSingletonNode("ICHHPINet", "vtkMRMLScriptedModuleNode")
    assert parameters.GetAttribute("ModuleName") == "ICHHPINet"
    for role in ("scribbles", "hematoma", "hematomaLabelmap", "rounds"):
        assert parameters.GetNodeReference(role) is adapter.node(role)
        assert parameters.HasParameter(role)
    assert parameters.GetNodeReference("inputVolume") is ct
    other = SceneAdapter(scene, add_ct(scene, "Follow-up"))
    other.ensure_scribbles()
    assert parameters.GetNodeReference("inputVolume") is other.ct
    assert parameters.GetNodeReference("hematoma") is None


def test_new_nodes_lie_beside_the_ct_in_the_hierarchy(scene, ct, adapter):
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    hierarchy.CreateItem(study, ct)
    refine(adapter)
    for role in ("scribbles", "hematoma", "hematomaLabelmap", "rounds"):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(adapter.node(role))) == study


def test_a_ct_that_is_gone_is_named_as_the_reason(scene, ct, adapter):
    refine(adapter)
    scene.RemoveNode(ct)
    assert (adapter.ct_key(), adapter.rounds(), adapter.read_mask()) == (None, 0, None)
    assert not adapter.has_scribbles()
    with pytest.raises(InvalidVolumeError, match="no longer in the scene"):
        write(adapter, result(MASK, 2), drawn())
