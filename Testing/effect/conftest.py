"""A CT and a segmentation in an open Segment Editor, without the application."""

from dataclasses import dataclass, field

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

SHAPE = (8, 20, 24)


@dataclass
class Preview:
    """Owner of the preview node, as the effect is one."""

    scene: object
    node: object = None

    def find(self):
        return self.node

    def make(self):
        if self.node is None:
            self.node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "preview")
            self.node.CreateDefaultDisplayNodes()
        return self.node

    def remove(self):
        if self.node is not None:
            self.scene.RemoveNode(self.node)
            self.node = None


@dataclass
class Editor:
    """The nodes behind a Segment Editor and its logic, which masks and undoes."""

    scene: object
    ct: object
    segmentation: object
    node: object
    logic: object
    preview: Preview
    ids: dict = field(default_factory=dict)

    def source_image(self):
        assert self.logic.UpdateAlignedSourceVolume()
        return self.logic.GetAlignedSourceVolume()

    def paint(self, name, marked):
        import slicer

        slicer.util.updateSegmentBinaryLabelmapFromArray(
            np.asarray(marked, np.uint8), self.segmentation, self.ids[name], self.ct
        )

    def voxels(self, name, node=None):
        import slicer

        node = node or self.segmentation
        return slicer.util.arrayFromSegmentBinaryLabelmap(node, self.ids[name], self.ct) > 0

    def apply(self, labelmap):
        """What the effect's Apply asks of the editor."""
        from ICHHPINetLib.scene.effect_scene import other_segments_kept

        self.logic.SaveStateForUndo()
        with other_segments_kept(self.node, self.ids["Bleed"]):
            self.logic.ModifySegmentByLabelmap(
                self.segmentation, self.ids["Bleed"], labelmap, self.logic.ModificationModeSet, False, False
            )


def make_editor(scene, matrix):
    """An editor on segments Bleed, Other and Background; ``matrix`` is the CT's IJK to RAS."""
    import slicer

    from ICHHPINetLib.scene import add_ct_node

    rng = np.random.default_rng(0)
    ct = add_ct_node(scene, "CT", rng.integers(0, 100, SHAPE).astype(np.int16), matrix)
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetAndObserveSegmentationNode(segmentation)
    node.SetAndObserveSourceVolumeNode(ct)
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(scene)
    logic.SetSegmentEditorNode(node)
    editor = Editor(scene, ct, segmentation, node, logic, Preview(scene))
    for name in ("Bleed", "Other", "Background"):
        editor.ids[name] = segmentation.GetSegmentation().AddEmptySegment(name, name)
    return editor


def oblique():
    """IJK to RAS: slices from head to feet, rotated by 20 degrees about the axis from right to left."""
    cosine, sine = np.cos(np.deg2rad(20)), np.sin(np.deg2rad(20))
    turn = np.array([[1, 0, 0, 0], [0, cosine, -sine, 0], [0, sine, cosine, 0], [0, 0, 0, 1]])
    matrix = turn @ np.diag([-0.5, -0.5, -5.0, 1.0])
    matrix[:3, 3] = 31.0, -12.5, 80.0
    return matrix


def mark(*index):
    """bool (Z, Y, X) with one stretch of voxels marked."""
    array = np.zeros(SHAPE, bool)
    array[index] = True
    return array


@pytest.fixture
def editor():
    from ICHHPINetLib.scene.headless import headless_scene

    with headless_scene() as scene:
        editor = make_editor(scene, oblique())
        editor.paint("Bleed", mark(3, 10, slice(8, 14)))
        editor.paint("Background", mark(3, 4, slice(2, 9)))
        editor.paint("Other", mark(slice(2, 5), slice(9, 12), slice(4, 10)))
        yield editor
