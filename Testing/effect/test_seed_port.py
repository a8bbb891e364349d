"""Seeds in, preview out, and what Apply leaves behind; all on real MRML nodes."""

import numpy as np
import pytest

from ICHHPINetLib.errors import InvalidScribblesError
from ICHHPINetLib.interaction.result import RoundResult
from ICHHPINetLib.interaction.scribbles import Scribbles


@pytest.fixture
def port(editor):
    from ICHHPINetLib.scene.effect_scene import EffectScene

    port = EffectScene(editor.node, editor.source_image, editor.preview)
    port.bleed_id, port.background_id = editor.ids["Bleed"], editor.ids["Background"]
    return port


def one_round(port, mask):
    """The log of a first round."""
    result = RoundResult(mask.astype(np.uint8), mask.astype(np.float32), 1, 0.1, [], "cpu", "default")
    return port.load_rounds().with_round(result, port.read_scribbles())


def test_scribbles_and_ct_come_in_canonical_order(editor, port):
    import slicer

    volume, spacing = port.read_ct()
    scribbles = port.read_scribbles()
    assert spacing == (5.0, 0.5, 0.5)
    # The CT is stored from head to feet; canonical order runs from feet to head.
    stored = slicer.util.arrayFromVolume(editor.ct)
    np.testing.assert_array_equal(volume, stored[::-1])
    np.testing.assert_array_equal(scribbles.foreground, editor.voxels("Bleed")[::-1])
    np.testing.assert_array_equal(scribbles.background, editor.voxels("Background")[::-1])


def test_the_bleed_wins_where_the_seeds_overlap(editor, port):
    crossing = editor.voxels("Background") | editor.voxels("Bleed")
    editor.node.SetOverwriteMode(editor.node.OverwriteNone)
    editor.segmentation.GetSegmentation().SeparateSegmentLabelmap(editor.ids["Background"])
    editor.paint("Background", crossing)
    scribbles = port.read_scribbles()
    assert not (scribbles.foreground & scribbles.background).any()
    np.testing.assert_array_equal(scribbles.foreground, editor.voxels("Bleed")[::-1])


def test_where_seeds_cross_the_later_one_wins_and_stays_the_winner(editor, port):
    bleed = editor.voxels("Bleed")
    port.read_scribbles()
    editor.node.SetOverwriteMode(editor.node.OverwriteNone)
    editor.segmentation.GetSegmentation().SeparateSegmentLabelmap(editor.ids["Background"])
    editor.paint("Background", editor.voxels("Background") | bleed)
    for _ in range(3):
        scribbles = port.read_scribbles()
        assert not scribbles.foreground.any()
        assert scribbles.background[::-1][bleed].all()
    # The user's own segments are not touched.
    np.testing.assert_array_equal(editor.voxels("Bleed"), bleed)


def test_preview_covers_slices_far_from_the_seeds(editor, port):
    mask = np.zeros((8, 20, 24), bool)
    mask[:, 8:13, 7:15] = True
    port.write_rounds(one_round(port, mask))
    np.testing.assert_array_equal(editor.voxels("Bleed", editor.preview.node), mask[::-1])
    np.testing.assert_array_equal(port.read_mask(), mask)
    assert port.load_rounds().number == 1


def test_apply_writes_the_bleed_and_nothing_else(editor, port):
    before = {name: editor.voxels(name) for name in ("Other", "Background")}
    scribbles = editor.voxels("Bleed")
    mask = np.zeros((8, 20, 24), bool)
    mask[1:7, 3:15, 3:16] = True  # over both other segments
    port.write_rounds(one_round(port, mask))
    editor.apply(port.preview_labelmap())
    np.testing.assert_array_equal(editor.voxels("Bleed"), mask[::-1])
    for name, voxels in before.items():
        np.testing.assert_array_equal(editor.voxels(name), voxels)
    editor.logic.Undo()
    np.testing.assert_array_equal(editor.voxels("Bleed"), scribbles)


def test_apply_leaves_the_editor_as_the_user_set_it(editor, port):
    editor.node.SetOverwriteMode(editor.node.OverwriteVisibleSegments)
    editor.node.SetSelectedSegmentID(editor.ids["Other"])
    port.write_rounds(one_round(port, np.ones((8, 20, 24), bool)))
    editor.apply(port.preview_labelmap())
    assert editor.node.GetOverwriteMode() == editor.node.OverwriteVisibleSegments
    assert editor.node.GetSelectedSegmentID() == editor.ids["Other"]


def _inside_other(editor):
    import slicer

    editor.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    editor.node.SetMaskSegmentID(editor.ids["Other"])
    return editor.voxels("Other")


def _outside_all(editor):
    import slicer

    editor.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    editor.node.SetSelectedSegmentID(editor.ids["Background"])
    return ~(editor.voxels("Other") | editor.voxels("Background"))


def _in_range(editor):
    import slicer

    editor.node.SetSourceVolumeIntensityMask(True)
    editor.node.SetSourceVolumeIntensityMaskRange(40, 90)
    volume = slicer.util.arrayFromVolume(editor.ct)
    return (volume >= 40) & (volume <= 90)


def _inside_other_and_in_range(editor):
    return _inside_other(editor) & _in_range(editor)


@pytest.mark.parametrize("restrict", [_inside_other, _outside_all, _in_range, _inside_other_and_in_range])
def test_masking_is_honored_and_the_preview_shows_what_apply_leaves(editor, port, restrict):
    editable, scribbles = restrict(editor), editor.voxels("Bleed")
    mask = np.zeros((8, 20, 24), bool)
    mask[1:7, 2:16, 2:18] = True
    port.write_rounds(one_round(port, mask))
    preview = editor.voxels("Bleed", editor.preview.node)
    editor.apply(port.preview_labelmap())
    np.testing.assert_array_equal(preview, np.where(editable, mask[::-1], scribbles))
    np.testing.assert_array_equal(editor.voxels("Bleed"), preview)
    voxel_ml = np.prod(port.geometry().spacing) / 1000
    assert port.shown_ml == pytest.approx(preview.sum() * voxel_ml) != mask.sum() * voxel_ml
    # The memory of the next round is what the network said, not what masking left of it.
    np.testing.assert_array_equal(port.read_mask(), mask)


def test_parent_transform_of_both_nodes_changes_nothing_but_the_key(editor, port):
    import vtk

    key, scribbles = port.ct_key(), port.read_scribbles()
    transform = editor.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 25.0)
    transform.SetMatrixTransformToParent(matrix)
    for node in (editor.ct, editor.segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    np.testing.assert_array_equal(port.read_scribbles().foreground, scribbles.foreground)
    assert port.ct_key() != key


def test_key_stays_while_painting_and_changes_with_voxels_and_bleed_segment(editor, port):
    import slicer

    key = port.ct_key()
    editor.paint("Bleed", editor.voxels("Bleed") | editor.voxels("Background"))
    port.write_rounds(one_round(port, np.ones((8, 20, 24), bool)))
    editor.ct.GetDisplayNode().SetWindowLevel(100, 50)
    assert port.ct_key() == key
    port.bleed_id = editor.ids["Other"]
    assert port.ct_key() != key
    port.bleed_id = editor.ids["Bleed"]
    slicer.util.arrayFromVolume(editor.ct)[:] += 1
    slicer.util.arrayFromVolumeModified(editor.ct)
    assert port.ct_key() != key


def test_scribbles_are_noticed_when_they_come_and_go(editor, port):
    assert port.has_scribbles()
    for name in ("Bleed", "Background"):
        editor.segmentation.GetSegmentation().ClearSegment(editor.ids[name])
    assert not port.has_scribbles()


def test_without_nodes_there_is_no_ct(editor, port):
    editor.node.SetAndObserveSourceVolumeNode(None)
    assert port.ct_key() is None
    editor.node.SetAndObserveSegmentationNode(None)
    assert port.ct_key() is None
    assert not port.has_scribbles()


def test_clearing_the_rounds_removes_the_preview_and_keeps_the_scribbles(editor, port):
    port.write_rounds(one_round(port, np.ones((8, 20, 24), bool)))
    scribbles = editor.voxels("Bleed")
    port.write_rounds(port.load_rounds().emptied())
    assert editor.preview.node is None and port.read_mask() is None and port.load_rounds().number == 0
    np.testing.assert_array_equal(editor.voxels("Bleed"), scribbles)
    with pytest.raises(InvalidScribblesError, match="Initialize"):
        port.preview_labelmap()


def test_a_deleted_preview_is_no_memory(editor, port):
    port.write_rounds(one_round(port, np.ones((8, 20, 24), bool)))
    editor.preview.remove()
    assert port.read_mask() is None and port.load_rounds().number == 0


def test_the_result_of_another_ct_is_no_memory(editor, port):
    from ICHHPINetLib.scene import add_ct_node

    port.write_rounds(one_round(port, np.ones((8, 20, 24), bool)))
    other = add_ct_node(editor.scene, "Other CT", np.zeros((4, 20, 24), np.int16), np.eye(4))
    editor.node.SetAndObserveSourceVolumeNode(other)
    assert port.read_mask() is None and port.load_rounds().number == 0


def test_written_scribbles_come_back_and_touch_no_other_segment(editor, port):
    other, drawn = editor.voxels("Other"), port.read_scribbles()
    port.write_scribbles(Scribbles(drawn.background, drawn.foreground))
    again = port.read_scribbles()
    np.testing.assert_array_equal(again.foreground, drawn.background)
    np.testing.assert_array_equal(again.background, drawn.foreground)
    np.testing.assert_array_equal(editor.voxels("Other"), other)


def test_a_deleted_seed_is_named(editor, port):
    editor.segmentation.GetSegmentation().RemoveSegment(editor.ids["Background"])
    with pytest.raises(InvalidScribblesError, match="deleted"):
        port.read_scribbles()


class TestChoosingSeeds:
    def choose(self, editor, **choice):
        from ICHHPINetLib.scene.effect_scene import choose_seeds

        ids = {role: editor.ids[name] for role, name in choice.items()}
        chosen = choose_seeds(editor.segmentation, ids.get("bleed", ""), ids.get("background", ""))
        names = {value: name for name, value in editor.ids.items()}
        return tuple(names[segment_id] for segment_id in chosen)

    def test_first_and_last_visible_segment_are_the_seeds(self, editor):
        assert self.choose(editor) == ("Bleed", "Background")
        editor.segmentation.GetDisplayNode().SetSegmentVisibility(editor.ids["Background"], False)
        assert self.choose(editor) == ("Bleed", "Other")

    def test_a_choice_is_followed(self, editor):
        assert self.choose(editor, bleed="Other") == ("Other", "Background")
        assert self.choose(editor, background="Bleed") == ("Other", "Bleed")
        assert self.choose(editor, bleed="Background") == ("Background", "Other")

    def test_one_visible_segment_is_not_enough(self, editor):
        display = editor.segmentation.GetDisplayNode()
        display.SetSegmentVisibility(editor.ids["Other"], False)
        display.SetSegmentVisibility(editor.ids["Background"], False)
        with pytest.raises(InvalidScribblesError, match="Two visible segments"):
            self.choose(editor)

    def test_one_segment_cannot_be_both(self, editor):
        with pytest.raises(InvalidScribblesError, match="same segment"):
            self.choose(editor, bleed="Other", background="Other")
