"""Scribbles are found and read whatever the user did to node, segments and geometry."""

import numpy as np
import pytest

from ICHHPINetLib.errors import InvalidScribblesError
from ICHHPINetLib.interaction.scribbles import Scribbles
from Testing.scene.builders import (
    SHAPE,
    add_ct,
    add_transform,
    add_warp,
    drawn,
    marks,
    oblique,
    paint,
    result,
    rotation,
    write,
)

SCRIBBLE = marks(SHAPE, np.s_[2, 8, 5:12])


@pytest.fixture
def ct(scene):
    return add_ct(scene)


@pytest.fixture
def adapter(scene, ct):
    from ICHHPINetLib.scene import SceneAdapter

    return SceneAdapter(scene, ct)


def as_drawn(adapter, array):
    """A stored-order array as the adapter hands it out."""
    return adapter.geometry().to_canonical(array)


def test_the_node_is_made_once_with_foreground_first(scene, adapter, ct):
    node, foreground, background = adapter.ensure_scribbles()
    segmentation = node.GetSegmentation()
    assert node.GetName() == "CT scribbles"
    assert [segmentation.GetNthSegment(index).GetName() for index in range(2)] == [
        "Hemorrhage scribble",
        "Background scribble",
    ]
    assert segmentation.GetSegment(foreground).GetColor() != segmentation.GetSegment(background).GetColor()
    assert "Hemorrhage" not in segmentation.GetSegment(foreground).GetTerminology()
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is ct
    assert adapter.ensure_scribbles() == (node, foreground, background)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_no_node_means_no_scribbles_and_makes_none(scene, adapter):
    assert not adapter.has_scribbles()
    assert adapter.read_scribbles().is_empty
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_scribbles_on_the_grid_of_the_ct_are_read_exactly(adapter):
    node, foreground, background = adapter.ensure_scribbles()
    paint(node, foreground, SCRIBBLE, oblique())
    paint(node, background, SCRIBBLE[::-1], oblique())
    read = adapter.read_scribbles()
    assert np.array_equal(read.foreground, as_drawn(adapter, SCRIBBLE))
    assert np.array_equal(read.background, as_drawn(adapter, SCRIBBLE[::-1]))


def test_scribbles_that_a_script_writes_are_read_exactly(adapter, ct):
    import slicer

    node, foreground, background = adapter.ensure_scribbles()
    for segment, array in ((foreground, SCRIBBLE), (background, SCRIBBLE[::-1])):
        slicer.util.updateSegmentBinaryLabelmapFromArray(array.astype(np.uint8), node, segment, ct)
    read = adapter.read_scribbles()
    assert np.array_equal(read.foreground, as_drawn(adapter, SCRIBBLE))
    assert np.array_equal(read.background, as_drawn(adapter, SCRIBBLE[::-1]))
    assert adapter.ensure_scribbles() == (node, foreground, background)


def test_written_scribbles_come_back_exactly(adapter):
    adapter.write_scribbles(drawn())
    read = adapter.read_scribbles()
    assert np.array_equal(read.foreground, drawn().foreground)
    assert np.array_equal(read.background, drawn().background)


def test_has_scribbles_follows_painting_and_erasing(adapter):
    node, foreground, _ = adapter.ensure_scribbles()
    seen = [adapter.has_scribbles()]
    paint(node, foreground, SCRIBBLE, oblique())
    seen.append(adapter.has_scribbles())
    paint(node, foreground, SCRIBBLE, oblique(), erase=True)
    seen.append(adapter.has_scribbles())
    paint(node, foreground, SCRIBBLE, oblique())
    seen.append(adapter.has_scribbles())
    adapter.write_scribbles(Scribbles.empty(SHAPE))
    seen.append(adapter.has_scribbles())
    assert seen == [False, True, False, True, False]


def test_segments_in_one_shared_label_map_are_told_apart(adapter):
    node, foreground, background = adapter.ensure_scribbles()
    paint(node, foreground, SCRIBBLE, oblique())
    paint(node, background, SCRIBBLE[::-1], oblique())
    node.GetSegmentation().CollapseBinaryLabelmaps(True)
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    read = adapter.read_scribbles()
    assert np.array_equal(read.foreground, as_drawn(adapter, SCRIBBLE))
    assert np.array_equal(read.background, as_drawn(adapter, SCRIBBLE[::-1]))


def test_scribbles_of_another_grid_lie_where_they_were_painted(adapter):
    """Painted on a fine isotropic grid that is not even parallel to the CT."""
    node, foreground, _ = adapter.ensure_scribbles()
    world = np.eye(4)
    world[:3, 3] = (oblique() @ [12, 10, 3, 1])[:3] - 4
    paint(node, foreground, marks((9, 9, 9), np.s_[4, 4, 1:8]), world)
    read = adapter.read_scribbles().foreground
    painted = np.linalg.inv(oblique()) @ np.array([[*(world[:3, 3] + [x, 4, 4]), 1] for x in range(1, 8)]).T
    expected = np.zeros(SHAPE, bool)
    expected[tuple(np.rint(painted[[2, 1, 0]]).astype(int))] = True
    assert np.all(read[as_drawn(adapter, expected)])
    assert read.any(axis=(1, 2)).sum() == 1


def test_thin_scribbles_of_a_finer_grid_are_not_lost(adapter):
    node, foreground, _ = adapter.ensure_scribbles()
    fine = oblique() @ np.diag([0.2, 0.2, 0.1, 1.0])
    paint(node, foreground, marks((60, 100, 120), np.s_[21, 41, 26:60]), fine)
    read = as_drawn(adapter, adapter.read_scribbles().foreground)
    assert np.array_equal(read, marks(SHAPE, np.s_[2, 8, 5:13]))


def test_scribbles_follow_the_transform_of_their_node(scene, adapter):
    node, foreground, _ = adapter.ensure_scribbles()
    move = np.eye(4)
    move[:3, 3] = oblique()[:3, 1] * 3
    paint(node, foreground, SCRIBBLE, oblique())
    node.SetAndObserveTransformNodeID(add_transform(scene, move).GetID())
    assert np.array_equal(
        adapter.read_scribbles().foreground, as_drawn(adapter, np.roll(SCRIBBLE, 3, axis=1))
    )


def test_new_nodes_share_the_transform_of_the_ct(scene, ct, adapter):
    ct.SetAndObserveTransformNodeID(add_transform(scene, rotation(30, 1)).GetID())
    node, foreground, _ = adapter.ensure_scribbles()
    assert node.GetTransformNodeID() == ct.GetTransformNodeID()
    paint(node, foreground, SCRIBBLE, oblique())
    assert np.array_equal(adapter.read_scribbles().foreground, as_drawn(adapter, SCRIBBLE))


def test_scribbles_under_a_warp_ask_for_hardening(scene, adapter):
    node, foreground, _ = adapter.ensure_scribbles()
    paint(node, foreground, SCRIBBLE, oblique())
    node.SetAndObserveTransformNodeID(add_warp(scene).GetID())
    with pytest.raises(InvalidScribblesError, match="Harden"):
        adapter.read_scribbles()


def test_scribbles_beside_the_ct_are_an_error_and_not_silence(adapter):
    node, foreground, _ = adapter.ensure_scribbles()
    away = oblique()
    away[:3, 3] += 500
    paint(node, foreground, SCRIBBLE, away)
    with pytest.raises(InvalidScribblesError, match="outside the CT"):
        adapter.read_scribbles()


def test_renamed_segments_are_still_ours(adapter):
    node, foreground, background = adapter.ensure_scribbles()
    paint(node, foreground, SCRIBBLE, oblique())
    node.GetSegmentation().GetSegment(foreground).SetName("bleed")
    node.SetName("my scribbles")
    assert adapter.ensure_scribbles() == (node, foreground, background)
    assert np.array_equal(adapter.read_scribbles().foreground, as_drawn(adapter, SCRIBBLE))


def test_a_removed_segment_comes_back_empty_and_first(adapter):
    node, foreground, background = adapter.ensure_scribbles()
    paint(node, background, SCRIBBLE, oblique())
    node.RemoveSegment(foreground)
    assert not adapter.read_scribbles().foreground.any()
    _, foreground, _ = adapter.ensure_scribbles()
    assert node.GetSegmentation().GetNthSegmentID(0) == foreground
    assert np.array_equal(adapter.read_scribbles().background, as_drawn(adapter, SCRIBBLE))


def test_segments_drawn_by_hand_are_found_by_name(scene, adapter, ct):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "CT scribbles")
    node.GetSegmentation().AddEmptySegment("Segment_1", "Hemorrhage scribble")
    paint(node, "Segment_1", SCRIBBLE, oblique())
    assert np.array_equal(adapter.read_scribbles().foreground, as_drawn(adapter, SCRIBBLE))
    assert adapter.ensure_scribbles()[:2] == (node, "Segment_1")


def test_a_segment_of_the_user_beside_the_scribbles_is_left_alone(adapter):
    node = adapter.ensure_scribbles()[0]
    own = node.GetSegmentation().AddEmptySegment("edema", "edema")
    other_grid = oblique() @ np.diag([0.7, 0.7, 0.5, 1.0])
    paint(node, own, SCRIBBLE, other_grid)
    before = voxels_of(node, own)
    adapter.write_scribbles(drawn())
    adapter.write_scribbles(Scribbles.empty(SHAPE))
    assert before[0].any()
    assert np.array_equal(voxels_of(node, own)[0], before[0])
    assert np.allclose(voxels_of(node, own)[1], before[1])
    assert not adapter.has_scribbles()


def voxels_of(node, segment):
    from ICHHPINetLib.scene.segments import segment_voxels

    return segment_voxels(node, segment)


@pytest.mark.parametrize("later", ["foreground", "background"])
def test_where_scribbles_cross_the_later_one_wins(adapter, later):
    node, foreground, background = adapter.ensure_scribbles()
    first, second = (background, foreground) if later == "foreground" else (foreground, background)
    paint(node, first, SCRIBBLE, oblique())
    write(adapter, result(np.zeros(SHAPE)))
    paint(node, second, SCRIBBLE, oblique())
    read = adapter.read_scribbles()
    assert np.array_equal(getattr(read, later), as_drawn(adapter, SCRIBBLE))
    assert (read.foreground ^ read.background).sum() == SCRIBBLE.sum()


@pytest.mark.parametrize("later", ["foreground", "background"])
@pytest.mark.parametrize("cancelled", [False, True])
def test_where_scribbles_cross_the_scene_agrees_with_the_later(scene, adapter, later, cancelled, tmp_path):
    """Not one round late, not after a reload, not where a round came to nothing."""
    from ICHHPINetLib.scene import SceneAdapter, load_mrb, save_mrb
    from ICHHPINetLib.scene.headless import headless_scene
    from ICHHPINetLib.scene.segments import segment_voxels

    node, *segments = adapter.ensure_scribbles()
    order = (0, 1) if later == "background" else (1, 0)
    nothing = np.zeros(SHAPE)
    for number, which in enumerate((*order, None, None), 1):
        if which is not None:
            paint(node, segments[which], SCRIBBLE, oblique())
        read = adapter.read_scribbles()
        drawn = [segment_voxels(node, segment)[0].sum() for segment in segments]
        assert drawn == [read.foreground.sum(), read.background.sum()]
        if not cancelled:
            write(adapter, result(nothing, number))
    expected = as_drawn(adapter, SCRIBBLE)
    assert np.array_equal(getattr(read, later), expected)
    assert (read.foreground ^ read.background).sum() == SCRIBBLE.sum()
    # The user changes sides once more.
    paint(node, segments[order[0]], SCRIBBLE, oblique())
    read = adapter.read_scribbles()
    assert not getattr(read, later).any()
    path = save_mrb(scene, tmp_path / "case.mrb")
    with headless_scene() as fresh:
        again = SceneAdapter(fresh, load_mrb(fresh, path)[0]).read_scribbles()
        assert np.array_equal(again.foreground, read.foreground)
        assert np.array_equal(again.background, read.background)


def test_a_script_that_never_reads_has_its_crossing_decided_with_the_round(adapter):
    node, foreground, background = adapter.ensure_scribbles()
    paint(node, foreground, SCRIBBLE, oblique())
    write(adapter, result(np.zeros(SHAPE)), adapter.read_scribbles())
    paint(node, background, SCRIBBLE, oblique())
    own = adapter.read_scribbles()
    write(adapter, result(np.zeros(SHAPE), 2), own)
    assert voxels_of(node, foreground)[0].sum() == 0
    assert voxels_of(node, background)[0].sum() == SCRIBBLE.sum()
