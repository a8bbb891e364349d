"""Outlines in the slice views what a round is in doubt about, one slice at a time."""

from __future__ import annotations

import numpy as np

from ._mrml import slicer
from .geometry import CTGeometry
from .segments import write_segment

_SEGMENT = "InDoubt"
_COLOR = 0.85, 0.85, 0.85
_OUTLINE_OPACITY = 0.6


class DoubtView:
    """A hidden segmentation that is neither saved nor offered for editing: what it shows is soon outdated."""

    def __init__(self, scene) -> None:
        self._scene = scene
        self._node = None

    def show(self, ct, geometry: CTGeometry, index: int, outline: np.ndarray) -> None:
        """Outline a part, bool (Y, X), of a slice of ``ct`` in canonical order; what was shown goes."""
        node = self._ensure()
        node.SetAndObserveTransformNodeID(ct.GetTransformNodeID())
        mask = np.zeros(geometry.shape, bool)
        mask[index] = outline
        write_segment(node, _SEGMENT, geometry.to_stored(mask), geometry.ijk_to_world)

    def clear(self) -> None:
        """Show nothing any more."""
        if self._node is not None and self._node.GetScene() is not None:
            self._scene.RemoveNode(self._node)
        self._node = None

    def _ensure(self):
        if self._node is None or self._node.GetScene() is None:
            node = slicer.vtkMRMLSegmentationNode()
            node.SetName("In doubt")
            node.SetHideFromEditors(True)
            node.SetSaveWithScene(False)
            self._node = self._scene.AddNode(node)
            self._node.CreateDefaultDisplayNodes()
            self._node.GetSegmentation().AddEmptySegment(_SEGMENT, "In doubt", _COLOR)
            display = self._node.GetDisplayNode()
            display.SetSaveWithScene(False)
            display.SetVisibility3D(False)
            display.SetVisibility2DFill(False)
            display.SetOpacity2DOutline(_OUTLINE_OPACITY)
        return self._node
