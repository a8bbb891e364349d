"""Tells the controller what happens to its nodes in the scene."""

import slicer
import vtk
from ICHHPINetLib.scene.nodes import ROLES
from slicer.util import VTKObservationMixin


class SceneWatcher(VTKObservationMixin):
    """Observes the scene and the nodes of the chosen CT.

    :param logic: whose scene's nodes are watched, and whose controller is told of changed scribbles, and of
        edited and deleted results
    :param onCtRemoved: called when the chosen CT is about to be deleted
    :param onNodesChanged: called when another of the nodes was deleted
    :param onScribblesChanged: called after the controller when scribbles have changed
    """

    def __init__(self, logic, onCtRemoved, onNodesChanged, onScribblesChanged):
        VTKObservationMixin.__init__(self)
        self._adapter = logic.scene
        self._controller = logic.controller
        self._onCtRemoved = onCtRemoved
        self._onNodesChanged = onNodesChanged
        self._tellScribblesChanged = onScribblesChanged
        self._watched = {}
        self._watchScene()

    def update(self):
        """Watch the nodes that there are now."""
        nodes = {role: self._adapter.node(role) for role in ROLES}
        if nodes == self._watched:
            return
        # All of them: what is removed one by one would keep closed nodes in memory.
        self.removeObservers()
        self._watchScene()
        self._watched = nodes
        segmentation = slicer.vtkSegmentation
        if nodes["scribbles"] is not None:
            for event in (segmentation.SourceRepresentationModified, segmentation.SegmentRemoved):
                self.addObserver(nodes["scribbles"], event, self._onScribblesChanged)
        if nodes["hematoma"] is not None:
            self.addObserver(nodes["hematoma"], segmentation.SegmentRemoved, self._onSegmentRemoved)
            self.addObserver(
                nodes["hematoma"], segmentation.SourceRepresentationModified, self._onResultEdited
            )

    def stop(self):
        """Observe nothing any more."""
        self._watched = {}
        self.removeObservers()

    def _watchScene(self):
        scene = slicer.mrmlScene
        # Before the scene's models, which selectors follow, get to know it.
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved)
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)

    def _onScribblesChanged(self, caller, event):
        self._controller.scribbles_changed()
        self._tellScribblesChanged()

    def _onResultEdited(self, caller, event):
        self._controller.result_edited()

    def _onSegmentRemoved(self, caller, event):
        self._controller.node_deleted()
        self._onNodesChanged()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, caller, event, node):
        if self._adapter.ct is not None and node == self._adapter.ct and not slicer.mrmlScene.IsClosing():
            self._onCtRemoved()

    def _onNodeRemoved(self, caller, event):
        if not slicer.mrmlScene.IsClosing() and any(
            node is not None and node.GetScene() is None for node in self._watched.values()
        ):
            self.update()
            self._controller.node_deleted()
            self._onNodesChanged()
