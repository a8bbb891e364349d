"""The module ICH-HPINet: scribble on a head CT, refine, read the milliliters."""

import sys

import qt
import slicer
import vtk
from ICHHPINetLib.scene.origin import acquired
from ICHHPINetSupport import Export, PackageInstaller, Views
from ICHHPINetSupport.Logic import ICHHPINetLogic, ICHHPINetParameterNode
from ICHHPINetSupport.Parts import Parts
from ICHHPINetSupport.PhantomSample import registerSampleData
from ICHHPINetSupport.SceneWatcher import SceneWatcher
from ICHHPINetSupport.SelfTest import ICHHPINetTest
from ICHHPINetSupport.Shortcuts import Shortcuts
from ICHHPINetSupport.StatusView import StatusView
from ICHHPINetSupport.ScribbleTools import BACKGROUND, ERASER, FOREGROUND, ScribbleTools
from slicer.i18n import tr as _, translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

# Slicer and its test runner look for all of these in the module's own script.
__all__ = ["ICHHPINet", "ICHHPINetLogic", "ICHHPINetParameterNode", "ICHHPINetTest", "ICHHPINetWidget"]

# How often finished slices are fetched, and how long each fetch leaves Python's lock to the computing thread.
_POLL_INTERVAL_MS = 10
_POLL_WAIT_SECONDS = 0.02


class ICHHPINet(ScriptedLoadableModule):
    """What Slicer shows about the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("ICH-HPINet")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "Tables"]
        self.parent.contributors = ["The SlicerICHHPINet contributors"]
        self.parent.helpText = _(
            "Interactive segmentation of intracranial hemorrhage on head CT. Choose a CT, paint a short "
            "scribble on the bleeding and one on healthy tissue, and refine; correct by further scribbles, "
            "round by round. A first guess before any scribble is optional; check every slice of it. The "
            "volume in milliliters follows every round. "
            "<b>Research use only - not a medical device.</b> <a href='{url}'>Tutorial and method</a>"
        ).format(url="https://github.com/ICHHPINet/SlicerICHHPINet#readme")
        self.parent.acknowledgementText = _(
            "After the method of ICH-HPINet, a hybrid propagation interaction network for intelligent and "
            "interactive 3D intracerebral hemorrhage segmentation. Please cite the paper named in the "
            "repository's CITATION.cff."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


class ICHHPINetWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Binds the panel to the logic; what happens when is decided by the library's controller."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._wasConnected = False
        self._shownRounds = 0
        self._parameterNodeGuiTag = None

    def setup(self) -> None:
        """Build the panel; neither PyTorch nor a main window is needed."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/ICHHPINet.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)

        self.view = StatusView(self.ui)
        self.scribbleTools = ScribbleTools(uiWidget, self.onToolPutAway)
        self.toolButtons = {
            FOREGROUND: self.ui.foregroundButton,
            BACKGROUND: self.ui.backgroundButton,
            ERASER: self.ui.eraserButton,
        }
        self.timer = qt.QTimer()
        self.timer.setInterval(_POLL_INTERVAL_MS)
        self.timer.connect("timeout()", self.onTimer)

        self.logic = ICHHPINetLogic(self.onStatus)
        self.parts = Parts(self.ui, self.logic)
        self.shortcuts = Shortcuts(
            {
                "foreground": lambda: self.onTool(FOREGROUND),
                "background": lambda: self.onTool(BACKGROUND),
                "refine": self.onRefine,
                "undoScribble": self.parts.undoScribble.undo,
                "undo": self.onUndoRound,
                "nextSlice": self.parts.nextSlice.show,
                "putBrushAway": lambda: self.onTool(None),
            }
        )
        drawn = self.parts.undoScribble.onScribblesChanged
        self.watcher = SceneWatcher(self.logic, self.onCtRemoved, self.onNodesChanged, drawn)
        self._connectButtons()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.addObserver(scene, scene.NodeAddedEvent, self.onNodeAdded)
        self.onStatus(self.logic.controller.status)
        self.showRounds()
        if self.parent.isEntered:
            # After a module reload, enter() is not called.
            self.enter()

    def _connectButtons(self) -> None:
        # Not at the top: Slicer executes this file at every start, and they need much of the library.
        from ICHHPINetSupport.CompareSection import CompareSection
        from ICHHPINetSupport.ReportSection import ReportSection

        ui = self.ui
        for tool, button in self.toolButtons.items():
            button.connect("clicked(bool)", self._toolSlot(tool))
        ui.installButton.connect("clicked(bool)", self.onInstall)
        ui.firstGuessButton.connect("clicked(bool)", self.onFirstGuess)
        ui.refineButton.connect("clicked(bool)", self.onRefine)
        ui.cancelButton.connect("clicked(bool)", self.onCancel)
        ui.undoRoundButton.connect("clicked(bool)", self.onUndoRound)
        ui.startOverButton.connect("clicked(bool)", self.onStartOver)
        ui.exportLabelmapButton.connect("clicked(bool)", self.onExportLabelmap)
        ui.exportSegmentationButton.connect("clicked(bool)", self.onExportSegmentation)
        ui.exportTableButton.connect("clicked(bool)", self.onExportTable)
        ui.weightsButton.connect("clicked(bool)", self.onChooseWeights)
        self.sections = (CompareSection(ui, self.logic), ReportSection(ui, self.logic))

    def _toolSlot(self, tool):
        return lambda on: self.onTool(tool if on else None)

    def cleanup(self) -> None:
        """Called when the module is reloaded and when Slicer closes, perhaps in the middle of a round."""
        self.timer.stop()
        self.shortcuts.delete()
        self.watcher.stop()
        self.scribbleTools.close()
        self.parts.close()
        self.setParameterNode(None)
        self.removeObservers()
        self.logic.close()

    def onReload(self) -> None:
        """Developers' "Reload": the module's script and the packages behind it."""
        packages = ("ICHHPINetSupport", "ICHHPINetLib")
        for name in [name for name in sys.modules if name.split(".")[0] in packages]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def enter(self) -> None:
        """Called each time the user opens this module."""
        self.initializeParameterNode()
        self.shortcuts.create()

    def exit(self) -> None:
        """Called each time the user opens a different module; a running round goes on."""
        self.shortcuts.delete()
        self.onTool(None)
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event) -> None:
        """The nodes are about to go: touch none of them any more."""
        self.setParameterNode(None)
        self.scribbleTools.release()
        self.logic.scene.ct = None
        self.logic.controller.ct_removed()
        self.watcher.update()
        self.ui.roundsTable.setMRMLTableNode(None)

    def onSceneEndClose(self, caller, event) -> None:
        """An empty scene again."""
        self.showRounds()
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneStartImport(self, caller, event) -> None:
        """Selectors lose their choice while a scene comes in: it must not become that of the work."""
        self._wasConnected = self._parameterNode is not None
        self.setParameterNode(None)

    def onSceneEndImport(self, caller, event) -> None:
        """A scene was loaded, perhaps with saved work of this module."""
        if self.parent.isEntered or self._wasConnected:
            # Work on a CT that was there before goes on.
            if self.logic.getParameterNode().inputVolume != self.logic.scene.ct:
                self.setCt(None)
            self.initializeParameterNode()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAdded(self, caller, event, node) -> None:
        """Perhaps the CT that the open panel waits for."""
        waiting = self.parent.isEntered and self.logic.scene.ct is None
        if waiting and node.IsA("vtkMRMLScalarVolumeNode") and not slicer.mrmlScene.IsBatchProcessing():
            # It has no voxels yet.
            qt.QTimer.singleShot(0, lambda: self.chooseCt(node))

    def chooseCt(self, ct) -> None:
        """Choose ``ct`` if it may be one, the panel is shown and none is chosen."""
        waiting = self._parameterNode and not self._parameterNode.inputVolume
        if waiting and ct is not None and Views.mayBeCt(ct):
            self._parameterNode.inputVolume = ct

    def onCtRemoved(self) -> None:
        """The chosen CT is about to go; the selector would take another volume in its place."""
        if self._parameterNode:
            self._parameterNode.inputVolume = None
        else:
            self.setCt(None)

    def initializeParameterNode(self) -> None:
        """Ensure that the parameter node exists and is observed, and that a CT is chosen if there is one."""
        self.setParameterNode(self.logic.getParameterNode())
        self.chooseCt(Views.firstCt())

    def setParameterNode(self, parameterNode: ICHHPINetParameterNode | None) -> None:
        """Show and observe ``parameterNode``, None for none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameters)
        self._parameterNode = parameterNode
        if parameterNode:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameters)
            self.onParameters()

    def onParameters(self, caller=None, event=None) -> None:
        """The user or a script has changed a parameter."""
        if slicer.mrmlScene.IsImporting():
            # Nodes of the scene that are yet to come would be taken for missing and made anew.
            return
        parameters = self._parameterNode
        if parameters.inputVolume != self.logic.scene.ct:
            self.setCt(parameters.inputVolume)
        self.logic.applySettings(parameters)
        self.logic.controller.prepare()
        self.logic.controller.auto_refine = parameters.autoRefine
        self.scribbleTools.setDiameter(parameters.brushDiameter)
        self.parts.surface.show(parameters.show3D)
        self._showOpacity()

    def setCt(self, ct) -> None:
        """Work on ``ct``, with the scribbles and rounds that the scene has for it."""
        self.logic.setCt(ct)
        self.onTool(None)
        self.scribbleTools.setTarget(None)
        if ct is not None and self.logic.controller.status.error is None:
            Views.showCt(ct)
            self.logic.scene.show_alone()
            Views.showEverywhere(self.logic.scene.node("scribbles"))
            self.parts.centering.onCtShown()
        self.ui.acquiredLabel.text = self._acquired() or "–"
        self.showRounds()

    def _acquired(self) -> str:
        ct = self.logic.scene.ct
        return acquired(slicer.mrmlScene, ct) if ct is not None else ""

    def showRounds(self) -> None:
        """Headline, details and table of the chosen CT."""
        scene, last = self.logic.scene, self.logic.controller.last
        self.parts.onRounds()
        self._showOpacity()
        self._shownRounds = self.logic.controller.status.rounds
        self.watcher.update()
        notes = last.notes if last else ()
        self.view.showRounds(scene.rounds_rows(), notes, self.logic.controller.doubt)
        for section in self.sections:
            section.update()

    def onStatus(self, status) -> None:
        """The controller has got on."""
        if self.logic is None:
            # It is being made.
            return
        if status.needs_polls:
            self.timer.start()
        else:
            self.timer.stop()
        self.view.showStatus(status)
        self.parts.onStatus()
        self._followBrush()
        if status.rounds != self._shownRounds:
            # Also where a script runs rounds by the panel's logic.
            self.showRounds()

    def onTimer(self) -> None:
        """Fetch what the computing thread has finished."""
        wasBusy = self.logic.controller.status.is_busy
        if not self.logic.controller.poll(_POLL_WAIT_SECONDS) and wasBusy:
            # Not where the CT was looked at alone: what a section says of a comparison or a file stays.
            self.showRounds()

    def _showOpacity(self) -> None:
        if self._parameterNode:
            Views.setFillOpacity(self.logic.scene.node("hematoma"), self._parameterNode.opacity)

    def onNodesChanged(self) -> None:
        """A node or a segment of the work was deleted."""
        self.onTool(None)
        self.showRounds()

    def _followBrush(self) -> None:
        # Shift and the mouse wheel change the brush of Slicer's effects.
        if self.scribbleTools.tool is not None and self._parameterNode:
            self._parameterNode.brushDiameter = min(max(self.scribbleTools.diameter(), 0.5), 30.0)

    def onTool(self, tool) -> None:
        """Paint with ``tool`` from now on, None to put the brush away."""
        self._followBrush()
        scene = self.logic.scene
        if tool is not None and scene.ct is not None:
            # Made anew where the user has deleted them.
            target = scene.ensure_scribbles()
            Views.paintOnlyWhereShown(scene.ct, target[0])
            self.scribbleTools.setTarget(scene.ct, *target)
            self.watcher.update()
        else:
            Views.showEverywhere(scene.node("scribbles"))
        self.scribbleTools.setTool(tool)
        self.view.showTool(self.scribbleTools.tool, self.toolButtons)

    def onToolPutAway(self) -> None:
        """Slicer has taken the brush away, for another mouse mode: no button stays pressed."""
        self.view.showTool(None, self.toolButtons)

    def onInstall(self) -> None:
        """Install PyTorch, after a question."""
        try:
            with slicer.util.tryWithErrorDisplay(_("PyTorch was not installed.")):
                PackageInstaller.install()
        finally:
            self.logic.controller.torch_installed()

    def onFirstGuess(self) -> None:
        """Start a first round without scribbles."""
        self.logic.controller.guess()

    def onRefine(self) -> None:
        """Start a round, or let one follow the running round."""
        self.logic.controller.refine()

    def onCancel(self) -> None:
        """Stop the running round."""
        self.logic.controller.cancel()

    def onUndoRound(self) -> None:
        """Take back the last round and its scribbles, and what was edited by hand since."""
        status = self.logic.controller.status
        if (
            status.can_undo
            and status.edited_ml is not None
            and not slicer.util.confirmOkCancelDisplay(
                _("Take back the last round? What you have edited by hand since then is lost."),
                _("Undo round"),
            )
        ):
            return
        self.logic.controller.undo()
        self.showRounds()

    def onStartOver(self) -> None:
        """Remove all scribbles and rounds of this CT."""
        ct = self.logic.scene.ct
        question = _("Remove all scribbles and the hematoma of '{ct}'? This cannot be undone.")
        if slicer.util.confirmOkCancelDisplay(
            question.format(ct=ct.GetName() if ct else ""), _("Start over")
        ):
            self.logic.controller.start_over()
            self.showRounds()

    def onChooseWeights(self) -> None:
        """Choose a file with network weights."""
        path = Export.askForExistingPath(_("Network weights"), [(_("Weights"), ".safetensors")])
        if path:
            self.ui.weightsLineEdit.text = path

    def onExportLabelmap(self) -> None:
        """Write the result as a label map."""
        self._export("hematomaLabelmap", _("Export label map"), [("NRRD", ".nrrd"), ("NIfTI", ".nii.gz")])

    def onExportSegmentation(self) -> None:
        """Write the result as a segmentation."""
        self._export("hematoma", _("Export segmentation"), [(_("Segmentation"), ".seg.nrrd")])

    def onExportTable(self) -> None:
        """Write the table of rounds."""
        self._export("rounds", _("Export table of rounds"), [("CSV", ".csv")])

    def _export(self, role, title, extensions) -> None:
        node = self.logic.scene.node(role)
        with slicer.util.tryWithErrorDisplay(_("The export failed.")):
            # Series of two days often have one name.
            name = f"{node.GetName() if node else role} {self._acquired()}"
            path = Export.askForPath(title, name, extensions)
            if path:
                self.logic.export(role, path)
