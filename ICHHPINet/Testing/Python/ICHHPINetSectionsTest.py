"""Drives the panel's sections for two CTs, reports and DICOM in a Slicer with a main window."""

import os
import time
import unittest
from unittest import mock

import numpy as np
import slicer
from ICHHPINetSupport import PackageInstaller, Reports
from ICHHPINetSupport.PhantomSample import loadPhantom
from ICHHPINetSupport.SelfTest import StandInSession


class ICHHPINetSectionsTest(unittest.TestCase):
    """What a clinic does with finished CTs; the session behind the panel is a stand-in."""

    @classmethod
    def setUpClass(cls):
        # Before the panel, which makes its logic once, is opened for the first time.
        cls.stand_ins = mock.patch.multiple(
            "ICHHPINetSupport.Logic", SessionFactory=lambda: StandInSession, torch_is_installed=lambda: True
        )
        cls.stand_ins.start()

    @classmethod
    def tearDownClass(cls):
        cls.stand_ins.stop()

    def setUp(self):
        if slicer.app.layoutManager() is None:
            self.skipTest("The panel shows CTs in slice views; run with a main window.")
        slicer.mrmlScene.Clear()
        slicer.util.selectModule("Data")
        slicer.util.selectModule("ICHHPINet")
        self.widget = slicer.util.getModuleWidget("ICHHPINet")
        self.ui, self.logic = self.widget.ui, self.widget.logic

    def tearDown(self):
        for name in ("compare", "report"):
            self.section(name).collapsed = True
        slicer.mrmlScene.Clear()
        slicer.app.processEvents()

    def test_twoFinishedCTsAreCompared(self):
        self.finish(*loadPhantom("deep", spacing=(5.0, 2.0, 2.0)), "First", slices=3)
        self.section("compare").collapsed = False
        slicer.app.processEvents()
        self.assertFalse(self.ui.compareButton.enabled)
        self.assertIn("No other CT", self.ui.compareHintLabel.text)
        self.finish(*loadPhantom("deep", spacing=(5.0, 2.0, 2.0)), "Second", slices=5)
        self.assertEqual(self.ui.compareSelector.count, 1)
        self.ui.compareButton.click()
        text = self.ui.compareResultLabel.text
        self.assertTrue(text.startswith("Baseline 'First'"), text)
        self.assertIn("not a medical device", text)
        table = slicer.util.getNode("ICH-HPINet comparisons")
        self.assertEqual(table.GetNumberOfRows(), 1)
        self.assertTrue(self.ui.comparePictureButton.enabled)

    def test_reportIsOfferedAfterARound(self):
        self.section("report").collapsed = False
        self.assertFalse(self.ui.reportButton.enabled)
        self.finish(*loadPhantom("deep", spacing=(5.0, 2.0, 2.0)), "CT", slices=3)
        self.assertTrue(self.ui.reportButton.enabled)
        self.assertFalse(self.ui.dicomButton.enabled)
        self.assertIn("not loaded from DICOM", self.ui.reportLabel.text)
        if not self.has(PackageInstaller.PICTURES):
            self.ui.reportButton.click()
            self.assertIn("Nothing was installed", self.ui.reportLabel.text)
            return
        path = os.path.join(slicer.util.tempDirectory(), "page.pdf")
        Reports.writePdf(self.logic, path)
        with open(path, "rb") as file:
            self.assertEqual(file.read(4), b"%PDF")

    def test_dicomObjectsAreOfTheSeriesInTheDatabase(self):
        from DICOMLib import DICOMUtils

        folder = slicer.util.tempDirectory()
        mask = _writeSeries(folder)
        with DICOMUtils.TemporaryDICOMDatabase() as database:
            DICOMUtils.importDicom(folder, database)
            DICOMUtils.loadPatientByUID(database.patients()[0])
            # The open panel may have made nodes for it already.
            ct = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            self.assertEqual(len(Reports.seriesFiles(ct)), len(mask))
            slicer.util.selectModule("ICHHPINet")
            self.finish(ct, None, ct.GetName(), slices=3, mask=mask)
            self.assertTrue(self.ui.dicomButton.enabled)
            if not self.has((*PackageInstaller.PICTURES, *PackageInstaller.DICOM)):
                self.skipTest("highdicom and matplotlib are not installed: no objects were written")
            paths = [os.path.join(folder, f"{name}.dcm") for name in ("seg", "sr", "sc")]
            Reports.writeDicom(self.logic, *paths)
            self.assertTrue(all(map(os.path.isfile, paths)))
            before = self.logic.scene.read_mask()
            self.logic.startOver()
            Reports.goOnFrom(self.logic, paths[0])
            np.testing.assert_array_equal(self.logic.scene.read_mask(), before)

    def section(self, name):
        return getattr(self.ui, f"{name}CollapsibleButton")

    def has(self, requirements):
        """Whether these are installed; in testing mode nothing is."""
        return PackageInstaller.installFor(requirements, "")

    def finish(self, ct, phantom, name, slices, mask=None):
        """A round of the panel on ``ct``, with as many scribbled slices."""
        mask = phantom.mask if mask is None else mask
        ct.SetName(name)
        self.ui.inputSelector.setCurrentNode(ct)
        slicer.app.processEvents()
        scribbles, foreground, _background = self.logic.scene.ensure_scribbles()
        scribble = np.zeros_like(mask)
        first = int(mask.sum(axis=(1, 2)).argmax()) - slices // 2
        scribble[first : first + slices] = mask[first : first + slices]
        slicer.util.updateSegmentBinaryLabelmapFromArray(scribble, scribbles, foreground, ct)
        slicer.app.processEvents()
        self.ui.refineButton.click()
        deadline = time.monotonic() + 60
        while self.logic.controller.status.is_busy:
            self.assertLess(time.monotonic(), deadline, "The round did not get on")
            slicer.app.processEvents()
            time.sleep(0.005)
        slicer.app.processEvents()


def _writeSeries(folder):
    """Write the phantom as a DICOM series; its mask."""
    import pydicom
    from ICHHPINetLib.phantom import generate
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    made = generate("deep", spacing=(5.0, 2.0, 2.0))
    study, series, frame = (generate_uid() for _count in range(3))
    for index, plane in enumerate(made.volume.astype(np.int16)):
        one = pydicom.Dataset()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        # Old and new pydicom fill it in where it is there; it belongs into every file.
        one.file_meta.FileMetaInformationGroupLength = 0
        one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        one.PatientName, one.PatientID, one.Modality, one.SeriesNumber = "Phantom", "1", "CT", 1
        one.SeriesDescription, one.InstanceNumber = "Head", index + 1
        one.ImagePositionPatient, one.ImageOrientationPatient = [0, 0, 5.0 * index], [1, 0, 0, 0, 1, 0]
        one.PixelSpacing, one.SliceThickness = [2.0, 2.0], 5.0
        one.Rows, one.Columns = plane.shape
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 1
        one.RescaleIntercept, one.RescaleSlope, one.PixelData = 0, 1, plane.tobytes()
        one.preamble = b"\0" * 128
        if int(pydicom.__version__.split(".")[0]) < 3:
            one.is_little_endian, one.is_implicit_VR = True, False
        pydicom.dcmwrite(os.path.join(folder, f"{index:03d}.dcm"), one)
    return made.mask
