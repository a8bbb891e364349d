import os
import time

import numpy as np

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest

ROUND_TIMEOUT_SEC = 300


#
# SegmentEditorICHHPINet
#


class SegmentEditorICHHPINet(ScriptedLoadableModule):
    """Hidden module that registers the Segment Editor effect ICH-HPINet."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Segment Editor ICH-HPINet")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations"]
        self.parent.contributors = ["The SlicerICHHPINet contributors"]
        self.parent.hidden = True
        self.parent.helpText = _("This hidden module registers the Segment Editor effect ICH-HPINet.")
        self.parent.acknowledgementText = _(
            "The effect follows Tao et al., ICH-HPINet, Scientific Reports, 2025. "
            "Research use only, not a medical device."
        )
        slicer.app.connect("startupCompleted()", self.registerEditorEffect)

    def registerEditorEffect(self):
        # Slicer takes the class from the imported package; on its own it would load the file without it.
        import ICHHPINetEffect
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        scriptedEffect = effects.qSlicerSegmentEditorScriptedEffect(None)
        effectFile = os.path.join(os.path.dirname(ICHHPINetEffect.__file__), "SegmentEditorEffect.py")
        scriptedEffect.setPythonSource(effectFile.replace("\\", "/"))
        scriptedEffect.self().register()


#
# SegmentEditorICHHPINetTest
#


class SegmentEditorICHHPINetTest(ScriptedLoadableModuleTest):
    """Drives the effect through the Segment Editor's node and widget; needs the main window."""

    def setUp(self):
        slicer.mrmlScene.Clear()
        if slicer.app.layoutManager() is None:
            self.skipTest("Segment Editor effects need the main window; run without --no-main-window")
        from ICHHPINetLib.interaction.session_factory import torch_is_installed

        if not torch_is_installed():
            self.skipTest("PyTorch is not installed in this Slicer")
        self.makeCT()
        self.makeSegments()
        self.openEditor()

    def tearDown(self):
        if hasattr(self, "editorWidget"):
            self.editorWidget.setActiveEffect(None)
            self.editorWidget.deleteLater()
        slicer.mrmlScene.Clear()

    def runTest(self):
        from ICHHPINetSupport.SelfTest import runAll

        runAll(self)

    def test_previewSeesTheWholeVolumeAndApplyKeepsOtherSegments(self):
        before = {segmentId: self.voxels(segmentId) for segmentId in (self.otherId, self.backgroundId)}
        scribbles = self.voxels(self.bleedId)
        self.refine()

        preview = self.previewVoxels()
        scribbleSlices = np.flatnonzero(scribbles.any(axis=(1, 2)))
        previewSlices = np.flatnonzero(preview.any(axis=(1, 2)))
        self.assertGreater(len(previewSlices), len(scribbleSlices))
        self.assertTrue(preview[scribbles > 0].all(), "A scribble on the bleed was not obeyed")
        self.assertFalse(preview[before[self.backgroundId] > 0].any(), "A background scribble was not obeyed")

        self.effect.onApply()
        self.assertIsNone(self.effect.getPreviewNode())
        np.testing.assert_array_equal(self.voxels(self.bleedId), preview)
        for segmentId, voxels in before.items():
            np.testing.assert_array_equal(self.voxels(segmentId), voxels)
        volume = preview.sum() * np.prod(self.phantom.spacing) / 1000
        self.assertLess(abs(volume - self.phantom.volume_ml), 0.25 * self.phantom.volume_ml)

        self.editorWidget.undo()
        np.testing.assert_array_equal(self.voxels(self.bleedId), scribbles)

    def test_paintingOnRefinesThePreviewByItself(self):
        self.refine()
        scribbles = self.voxels(self.bleedId)
        missed = (self.phantom.mask > 0) & (self.previewVoxels() == 0) & (self.voxels(self.backgroundId) == 0)
        newScribble = np.argwhere(missed if missed.any() else self.phantom.mask > 0)[:3]
        scribbles[tuple(newScribble.T)] = 1
        self.paint(self.bleedId, scribbles)
        self.waitUntil(lambda: self.effect.controller.status.rounds == 2)
        self.assertTrue(self.previewVoxels()[scribbles > 0].all())

    def test_cancelKeepsTheRoundBefore(self):
        self.refine()
        preview = self.previewVoxels()
        self.effect.onPreview()
        self.effect.onCancel()
        self.waitUntil(lambda: not self.effect.isBusy())
        np.testing.assert_array_equal(self.previewVoxels(), preview)
        self.effect.onCancel()
        self.assertIsNone(self.effect.getPreviewNode())

    def test_editableIntensityRangeIsHonored(self):
        self.editorNode.SetSourceVolumeIntensityMask(True)
        self.editorNode.SetSourceVolumeIntensityMaskRange(45, 90)
        scribbles = self.voxels(self.bleedId)
        self.refine()
        preview = self.previewVoxels()
        self.effect.onApply()
        applied = self.voxels(self.bleedId)
        np.testing.assert_array_equal(applied, preview)
        outside = (self.phantom.volume < 45) | (self.phantom.volume > 90)
        np.testing.assert_array_equal(applied[outside], scribbles[outside])

    def test_closingTheSceneInTheMiddleOfARoundIsClean(self):
        self.effect.onPreview()
        slicer.mrmlScene.Clear()
        self.waitUntil(lambda: not self.effect.isBusy())
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 0)

    #
    # Steps
    #

    def makeCT(self):
        from ICHHPINetSupport.PhantomSample import loadPhantom

        self.ctNode, self.phantom = loadPhantom("deep", seed=1, spacing=(5.0, 1.0, 1.0))

    def makeSegments(self):
        self.segmentationNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
        self.segmentationNode.CreateDefaultDisplayNodes()
        self.segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(self.ctNode)
        segmentation = self.segmentationNode.GetSegmentation()
        self.bleedId = segmentation.AddEmptySegment("Bleed", "Bleed")
        self.otherId = segmentation.AddEmptySegment("Other", "Other")
        self.backgroundId = segmentation.AddEmptySegment("Background", "Background")

        truth = self.phantom.mask > 0
        middle = int(truth.sum(axis=(1, 2)).argmax())
        rows, columns = np.nonzero(truth[middle])
        row, left, right = int(np.median(rows)), columns.min(), columns.max()
        scribbles = np.zeros(truth.shape, np.uint8)
        scribbles[middle, row, left + 3 : right - 2] = 1
        scribbles &= truth
        self.paint(self.bleedId, scribbles)
        background = np.zeros(truth.shape, np.uint8)
        background[middle, rows.max() + 6, left:right] = 1
        background[middle, rows.min() - 6, left:right] = 1
        self.paint(self.backgroundId, background)
        # It overlaps the bleed, and must survive nevertheless.
        other = np.zeros(truth.shape, np.uint8)
        other[middle, rows.min() : row - 2, left : left + 12] = 1
        self.paint(self.otherId, other)

    def openEditor(self):
        self.editorWidget = slicer.qMRMLSegmentEditorWidget()
        self.editorWidget.setMRMLScene(slicer.mrmlScene)
        self.editorNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.editorWidget.setMRMLSegmentEditorNode(self.editorNode)
        self.editorWidget.setSegmentationNode(self.segmentationNode)
        self.editorWidget.setSourceVolumeNode(self.ctNode)
        self.editorWidget.setMaximumNumberOfUndoStates(10)
        self.editorWidget.setActiveEffectByName("ICH-HPINet")
        self.assertIsNotNone(self.editorWidget.activeEffect(), "The effect is not registered")
        self.effect = self.editorWidget.activeEffect().self()

    def refine(self):
        rounds = self.effect.controller.status.rounds if self.effect.controller else 0
        self.effect.onPreview()
        self.waitUntil(lambda: not self.effect.isBusy())
        status = self.effect.controller.status
        self.assertEqual(status.rounds, rounds + 1, status.message)

    def waitUntil(self, condition):
        deadline = time.time() + ROUND_TIMEOUT_SEC
        while not condition():
            self.assertLess(time.time(), deadline, "The effect did not finish in time")
            slicer.app.processEvents()

    def paint(self, segmentId, voxels):
        slicer.util.updateSegmentBinaryLabelmapFromArray(
            voxels, self.segmentationNode, segmentId, self.ctNode
        )

    def voxels(self, segmentId):
        return slicer.util.arrayFromSegmentBinaryLabelmap(self.segmentationNode, segmentId, self.ctNode)

    def previewVoxels(self):
        return slicer.util.arrayFromSegmentBinaryLabelmap(
            self.effect.getPreviewNode(), self.bleedId, self.ctNode
        )
