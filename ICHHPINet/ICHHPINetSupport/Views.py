"""How the CT and the result look in the views."""

import slicer

_SHOWN = "ICHHPINet.shownInBrainWindow"
_WINDOW, _LEVEL = 80, 40


def firstCt():
    """The first scalar volume of the scene that is no label map, None where there is none."""
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return next((volume for volume in volumes if not volume.IsA("vtkMRMLLabelMapVolumeNode")), None)


def showCt(ct):
    """Show ``ct`` in the slice views, along its own slices, and in the brain window the first time."""
    if not ct.GetAttribute(_SHOWN):
        ct.SetAttribute(_SHOWN, "1")
        ct.CreateDefaultDisplayNodes()
        display = ct.GetScalarVolumeDisplayNode()
        display.AutoWindowLevelOff()
        display.SetWindowLevel(_WINDOW, _LEVEL)
    hasViews = slicer.app.layoutManager() is not None
    slicer.util.setSliceViewerLayers(background=ct, fit=True, rotateToVolumePlane=hasViews)


def setFillOpacity(segmentation, opacity):
    """Opacity of a segmentation's area in the slice views, 0 to 1; its outline stays."""
    display = segmentation.GetDisplayNode() if segmentation is not None else None
    if display is not None:
        display.SetOpacity2DFill(opacity)
