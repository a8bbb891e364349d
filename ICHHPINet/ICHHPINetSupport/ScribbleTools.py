"""Painting of scribbles with Slicer's own Paint and Erase effects."""

import slicer
import vtk
from ICHHPINetLib.scene.nodes import ROLE_ATTRIBUTE

_SINGLETON = "ICHHPINet"

FOREGROUND = "foreground"
BACKGROUND = "background"
ERASER = "eraser"


class ScribbleTools:
    """A segment editor without its looks: the panel has three buttons and a brush size instead.

    The effects, their cursors and masking are Slicer's. The editor keeps its own parameter
    node, so that nothing of what the user has set in the Segment Editor module changes.
    """

    def __init__(self, parent, onPutAway=lambda: None):
        self.tool = None
        self._onPutAway = onPutAway
        self._editorNode = self._tag = None
        self._segments = {}
        self._diameter = 4.0
        self.editor = slicer.qMRMLSegmentEditorWidget()
        self.editor.setParent(parent)
        # UndoScribble knows of rounds, which the editor does not.
        self.editor.setMaximumNumberOfUndoStates(0)
        self.editor.setAutoShowSourceVolumeNode(False)
        # Its selector chooses by itself; a segmentation of the user's would lose its place in the views.
        self.editor.segmentationNodeSelectorAddAttribute(
            "vtkMRMLSegmentationNode", ROLE_ATTRIBUTE, "scribbles"
        )
        self.editor.setSegmentationNodeSelectorVisible(False)
        self.editor.setSourceVolumeNodeSelectorVisible(False)
        self.editor.setSwitchToSegmentationsButtonVisible(False)
        self.editor.visible = False
        self._ensureEditorNode()
        self.editor.setMRMLScene(slicer.mrmlScene)
        # Looks at the effects at once, which is an error in Slicer's log before there is an editor node.
        self.editor.setMaskingSectionVisible(False)

    def setTarget(self, ct, scribbles=None, foreground=None, background=None):
        """Paint into the segments ``foreground`` and ``background`` of ``scribbles``, on ``ct``."""
        self.setTool(None)
        self._segments = {FOREGROUND: foreground, BACKGROUND: background, ERASER: foreground}
        if ct is not None:
            self._ensureEditorNode()
        if self.editor.mrmlSegmentEditorNode() is not None:
            self.editor.setSegmentationNode(scribbles)
            self.editor.setSourceVolumeNode(ct)

    def setTool(self, tool):
        """Make ``tool`` the active one, None for no tool; False where it cannot be used now.

        The paint effects crash the application where it has no slice views, so none is
        activated there.
        """
        self.tool = None
        if self.editor.mrmlSegmentEditorNode() is None:
            return False
        usable = slicer.app.layoutManager() is not None and self._segments.get(tool) is not None
        if not usable:
            self.editor.setActiveEffect(None)
            return False
        self.editor.setCurrentSegmentID(self._segments[tool])
        self.editor.setActiveEffectByName("Erase" if tool == ERASER else "Paint")
        effect = self.editor.activeEffect()
        if effect is None:
            return False
        if tool == ERASER:
            effect.setParameter("EraseAllSegments", "1")
        self._applyDiameter()
        self.tool = tool
        return True

    def setDiameter(self, millimeters):
        """Brush diameter in mm, the same on every screen and zoom."""
        self._diameter = millimeters
        self._applyDiameter()

    def diameter(self):
        """Brush diameter in mm, which the user may also have changed by Shift and the mouse wheel."""
        effect = self.editor.activeEffect()
        if self.tool is not None and effect is not None:
            self._diameter = effect.doubleParameter("BrushAbsoluteDiameter")
        return self._diameter

    def _onEditorNodeModified(self, caller, event):
        # Slicer takes the tool away by itself when the mouse is to do something else.
        if self.tool is not None and not caller.GetActiveEffectName():
            self.tool = None
            self._onPutAway()

    def release(self):
        """Let go of the scene, before it is closed."""
        self.setTarget(None)
        self.editor.removeViewObservations()

    def close(self):
        """Let go of everything for good: a reloaded module's editor has the same editor node."""
        self.release()
        self._observe(None)
        self.editor.setMRMLSegmentEditorNode(None)

    def _applyDiameter(self):
        effect = self.editor.activeEffect()
        if effect is not None:
            effect.setCommonParameter("BrushDiameterIsRelative", "0")
            effect.setCommonParameter("BrushAbsoluteDiameter", str(self._diameter))

    def _ensureEditorNode(self):
        node = slicer.mrmlScene.GetSingletonNode(_SINGLETON, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.vtkMRMLSegmentEditorNode()
            node.SetSingletonTag(_SINGLETON)
            node.SetSaveWithScene(False)
            node = slicer.mrmlScene.AddNode(node)
        # Where two scribbles cross, the later one wins.
        node.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteAllSegments)
        if self.editor.mrmlSegmentEditorNode() != node:
            self.editor.setMRMLSegmentEditorNode(node)
        self._observe(node)

    def _observe(self, node):
        if node is self._editorNode:
            return
        if self._editorNode is not None:
            self._editorNode.RemoveObserver(self._tag)
        self._editorNode = node
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onEditorNodeModified)
