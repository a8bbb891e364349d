"""The panel's section that compares the chosen CT with another finished one of the scene."""

from contextlib import suppress

import qt
import slicer
from ICHHPINetLib.errors import ICHHPINetError
from ICHHPINetLib.imaging.output_files import write_bytes
from ICHHPINetLib.imaging.registration import register, unshared_blood
from ICHHPINetLib.measurement.comparison import compare
from ICHHPINetLib.reporting.comparison_picture import comparison_picture
from ICHHPINetLib.reporting.comparison_text import comparison_lines
from ICHHPINetLib.scene import SceneAdapter
from ICHHPINetLib.scene.comparisons_table import add_row
from ICHHPINetLib.scene.finished import finished, finished_cts
from ICHHPINetLib.scene.origin import acquired
from slicer.i18n import tr as _

from . import Export, PackageInstaller, Views


class CompareSection:
    """Reads the scene only while it is open, and changes nothing in it but the table of comparisons.

    :param ui: the widgets of ICHHPINet.ui
    :param logic: whose CT is compared
    """

    def __init__(self, ui, logic):
        self.ui, self._logic = ui, logic
        # IDs of the CTs in the list, in its order.
        self._others = []
        # What the picture is made of, after a comparison.
        self._compared = None
        ui.compareCollapsibleButton.connect("contentsCollapsed(bool)", self._onCollapsed)
        ui.compareButton.connect("clicked(bool)", self.onCompare)
        ui.comparePictureButton.connect("clicked(bool)", self.onPicture)

    def _onCollapsed(self, collapsed):
        self.update()

    def update(self):
        """List what can be compared now; a comparison from before is not shown any more."""
        chosen = self._chosen()
        self._others, self._compared = [], None
        self.ui.compareSelector.clear()
        self.ui.compareResultLabel.text = ""
        self.ui.comparePictureButton.enabled = False
        if self.ui.compareCollapsibleButton.collapsed:
            return
        ct = self._logic.scene.ct
        hasOwn = ct is not None and bool(_finished([ct]))
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if hasOwn else []
        for node in _finished(node for node in nodes if node != ct and Views.mayBeCt(node)):
            self._others.append(node.GetID())
            self.ui.compareSelector.addItem(f"{node.GetName()} {acquired(slicer.mrmlScene, node)}".strip())
        if chosen in self._others:
            self.ui.compareSelector.currentIndex = self._others.index(chosen)
        self.ui.compareButton.enabled = bool(self._others)
        self.ui.compareHintLabel.text = _hint(hasOwn, bool(self._others))

    def _chosen(self):
        index = self.ui.compareSelector.currentIndex
        return self._others[index] if 0 <= index < len(self._others) else None

    def onCompare(self):
        """Compare the two and say so in words."""
        node = slicer.mrmlScene.GetNodeByID(self._chosen() or "")
        if node is None:
            self.update()
            return
        if self._logic.controller.status.is_busy:
            self.ui.compareResultLabel.text = _("A round is running. Wait for its end, then compare.")
            return
        self.ui.comparePictureButton.enabled = False
        with slicer.util.tryWithErrorDisplay(_("The two CTs were not compared."), waitCursor=True):
            try:
                self._compare(node)
            except ICHHPINetError as error:
                self._compared, self.ui.compareResultLabel.text = None, str(error)
                return
        self.ui.comparePictureButton.enabled = self._compared is not None

    def _compare(self, node):
        pair = [finished(SceneAdapter(slicer.mrmlScene, node)), finished(self._logic.scene)]
        sides = [one.as_side(one.ct.name) for one in pair]
        moments = [side.acquisition.moment for side in sides]
        if None not in moments and moments[0] > moments[1]:
            pair.reverse()
            sides.reverse()
        found = compare(*sides)
        cts, masks = tuple(one.ct for one in pair), tuple(one.mask for one in pair)
        alignment = register(*cts)
        warnings = [*found.warnings, *unshared_blood(cts, masks, alignment)]
        for name, one in zip((_("Baseline"), _("Follow-up")), pair, strict=True):
            warnings += [f"{name}: {text}" for text in one.ct.warnings]
        if not found.between:
            warnings.append(_("The CT in the list was taken for the earlier one: nothing tells their times."))
        self._compared = found, cts, masks, alignment, warnings
        self.ui.compareResultLabel.text = "\n".join(comparison_lines(found, warnings))
        add_row(slicer.mrmlScene, {**found.as_row(), "warnings": " ".join(warnings)})

    def onPicture(self):
        """Write both CTs side by side into a file, and open it."""
        if not self._canDraw():
            return
        found = self._compared[0]
        title = f"{found.baseline.name} · {found.followup.name}"
        name = f"{title} {found.followup.acquisition.when}"
        path = Export.askForPath(_("Save picture"), name, [("PNG", ".png")])
        if path and self._draw(path, title):
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(path))

    def _canDraw(self):
        with slicer.util.tryWithErrorDisplay(_("The packages were not installed.")):
            try:
                if PackageInstaller.installFor(PackageInstaller.PICTURES, _("The picture is drawn with")):
                    return True
            except ICHHPINetError as error:
                self.ui.compareHintLabel.text = str(error)
                return False
            self.ui.compareHintLabel.text = _("Nothing was installed, and no picture was drawn.")
        return False

    def _draw(self, path, title):
        found, cts, masks, alignment, warnings = self._compared
        with slicer.util.tryWithErrorDisplay(_("The picture was not written."), waitCursor=True):
            try:
                write_bytes(path, comparison_picture(found, cts, masks, alignment, title, warnings))
            except ICHHPINetError as error:
                self.ui.compareHintLabel.text = str(error)
                return False
            return True
        return False


def _finished(nodes):
    found = []
    for node in nodes:
        # What is wrong with another CT is said where it is chosen.
        with suppress(ICHHPINetError):
            found += finished_cts(slicer.mrmlScene, [node])
    return found


def _hint(hasOwn, hasOthers):
    if not hasOwn:
        return _("Refine this CT first. Then it can be compared with another finished CT of the patient.")
    if not hasOthers:
        return _("No other CT of this scene has a hematoma yet. Choose it above, refine, and come back.")
    return _("Both volumes and what changed, by the usual definitions; never a verdict. Takes some seconds.")
