"""The panel's section for files of others: a page of PDF, DICOM for a PACS, and masks to go on from."""

import os
from contextlib import suppress
from pathlib import Path

import qt
import slicer
from ICHHPINetLib.errors import ICHHPINetError
from ICHHPINetLib.imaging.dicom_seg import is_dicom
from ICHHPINetLib.scene.origin import acquired, instance_uids
from slicer.i18n import tr as _

from . import Export, PackageInstaller, Reports


class ReportSection:
    """Asks where to, and says what came of it.

    :param ui: the widgets of ICHHPINet.ui
    :param logic: of whose CT the results are
    """

    def __init__(self, ui, logic):
        self.ui, self._logic = ui, logic
        ui.reportButton.connect("clicked(bool)", self.onReport)
        ui.dicomButton.connect("clicked(bool)", self.onDicom)
        ui.goOnButton.connect("clicked(bool)", self.onGoOn)

    def update(self):
        """Offer what there is for the chosen CT."""
        ct = self._logic.scene.ct
        hasResult = ct is not None and bool(self._logic.scene.rounds_rows())
        isDicom = hasResult and bool(instance_uids(ct))
        self.ui.goOnButton.enabled = ct is not None and not hasResult
        self.ui.reportButton.enabled, self.ui.dicomButton.enabled = hasResult, isDicom
        hint = ""
        if not hasResult:
            hint = _("There is no result yet. Refine, or go on from a mask of an earlier session.")
        elif not isDicom:
            hint = _("This CT was not loaded from DICOM, so that no DICOM objects can belong to it.")
        self.ui.reportLabel.text = hint

    def onReport(self):
        """Write the page of PDF, and open it."""
        if not self._isReady(PackageInstaller.PICTURES, _("The report is drawn with")):
            return
        path = Export.askForPath(_("Save report"), self._name(), [("PDF", ".pdf")])
        if path and self._write(lambda: Reports.writePdf(self._logic, path), [path]):
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(path))

    def onDicom(self):
        """Write segmentation, report and key image into a folder."""
        needed = (*PackageInstaller.DICOM, *PackageInstaller.PICTURES)
        if not self._isReady(needed, _("DICOM objects are made with")):
            return
        title = _("Folder for the DICOM objects")
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), title, slicer.app.defaultScenePath
        )
        if not folder:
            return
        name = Export.fileName(self._name())
        paths = [os.path.join(folder, f"{name} {kind}.dcm") for kind in ("SEG", "SR", "SC")]
        existing = [path for path in paths if os.path.exists(path)]
        question = _("{path} exists. Replace it and its like?").format(path="".join(existing[:1]))
        if not existing or slicer.util.confirmOkCancelDisplay(question, title):
            self._write(lambda: Reports.writeDicom(self._logic, *paths), paths)

    def onGoOn(self):
        """Begin with the mask of a file in place of nothing."""
        kinds = _("Masks"), ".dcm *.nrrd *.nii *.nii.gz *.mha"
        path = Export.askForExistingPath(_("Mask to go on from"), [kinds, (_("All files"), "")])
        isDicom = bool(path) and is_dicom(Path(path))
        if not path or not self._isReady(PackageInstaller.DICOM if isDicom else (), _("DICOM is read with")):
            return
        before = None
        # What is wrong with the CT is said below.
        with suppress(ICHHPINetError):
            before = self._logic.scene.read_mask()
        question = _("The hematoma that is shown is lost: no round has seen it. Go on from the file?")
        if before is not None and not slicer.util.confirmOkCancelDisplay(question, _("Go on from a mask")):
            return
        with slicer.util.tryWithErrorDisplay(_("The mask was not read."), waitCursor=True):
            try:
                volume = Reports.goOnFrom(self._logic, path)
            except ICHHPINetError as error:
                self.ui.reportLabel.text = str(error)
                return
            text = _(
                "{file}: {volume:.1f} mL are shown as the hematoma. Paint where it is wrong, then refine."
            )
            self.ui.reportLabel.text = text.format(file=os.path.basename(path), volume=volume)

    def _isReady(self, needed, purpose):
        """Whether no round runs and the packages are there, after a question where they were not."""
        if self._logic.controller.status.is_busy:
            self.ui.reportLabel.text = _("A round is running. Wait for its end, then try again.")
            return False
        with slicer.util.tryWithErrorDisplay(_("The packages were not installed.")):
            try:
                if PackageInstaller.installFor(needed, purpose):
                    return True
            except ICHHPINetError as error:
                self.ui.reportLabel.text = str(error)
                return False
            self.ui.reportLabel.text = _("Nothing was installed, and nothing was written.")
        return False

    def _write(self, work, paths):
        """Whether ``work`` has written ``paths``; it returns notes."""
        with slicer.util.tryWithErrorDisplay(_("Nothing was written."), waitCursor=True):
            try:
                notes = work()
            except ICHHPINetError as error:
                self.ui.reportLabel.text = str(error)
                return False
            written = _("Written: {paths}").format(paths=", ".join(paths))
            self.ui.reportLabel.text = " ".join([written, *notes])
            return True
        return False

    def _name(self):
        ct = self._logic.scene.ct
        return f"{ct.GetName()} hematoma {acquired(slicer.mrmlScene, ct)}".strip()
