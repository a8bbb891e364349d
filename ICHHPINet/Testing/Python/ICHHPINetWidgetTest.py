"""Drives the panel in a Slicer with a main window; the session behind it is a stand-in."""

import time
import unittest
from unittest import mock

import numpy as np
import qt
import slicer
from ICHHPINetLib.interaction.status import State
from ICHHPINetSupport.PhantomSample import loadPhantom
from ICHHPINetSupport.SelfTest import StandInSession


# What Slicer writes into its log where calls come in the wrong order.
COMPLAINTS = (
    "Invalid segment editor parameter set node",
    "Unable to find subject hierarchy item",
    "Failed to access subject hierarchy item",
)


class SlowSession(StandInSession):
    """Slow enough to be cancelled."""

    secondsPerSlice = 0.03


class ICHHPINetWidgetTest(unittest.TestCase):
    """A user's way through the panel."""

    @classmethod
    def setUpClass(cls):
        # Before the panel, which makes its logic once, is opened for the first time.
        cls.stand_ins = mock.patch.multiple(
            "ICHHPINetSupport.Logic", SessionFactory=lambda: SlowSession, torch_is_installed=lambda: True
        )
        cls.stand_ins.start()

    @classmethod
    def tearDownClass(cls):
        cls.stand_ins.stop()

    def setUp(self):
        if slicer.app.layoutManager() is None:
            self.skipTest("Painting needs slice views; run with a main window.")
        slicer.mrmlScene.Clear()
        # A module that is shown already is not entered again, and would not look for a CT.
        slicer.util.selectModule("Data")
        self.ct, self.phantom = loadPhantom("deep", spacing=(5.0, 1.0, 1.0))
        slicer.util.selectModule("ICHHPINet")
        self.widget = slicer.util.getModuleWidget("ICHHPINet")
        self.ui = self.widget.ui
        self.logic = self.widget.logic
        slicer.app.processEvents()

    def tearDown(self):
        slicer.mrmlScene.Clear()
        slicer.app.processEvents()

    def test_firstCtIsShownInTheBrainWindow(self):
        self.assertEqual(self.ui.inputSelector.currentNode(), self.ct)
        display = self.ct.GetDisplayNode()
        self.assertEqual((display.GetWindow(), display.GetLevel()), (80, 40))
        red = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
        self.assertEqual(red.GetBackgroundVolumeID(), self.ct.GetID())
        self.assertEqual(self.state(), State.IDLE)

    def test_paintWithTheMouse(self):
        red = slicer.app.layoutManager().sliceWidget("Red")
        for button, role in (
            (self.ui.foregroundButton, "foreground"),
            (self.ui.backgroundButton, "background"),
        ):
            button.click()
            self.assertTrue(button.checked)
            self.assertEqual(self.widget.scribbleTools.editor.activeEffect().name, "Paint")
            x = red.width // 2 + (40 if role == "background" else 0)
            slicer.util.clickAndDrag(red, start=(x, red.height // 2), end=(x + 20, red.height // 2))
            slicer.app.processEvents()
            self.assertTrue(getattr(self.logic.scene.read_scribbles(), role).any(), role)
        self.assertEqual(self.state(), State.READY)
        self.ui.eraserButton.click()
        self.assertEqual(self.widget.scribbleTools.editor.activeEffect().name, "Erase")
        self.ui.eraserButton.click()
        self.assertIsNone(self.widget.scribbleTools.tool)

    def test_refineKeepsTheEventLoopRunning(self):
        self.paint()
        ticks = []
        timer = qt.QTimer()
        timer.setInterval(20)
        timer.connect("timeout()", lambda: ticks.append(time.monotonic()))
        timer.start()
        self.ui.refineButton.click()
        self.assertEqual(self.state(), State.REFINING)
        self.waitForRest()
        timer.stop()
        self.assertEqual(self.logic.scene.rounds(), 1)
        self.assertLess(np.diff(ticks).max(), 2.0, "The application stood still during the round")
        self.assertIn("mL", self.ui.volumeLabel.text)
        self.assertRegex(self.ui.roundsTable.mrmlTableNode().GetCellText(0, 1), r"^\d+\.\d$")

    def test_secondClickDuringARoundIsNotLost(self):
        self.paint()
        self.ui.refineButton.click()
        self.ui.refineButton.click()
        self.waitForRest()
        self.assertEqual(self.logic.scene.rounds(), 2)

    def test_cancelledRoundLeavesEverything(self):
        self.paint()
        self.ui.refineButton.click()
        self.waitForRest()
        before = self.logic.scene.read_mask()
        self.paint(offset=1)
        self.ui.refineButton.click()
        self.wait(lambda: self.logic.controller.status.slice_index is not None)
        self.ui.cancelButton.click()
        self.waitForRest()
        self.assertEqual(self.state(), State.CANCELLED)
        np.testing.assert_array_equal(self.logic.scene.read_mask(), before)
        self.assertEqual(self.logic.scene.rounds(), 1)

    def test_undoRoundByButton(self):
        self.paint()
        self.ui.refineButton.click()
        self.waitForRest()
        self.ui.undoRoundButton.click()
        self.assertEqual(self.logic.scene.rounds(), 0)
        self.assertFalse(self.logic.scene.has_scribbles())

    def test_undoScribbleAfterTheMouse(self):
        red = slicer.app.layoutManager().sliceWidget("Red")
        self.ui.foregroundButton.click()
        drawn = []
        for offset in (0, 40):
            x, y = red.width // 2, red.height // 2 + offset
            slicer.util.clickAndDrag(red, start=(x, y), end=(x + 20, y))
            slicer.app.processEvents()
            drawn.append(self.logic.scene.read_scribbles().foreground.sum())
        self.assertGreater(drawn[1], drawn[0])
        self.ui.undoScribbleButton.click()
        self.assertEqual(self.logic.scene.read_scribbles().foreground.sum(), drawn[0])
        self.assertEqual(self.widget.scribbleTools.tool, "foreground")
        self.ui.undoScribbleButton.click()
        self.assertFalse(self.logic.scene.has_scribbles())
        slicer.app.processEvents()
        self.assertFalse(self.ui.undoScribbleButton.enabled)

    def test_coronalAndSagittalViewsGoToTheBleed(self):
        self.paint()
        self.ui.refineButton.click()
        self.waitForRest()
        middle = self.logic.scene.geometry().world_of(self.logic.foci()[0].middle)
        for name, axis in (("Green", 1), ("Yellow", 0)):
            view = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()
            self.assertAlmostEqual(view.GetSliceToRAS().GetElement(axis, 3), middle[axis], 1)

    def test_show3D(self):
        self.ui.show3DCheckBox.checked = True
        self.paint()
        self.ui.refineButton.click()
        self.waitForRest()
        hematoma = self.logic.scene.node("hematoma")
        surface = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
        self.assertTrue(hematoma.GetSegmentation().ContainsRepresentation(surface))
        self.ui.show3DCheckBox.checked = False
        self.assertFalse(hematoma.GetSegmentation().ContainsRepresentation(surface))

    def test_nothingOfOursIsInTheLog(self):
        log = slicer.app.errorLogModel()
        before = log.logEntryCount()
        slicer.util.reloadScriptedModule("ICHHPINet")
        self.widget = slicer.util.getModuleWidget("ICHHPINet")
        self.ui, self.logic = self.widget.ui, self.widget.logic
        self.paint()
        self.ui.refineButton.click()
        self.waitForRest()
        self.ui.nextSliceButton.click()
        self.ui.nextFocusButton.click()
        self.ui.undoRoundButton.click()
        entries = [log.logEntryDescription(row) for row in range(before, log.logEntryCount())]
        self.assertEqual([entry for entry in entries if any(text in entry for text in COMPLAINTS)], [])

    def test_autoRefine(self):
        self.ui.autoRefineCheckBox.checked = True
        self.paint()
        self.waitForRest()
        self.assertGreaterEqual(self.logic.scene.rounds(), 1)
        self.ui.autoRefineCheckBox.checked = False

    def test_deletedResultNode(self):
        self.paint()
        self.ui.refineButton.click()
        self.waitForRest()
        slicer.mrmlScene.RemoveNode(self.logic.scene.node("hematoma"))
        self.assertEqual(self.logic.controller.status.rounds, 0)
        self.assertFalse(self.ui.exportTableButton.enabled)
        self.ui.refineButton.click()
        self.waitForRest()
        self.assertEqual(self.logic.scene.rounds(), 1)

    def test_deletedScribbles(self):
        self.ui.foregroundButton.click()
        slicer.mrmlScene.RemoveNode(self.logic.scene.node("scribbles"))
        self.assertFalse(self.ui.foregroundButton.checked)
        self.ui.foregroundButton.click()
        self.assertTrue(self.ui.foregroundButton.checked)
        self.paint()
        self.assertEqual(self.state(), State.READY)

    def test_deletedCtDuringARound(self):
        self.paint()
        self.ui.refineButton.click()
        slicer.mrmlScene.RemoveNode(self.ct)
        self.assertEqual(self.state(), State.NO_CT)
        slicer.app.processEvents()

    def test_closedSceneDuringARound(self):
        self.paint()
        self.ui.refineButton.click()
        self.wait(lambda: self.logic.controller.status.slice_index is not None)
        slicer.mrmlScene.Clear()
        self.assertEqual(self.state(), State.NO_CT)
        for _repeat in range(20):
            slicer.app.processEvents()
            time.sleep(0.01)
        self.assertIsNone(slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode"))

    def test_shortcutsOnlyWhileTheModuleIsShown(self):
        self.assertTrue(self.widget.shortcuts.created)
        slicer.util.selectModule("Data")
        self.assertFalse(self.widget.shortcuts.created)
        slicer.util.selectModule("ICHHPINet")
        self.assertTrue(self.widget.shortcuts.created)

    def test_reloadDuringARound(self):
        self.paint()
        self.ui.refineButton.click()
        slicer.util.reloadScriptedModule("ICHHPINet")
        slicer.app.processEvents()
        reloaded = slicer.util.getModuleWidget("ICHHPINet")
        self.assertIsNot(reloaded, self.widget)
        self.assertEqual(reloaded.logic.scene.ct, self.ct)

    def state(self):
        return self.logic.controller.status.state

    def paint(self, offset=0):
        """A scribble by code, on the middle slice of the bleed and above."""
        scribbles, foreground, _background = self.logic.scene.ensure_scribbles()
        scribble = np.zeros_like(self.phantom.mask)
        index = int(self.phantom.mask.sum(axis=(1, 2)).argmax())
        scribble[index : index + offset + 1] = self.phantom.mask[index : index + offset + 1]
        slicer.util.updateSegmentBinaryLabelmapFromArray(scribble, scribbles, foreground, self.ct)
        slicer.app.processEvents()

    def waitForRest(self):
        self.wait(lambda: not self.state().is_busy)

    def wait(self, isDone, seconds=60):
        deadline = time.monotonic() + seconds
        while not isDone():
            self.assertLess(time.monotonic(), deadline, "The round did not get on")
            slicer.app.processEvents()
            time.sleep(0.005)
