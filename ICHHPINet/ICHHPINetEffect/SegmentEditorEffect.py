import os
from types import SimpleNamespace

import qt
import vtk

import slicer
from slicer.i18n import tr as _
from SegmentEditorEffects import AbstractScriptedSegmentEditorAutoCompleteEffect

# Slicer's own auto-complete effects keep their preview under this role.
PREVIEW_ROLE = "SegmentationResultPreview"
PREVIEW_OWNER = "SegmentationResultPreviewOwnerEffect"
BLEED = "BleedSegmentID"
BACKGROUND = "BackgroundSegmentID"

POLL_INTERVAL_MSEC = 10
# Python's lock is released for this long in every poll, which is when the computing thread has its turn.
POLL_WAIT_SEC = 0.03


class SegmentEditorEffect(AbstractScriptedSegmentEditorAutoCompleteEffect):
    """Completes a hematoma from scribbles in two segments, seeing the whole CT.

    It looks and works like Grow from seeds. Unlike the base class, which hands a preview only
    the surroundings of the seeds, it segments the whole source volume, in a thread of its own.
    The work is done by a controller that the module ICHHPINet uses, too.
    """

    def __init__(self, scriptedEffect):
        AbstractScriptedSegmentEditorAutoCompleteEffect.__init__(self, scriptedEffect)
        scriptedEffect.name = "ICH-HPINet"  # not translated, because modules find effects by name
        scriptedEffect.title = _("ICH-HPINet")
        self.minimumNumberOfSegments = 2
        self.minimumNumberOfSegmentsWithEditableArea = 2
        self.controller = None
        self.port = None
        self.pollTimer = None
        self.sceneObserverTag = None
        self.workedOn = None
        self.shownState = None
        self.dimmedNode = None

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        clonedEffect = effects.qSlicerSegmentEditorScriptedEffect(None)
        clonedEffect.setPythonSource(__file__.replace("\\", "/"))
        return clonedEffect

    def icon(self):
        iconPath = os.path.join(os.path.dirname(__file__), "SegmentEditorEffect.png")
        return qt.QIcon(iconPath) if os.path.exists(iconPath) else qt.QIcon()

    def helpText(self):
        return "<html>" + _("""Segment an intracranial hemorrhage on a head CT from a few scribbles<br>.
        The network sees the whole volume: scribbles on one slice are enough to start. Instructions:<p>
        <ul style="margin: 0">
        <li>Add two segments. Paint a scribble on the bleed with the first one, and a scribble on
        tissue around it with the second one.
        <li>Click <dfn>Initialize</dfn> to preview the hematoma in the whole CT.
        <li>Browse through the slices. Where the preview is wrong, switch to Paint and add scribbles with
        one of the two segments. The preview is refined within a few seconds.
        <li>Click <dfn>Apply</dfn> to write the hematoma into the segment under <dfn>Bleed</dfn>. All
        other segments stay as they are. Masking settings are respected.
        </ul><p>
        Research use only, not a medical device.<p>""")

    #
    # Options
    #

    def setupOptionsFrame(self):
        self.bleedSelector = self.addSegmentSelector(
            _("Bleed:"), _("Segment with scribbles on the bleed; Apply writes the hematoma into it.")
        )
        self.backgroundSelector = self.addSegmentSelector(
            _("Background:"), _("Segment with scribbles on tissue that is not bleed; it stays as it is.")
        )

        AbstractScriptedSegmentEditorAutoCompleteEffect.setupOptionsFrame(self)
        self.previewButton.disconnect("clicked()", self.onPreview)
        self.previewButton.connect("clicked()", self.onInitialize)
        self.previewButton.setToolTip(_("Compute the hematoma in the whole CT, or refine it"))
        self.cancelButton.setToolTip(_("Stop the running computation; if there is none, clear the preview"))
        self.applyButton.setToolTip(_("Write the previewed hematoma into the bleed segment"))

        self.progressBar = qt.QProgressBar()
        self.progressBar.setToolTip(_("Progress through the slices of the CT"))
        self.progressBar.setVisible(False)
        self.scriptedEffect.addOptionsWidget(self.progressBar)

        self.resultLabel = qt.QLabel()
        self.resultLabel.setWordWrap(True)
        self.resultLabel.setToolTip(_("Volume of the previewed hematoma"))
        self.scriptedEffect.addOptionsWidget(self.resultLabel)
        self.showResult()

    def addSegmentSelector(self, label, toolTip):
        # Not qMRMLSegmentSelectorWidget: it selects a segment by itself as soon as one is added, which
        # could not be told from a choice of the user.
        selector = qt.QComboBox()
        selector.setToolTip(toolTip)
        self.scriptedEffect.addLabeledOptionsWidget(label, selector)
        selector.connect("activated(int)", self.onSeedSelected)
        return selector

    def setMRMLDefaults(self):
        AbstractScriptedSegmentEditorAutoCompleteEffect.setMRMLDefaults(self)
        # Empty: the first and the last visible segment.
        self.scriptedEffect.setParameterDefault(BLEED, "")
        self.scriptedEffect.setParameterDefault(BACKGROUND, "")

    def updateGUIFromMRML(self):
        from ICHHPINetLib.errors import InvalidScribblesError

        watching = self.selectedSegmentIds is not None and self.selectedSegmentIds.GetNumberOfValues()
        if not watching and self.getPreviewNode() is not None:
            # The preview came with a loaded scene, and the base class is about to watch its seeds.
            try:
                self.watchSeeds(self.seeds())
            except InvalidScribblesError:
                self.watchSeeds(())
        AbstractScriptedSegmentEditorAutoCompleteEffect.updateGUIFromMRML(self)
        self.updateSeedSelectors()
        busy = self.isBusy()
        hasPreview = self.getPreviewNode() is not None
        self.applyButton.setEnabled(hasPreview and not busy)
        self.cancelButton.setEnabled(hasPreview or busy)
        self.progressBar.setVisible(busy)

    def updateSeedSelectors(self):
        from ICHHPINetLib.errors import InvalidScribblesError
        from ICHHPINetLib.scene.effect_scene import visible_segments

        segmentationNode = self.segmentationNode()
        visible = visible_segments(segmentationNode)
        try:
            seeds = self.seeds()
        except InvalidScribblesError:
            seeds = (self.parameter(BLEED), self.parameter(BACKGROUND))
        for selector, seed in zip((self.bleedSelector, self.backgroundSelector), seeds, strict=True):
            wasBlocked = selector.blockSignals(True)
            selector.clear()
            for segmentId in visible:
                segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
                selector.addItem(segment.GetName(), segmentId)
            selector.setCurrentIndex(visible.index(seed) if seed in visible else -1)
            selector.blockSignals(wasBlocked)

    def onSeedSelected(self, index):
        # Setting the first parameter updates both selectors.
        bleed, background = self.bleedSelector.currentData, self.backgroundSelector.currentData
        self.scriptedEffect.setParameter(BLEED, bleed or "")
        self.scriptedEffect.setParameter(BACKGROUND, background or "")
        if self.getPreviewNode() is not None:
            # The preview shows what the former seeds led to.
            self.reset()

    def seeds(self):
        """IDs of the bleed and the background segment."""
        from ICHHPINetLib.scene.effect_scene import choose_seeds

        return choose_seeds(self.segmentationNode(), self.parameter(BLEED), self.parameter(BACKGROUND))

    #
    # Rounds
    #

    def activate(self):
        """The effect was chosen: what the CT alone tells is computed while the user looks at the options."""
        from ICHHPINetLib.errors import InvalidScribblesError

        if self.segmentationNode() is None or self.getPreviewNode() is not None:
            return
        try:
            self.setUpPort(self.seeds())
        except InvalidScribblesError:
            return
        self.controller.prepare()
        if self.controller.status.preparing:
            self.pollTimer.start()

    def onInitialize(self):
        """The button was clicked."""
        from ICHHPINetSupport import PackageInstaller

        with slicer.util.tryWithErrorDisplay(_("The hematoma cannot be computed.")):
            self.seeds()
            if PackageInstaller.missingRequirements():
                PackageInstaller.install()
            self.preview()

    def onPreview(self):
        """Scribbles have changed while auto-update is on: no box that nobody has asked for."""
        from ICHHPINetLib.errors import ICHHPINetError

        try:
            self.preview()
        except ICHHPINetError as error:
            self.showResult(str(error))

    def preview(self):
        """Start a round over the whole volume; :meth:`onStatusChanged` follows it."""
        from ICHHPINetLib.errors import ICHHPINetError

        seeds = self.seeds()
        self.setUpPort(seeds)
        self.watchSeeds(seeds)
        self.workedOn = self.port.ct_key()
        if self.controller.refine():
            self.pollTimer.start()
            return
        raise self.controller.status.error or ICHHPINetError(self.controller.status.message)

    def setUpPort(self, seeds):
        """Show the controller what the editor edits now."""
        self.ensureController()
        self.port.editor_node = self.scriptedEffect.parameterSetNode()
        self.port.bleed_id, self.port.background_id = seeds

    def watchSeeds(self, seeds):
        """Name the segments that the base class watches for new scribbles."""
        self.selectedSegmentIds = vtk.vtkStringArray()
        for segmentId in seeds:
            self.selectedSegmentIds.InsertNextValue(segmentId)

    def ensureController(self):
        if self.controller is not None:
            return
        from ICHHPINetLib.interaction.controller import Controller
        from ICHHPINetLib.interaction.executor import ThreadExecutor
        from ICHHPINetLib.interaction.session_factory import SessionFactory
        from ICHHPINetLib.scene.effect_scene import EffectScene

        self.port = EffectScene(
            self.scriptedEffect.parameterSetNode(),
            self.scriptedEffect.sourceVolumeImageData,
            SimpleNamespace(
                find=self.getPreviewNode, make=self.makePreviewNode, remove=self.removePreviewNode
            ),
        )
        self.controller = Controller(self.port, SessionFactory(), ThreadExecutor(), self.onStatusChanged)
        self.pollTimer = qt.QTimer()
        self.pollTimer.setInterval(POLL_INTERVAL_MSEC)
        self.pollTimer.connect("timeout()", self.onPoll)
        self.sceneObserverTag = slicer.mrmlScene.AddObserver(
            slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose
        )

    def onPoll(self):
        if self.isBusy() and self.port.ct_key() != self.workedOn:
            # The user has exchanged the CT or the segmentation: the round is of what is no longer shown.
            self.reset()
        if self.controller is None or not self.controller.poll(POLL_WAIT_SEC):
            self.pollTimer.stop()

    def onStatusChanged(self, status):
        self.progressBar.setVisible(status.state.is_busy)
        self.progressBar.setValue(round(100 * status.fraction))
        if status.slice_index is not None:
            self.progressBar.setFormat(_("%p % of {count} slices").format(count=status.slice_count))
        else:
            self.progressBar.setFormat(_("Reading the CT"))
        self.showResult(status.message)
        if self.segmentationNode() is not None and status.state != self.shownState:
            self.shownState = status.state
            self.updateGUIFromMRML()

    def showResult(self, message=""):
        disclaimer = _("Research use only, not a medical device.")
        lines = [message] if message else []
        outcome = self.controller.last if self.controller is not None else None
        if outcome is not None and self.getPreviewNode() is not None:
            lines.append(
                _("Hematoma {volume:.1f} mL (round {round}, {seconds:.1f} s).").format(
                    volume=self.port.shown_ml,
                    round=outcome.result.round,
                    seconds=outcome.result.seconds,
                )
            )
            lines += outcome.notes
        self.resultLabel.setText(" ".join([*lines, disclaimer]))

    def isBusy(self):
        return self.controller is not None and self.controller.status.state.is_busy

    #
    # Preview and its end
    #

    def makePreviewNode(self):
        """Preview node of this effect, made where it is missing."""
        node = self.getPreviewNode()
        if node is not None:
            return node
        segmentationNode = self.segmentationNode()
        self.removePreviewNode()  # of another effect, as Slicer's own effects do
        node = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSegmentationNode", segmentationNode.GetName() + " preview"
        )
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetVisibility2DOutline(False)
        node.SetAndObserveTransformNodeID(segmentationNode.GetTransformNodeID())
        self.scriptedEffect.setCommonNodeReference(PREVIEW_ROLE, node)
        self.scriptedEffect.setCommonParameter(PREVIEW_OWNER, self.scriptedEffect.name)
        self.dimmedNode = segmentationNode
        self.setPreviewOpacity(0.6)
        self.setPreviewShow3D(
            segmentationNode.GetSegmentation().ContainsRepresentation(
                slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
            )
        )
        return node

    def removePreviewNode(self):
        if self.scriptedEffect.parameterSetNode() is None:
            return  # removed with the scene, and the preview with it
        node = self.scriptedEffect.nodeReference(PREVIEW_ROLE)
        if node is not None:
            self.scriptedEffect.setCommonNodeReference(PREVIEW_ROLE, None)
            slicer.mrmlScene.RemoveNode(node)
            self.scriptedEffect.setCommonParameter(PREVIEW_OWNER, "")
        display = self.dimmedNode.GetDisplayNode() if self.dimmedNode is not None else None
        if display is not None:
            # Dimmed for the preview, by this effect: not always the segmentation that is edited now.
            display.SetOpacity(1.0)
        self.dimmedNode = None

    def onCancel(self):
        if self.isBusy():
            self.controller.cancel()
        else:
            self.reset()

    def onApply(self):
        from ICHHPINetLib.scene.effect_scene import other_segments_kept

        if self.getPreviewNode() is None or self.isBusy():
            return
        self.delayedAutoUpdateTimer.stop()
        self.observeSegmentation(False)
        with slicer.util.tryWithErrorDisplay(_("The hematoma cannot be applied."), waitCursor=True):
            self.ensureController()
            if not self.port.bleed_id:
                # The preview came with a loaded scene.
                self.port.bleed_id, self.port.background_id = self.seeds()
            labelmap = self.port.preview_labelmap()
            segmentationNode = self.segmentationNode()
            self.scriptedEffect.saveStateForUndo()
            with other_segments_kept(self.scriptedEffect.parameterSetNode(), self.port.bleed_id):
                self.scriptedEffect.modifySegmentByLabelmap(
                    segmentationNode,
                    self.port.bleed_id,
                    labelmap,
                    slicer.qSlicerSegmentEditorAbstractEffect.ModificationModeSet,
                )
            if self.getPreviewShow3D():
                segmentationNode.CreateClosedSurfaceRepresentation()
            self.reset()

    def reset(self):
        if self.controller is not None:
            # Rounds without their preview are no memory of the next one.
            self.port.forget()
            self.controller.ct_chosen()
        if self.segmentationNode() is not None:
            AbstractScriptedSegmentEditorAutoCompleteEffect.reset(self)
        self.showResult()

    def onSceneEndClose(self, caller, event):
        self.delayedAutoUpdateTimer.stop()
        self.port.forget()
        self.controller.ct_removed()

    def cleanup(self):
        AbstractScriptedSegmentEditorAutoCompleteEffect.cleanup(self)
        if self.controller is None:
            return
        self.pollTimer.stop()
        self.pollTimer.disconnect("timeout()", self.onPoll)
        slicer.mrmlScene.RemoveObserver(self.sceneObserverTag)
        self.controller.close()
        self.controller = None

    #
    # Helpers
    #

    def segmentationNode(self):
        editorNode = self.scriptedEffect.parameterSetNode()
        return editorNode.GetSegmentationNode() if editorNode is not None else None

    def parameter(self, name):
        return self.scriptedEffect.parameter(name) if self.scriptedEffect.parameterDefined(name) else ""
