"""Outlines in the slice views what a round is in doubt about, one slice at a time."""

from __future__ import annotations

import numpy as np

from ._mrml import slicer, vtk
from .geometry import CTGeometry, image_from_array, to_matrix

_COLOR = 0.85, 0.85, 0.85
_OPACITY = 0.6


class DoubtView:
    """A hidden model that is neither saved nor offered for anything: what it shows is soon outdated.

    It stands upright on the slice like a fence: slice views show where a model cuts their plane. A hidden
    segmentation would do as well, but for the errors in Slicer's log: its modules expect each one to have
    an item of the subject hierarchy.
    """

    def __init__(self, scene) -> None:
        self._scene = scene
        self._node = None

    def show(self, geometry: CTGeometry, index: int, outline: np.ndarray) -> None:
        """Outline a part, bool (Y, X), of a slice of the CT in canonical order; what was shown goes."""
        self._ensure().SetAndObservePolyData(_fence(geometry, index, outline))

    def clear(self) -> None:
        """Show nothing any more."""
        if self._node is not None and self._node.GetScene() is not None:
            self._scene.RemoveNode(self._node.GetDisplayNode())
            self._scene.RemoveNode(self._node)
        self._node = None

    def _ensure(self):
        if self._node is None or self._node.GetScene() is None:
            node = slicer.vtkMRMLModelNode()
            node.SetName("In doubt")
            node.SetHideFromEditors(True)
            node.SetSaveWithScene(False)
            self._node = self._scene.AddNode(node)
            self._node.CreateDefaultDisplayNodes()
            display = self._node.GetDisplayNode()
            display.SetSaveWithScene(False)
            display.SetVisibility3D(False)
            display.SetVisibility2D(True)
            display.SetColor(*_COLOR)
            display.SetSliceIntersectionOpacity(_OPACITY)
        return self._node


def _fence(geometry: CTGeometry, index: int, outline: np.ndarray):
    """The border of a part of a slice, as high as the slice is thick, as a ``vtkPolyData`` in RAS."""
    # Closed also where the part reaches the edge of the slice.
    image = image_from_array(np.pad(outline, 1).astype(np.uint8)[None])
    border = vtk.vtkMarchingSquares()
    border.SetInputData(image)
    border.SetValue(0, 0.5)
    fence = vtk.vtkLinearExtrusionFilter()
    fence.SetInputConnection(border.GetOutputPort())
    fence.SetExtrusionTypeToVectorExtrusion()
    fence.SetVector(0, 0, 1)
    fence.CappingOff()
    origin = geometry.world_of((0, 0, 0))
    x, y, z = (geometry.world_of(step) - origin for step in ((0, 0, 1), (0, 1, 0), (1, 0, 0)))
    to_ras = np.eye(4)
    to_ras[:3] = np.stack([x, y, z, origin + (index - 0.5) * z - y - x], axis=1)
    transform = vtk.vtkTransform()
    transform.SetMatrix(to_matrix(to_ras))
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetInputConnection(fence.GetOutputPort())
    placed.SetTransform(transform)
    placed.Update()
    return placed.GetOutput()
