"""The self test that Slicer runs on the module, without a main window."""

import os
import time
import unittest

import numpy as np
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

# Of the truth: the phantom's partial volume alone moves a border voxel to either side.
_VOLUME_TOLERANCE = 0.1


class ICHHPINetTest(ScriptedLoadableModuleTest):
    """Rounds on real nodes, by code. What needs views is in Testing/Python/ICHHPINetWidgetTest.py."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def tearDown(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        runAll(self)

    def test_moduleLoadsWithoutPyTorch(self):
        """The panel is built and says what to do, whatever is installed."""
        widget = slicer.util.getModuleWidget("ICHHPINet")
        self.assertTrue(widget.ui.researchLabel.text)
        self.assertTrue(widget.ui.messageLabel.text)
        self.assertFalse(widget.ui.refineButton.enabled)

    def test_missingPyTorchIsExplained(self):
        from ICHHPINetLib.errors import TorchMissingError
        from ICHHPINetSupport.PackageInstaller import install, missingRequirements

        logic, ct, phantom = _start(hasPackages=lambda: False)
        _paint(logic, ct, phantom.mask, _middle(phantom.mask))
        with self.assertRaisesRegex(TorchMissingError, "Install"):
            logic.refine()
        if missingRequirements():
            self.assertFalse(install(), "Nothing may be installed in testing mode")
        logic.close()

    def test_parameterNodeIsTyped(self):
        logic, ct, _phantom = _start()
        parameters = logic.getParameterNode()
        self.assertEqual(parameters.inputVolume, ct)
        self.assertEqual(parameters.scribbles, logic.scene.node("scribbles"))
        self.assertEqual(
            (parameters.device, parameters.weights, parameters.autoRefine), ("auto", "default", False)
        )
        with self.assertRaises(ValueError):
            parameters.device = "abacus"
        logic.close()

    def test_phantomIsSampleData(self):
        import SampleData
        from ICHHPINetSupport.PhantomSample import registerSampleData

        registerSampleData()
        source = SampleData.SampleDataLogic().sourceForSampleName("ICHHPINetPhantom")
        self.assertIsNotNone(source)
        source.customDownloader(source)
        self.assertIsNotNone(slicer.mrmlScene.GetFirstNodeByName("ICHHPINetPhantom"))

    def test_roundsWithAStandInSession(self):
        """Nodes, cancel and undo, without PyTorch."""
        logic, ct, phantom = _start(openSession=StandInSession, hasPackages=lambda: True)
        index = _middle(phantom.mask)
        _paint(logic, ct, phantom.mask, index)
        first = logic.refine()
        self.assertEqual(first["Round"], 1)
        _paint(logic, ct, phantom.mask, index + 1)
        second = logic.refine()
        self.assertGreater(second["Volume (mL)"], first["Volume (mL)"])
        self.assertAlmostEqual(second["Change (mL)"], second["Volume (mL)"] - first["Volume (mL)"], 6)
        self.assertTrue(logic.undo())
        self.assertEqual([row["Round"] for row in logic.scene.rounds_rows()], [1])
        self.assertFalse(logic.scene.read_scribbles().foreground[index + 1].any())
        _paint(logic, ct, phantom.mask, index + 2)
        self.assertTrue(logic.undoScribble())
        self.assertEqual(logic.scene.read_scribbles().slices(), [index])
        self.assertFalse(logic.undoScribble(), "A round has seen the one that is left")
        logic.close()

    def test_firstGuessIsCorrectedByAScribble(self):
        from ICHHPINetLib.errors import InvalidScribblesError

        logic, ct, phantom = _start(openSession=StandInSession, hasPackages=lambda: True)
        guess = logic.guess()
        self.assertEqual((guess["Round"], guess["Scribbled slices"]), (1, 0))
        self.assertGreater(guess["Volume (mL)"], 0)
        with self.assertRaises(InvalidScribblesError):
            logic.guess()
        _paint(logic, ct, phantom.mask, _middle(phantom.mask))
        corrected = logic.refine()
        self.assertEqual((corrected["Round"], corrected["Scribbled slices"]), (2, 1))
        self.assertGreater(corrected["Volume (mL)"], guess["Volume (mL)"])
        logic.close()

    def test_exportWritesEveryFormat(self):
        from ICHHPINetLib.errors import OutputError

        logic, ct, phantom = _start(openSession=StandInSession, hasPackages=lambda: True)
        folder = slicer.util.tempDirectory()
        with self.assertRaises(OutputError):
            logic.export("hematoma", os.path.join(folder, "early.seg.nrrd"))
        _paint(logic, ct, phantom.mask, _middle(phantom.mask))
        row = logic.refine()
        for role, name in (
            ("hematomaLabelmap", "labels.nrrd"),
            ("hematomaLabelmap", "labels.nii.gz"),
            ("hematoma", "result.seg.nrrd"),
            ("rounds", "rounds.csv"),
        ):
            logic.export(role, os.path.join(folder, name))
        for name in ("labels.nrrd", "labels.nii.gz"):
            labels = slicer.util.loadLabelVolume(os.path.join(folder, name))
            milliliters = slicer.util.arrayFromVolume(labels).sum() * np.prod(phantom.spacing) / 1000
            self.assertAlmostEqual(milliliters, row["Volume (mL)"], 3)
        self.assertIsNotNone(slicer.util.loadSegmentation(os.path.join(folder, "result.seg.nrrd")))
        with open(os.path.join(folder, "rounds.csv"), encoding="utf-8") as table:
            self.assertIn("Volume (mL)", table.readline())
        logic.close()

    def test_threeRoundsUndoSaveReloadRoundFour(self):
        """The main job with the shipped network, against the phantom's analytic volume."""
        _skipWithoutPackages(self)
        logic, ct, phantom = _start()
        truth, middle = phantom.mask, _middle(phantom.mask)
        rows = []
        for index in (middle, middle + 2, middle - 2):
            _paint(logic, ct, truth, index)
            rows.append(logic.refine())
            self.delayDisplay("Round {Round}: {Volume (mL):.1f} mL".format(**rows[-1]))
        self.assertEqual([row["Round"] for row in rows], [1, 2, 3])
        self._checkNodes(logic, ct, phantom, rows[-1])

        beforeUndo = logic.scene.read_mask()
        self.assertTrue(logic.undo())
        self.assertEqual(logic.scene.rounds(), 2)
        _paint(logic, ct, truth, middle - 2)
        again = logic.refine()
        self.assertEqual(again["Round"], 3)
        np.testing.assert_array_equal(logic.scene.read_mask(), beforeUndo)

        path = os.path.join(slicer.util.tempDirectory(), "rounds.mrb")
        self.assertTrue(slicer.util.saveScene(path))
        logic.close()
        slicer.mrmlScene.Clear()
        slicer.util.loadScene(path)

        logic = _newLogic()
        ct = logic.getParameterNode().inputVolume
        self.assertIsNotNone(ct)
        logic.setCt(ct)
        self.assertEqual(logic.controller.status.rounds, 3)
        np.testing.assert_array_equal(logic.scene.read_mask(), beforeUndo)
        _paint(logic, ct, truth, middle + 1)
        fourth = logic.refine()
        self.assertEqual(fourth["Round"], 4)
        self._checkNodes(logic, ct, phantom, fourth)
        logic.close()

    def _checkNodes(self, logic, ct, phantom, row):
        scene = logic.scene
        names = {role: scene.node(role).GetName() for role in ("hematoma", "hematomaLabelmap", "rounds")}
        self.assertEqual(names["hematoma"], ct.GetName() + " hematoma")
        labels = slicer.util.arrayFromVolume(scene.node("hematomaLabelmap"))
        milliliters = labels.sum() * np.prod(phantom.spacing) / 1000
        self.assertAlmostEqual(row["Volume (mL)"], milliliters, 3)
        self.assertLess(abs(milliliters / phantom.volume_ml - 1), _VOLUME_TOLERANCE)
        node = scene.node("hematoma")
        segment = node.GetSegmentation().GetNthSegmentID(0)
        np.testing.assert_array_equal(
            slicer.util.arrayFromSegmentBinaryLabelmap(node, segment, ct) != 0, labels != 0
        )
        scribbles = scene.read_scribbles()
        mask = scene.read_mask().astype(bool)
        self.assertTrue(mask[scribbles.foreground].all())
        self.assertFalse(mask[scribbles.background].any())


def runAll(test):
    """Run all tests of ``test``, as Slicer's "Reload and Test" asks for it; a skipped one is shown."""
    for name in sorted(name for name in dir(test) if name.startswith("test_")):
        try:
            test.setUp()
            getattr(test, name)()
        except unittest.SkipTest as reason:
            test.delayDisplay(f"{name}: {reason}")
        finally:
            test.tearDown()


class StandInSession:
    """Marks what was painted, slice by slice; for tests of everything around a network."""

    secondsPerSlice = 0.0
    # About every round.
    doubt = None

    def __init__(self, ct, settings):
        from ICHHPINetLib.interaction.round_log import RoundLog

        self.log = RoundLog.empty(ct.shape, ct.spacing)
        self.warnings = []

    def prepare(self, isCancelled=None):
        """Nothing depends on the CT alone."""

    def guess(self, on_progress=None, is_cancelled=None):
        """Marks the lowest slice."""
        from ICHHPINetLib.interaction.scribbles import Scribbles

        seen = Scribbles.empty(self.log.shape)
        seen.foreground[0] = True
        return self._round(seen, Scribbles.empty(self.log.shape), on_progress, is_cancelled)

    def refine(self, scribbles, on_progress=None, is_cancelled=None, *, accumulate=True):
        return self._round(scribbles, scribbles, on_progress, is_cancelled)

    def _round(self, scribbles, known, on_progress, is_cancelled):
        from ICHHPINetLib.errors import RoundCancelled
        from ICHHPINetLib.interaction.result import Progress, RoundResult

        start = time.monotonic()
        mask = self.log.mask.copy()
        for index in range(len(mask)):
            if is_cancelled():
                raise RoundCancelled("The round was cancelled.")
            mask[index] |= scribbles.foreground[index]
            mask[index] &= ~scribbles.background[index]
            time.sleep(self.secondsPerSlice)
            on_progress(Progress((index + 1) / len(mask), "propagate", index, mask[index].copy()))
        number = self.log.number + 1
        seconds = time.monotonic() - start
        about = number, seconds, [], "cpu", "stand-in"
        result = RoundResult(mask, mask.astype(np.float32), *about, doubt=self.doubt)
        self.log = self.log.with_round(result, known)
        return result


def _newLogic(**collaborators):
    from ICHHPINetSupport.Logic import ICHHPINetLogic

    return ICHHPINetLogic(**collaborators)


def _start(**collaborators):
    from ICHHPINetSupport.PhantomSample import loadPhantom

    ct, phantom = loadPhantom("deep", spacing=(5.0, 1.0, 1.0))
    logic = _newLogic(**collaborators)
    logic.setCt(ct)
    return logic, ct, phantom


def _skipWithoutPackages(test):
    from ICHHPINetSupport.PackageInstaller import missingRequirements

    missing = missingRequirements()
    if missing:
        test.skipTest("Rounds need " + ", ".join(missing) + " in Slicer's Python; only the module was tested")


def _middle(mask):
    """The slice with the largest area."""
    return int(mask.sum(axis=(1, 2)).argmax())


def _paint(logic, ct, truth, index):
    """Add a scribble inside the bleed and one around it to slice ``index``, as a script would."""
    # Not at the top: Slicer executes this file at every start.
    from scipy import ndimage

    scribbles, foreground, background = logic.scene.ensure_scribbles()
    bleed = truth[index] != 0
    depth = ndimage.distance_transform_edt(bleed)
    outside = ndimage.distance_transform_edt(~bleed)
    for segment, scribble in (
        (foreground, depth > 0.6 * depth.max()),
        (background, (outside > 5) & (outside < 7)),
    ):
        painted = slicer.util.arrayFromSegmentBinaryLabelmap(scribbles, segment, ct)
        painted = np.zeros(truth.shape, np.uint8) if painted is None else painted.copy()
        painted[index] |= scribble.astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(painted, scribbles, segment, ct)
    logic.controller.scribbles_changed()
