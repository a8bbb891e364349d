"""How the CT and the result look in the views."""

import slicer

_SHOWN = "ICHHPINet.shownInBrainWindow"
_WINDOW, _LEVEL = 80, 40


def firstCt():
    """The volume that the user looks at, else the first one of the scene; None where there is none.

    Label maps, colour pictures and diffusion volumes are scalar volumes to Slicer, too, but no CTs.
    """
    volumes = [
        volume
        for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        if volume.GetClassName() == "vtkMRMLScalarVolumeNode" and not volume.GetHideFromEditors()
    ]
    shown = {
        composite.GetBackgroundVolumeID()
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    }
    return next((volume for volume in volumes if volume.GetID() in shown), next(iter(volumes), None))


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


def otherVolumeShown(ct):
    """Whether the slice views show volumes, and ``ct`` in none of them, before or behind another."""
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    shown = {one.GetBackgroundVolumeID() for one in composites}
    shown |= {one.GetForegroundVolumeID() for one in composites}
    shown -= {None, ""}
    return bool(shown) and ct.GetID() not in shown


def setFillOpacity(segmentation, opacity):
    """Opacity of a segmentation's area in the slice views, 0 to 1; its outline stays."""
    display = segmentation.GetDisplayNode() if segmentation is not None else None
    if display is not None:
        display.SetOpacity2DFill(opacity)
