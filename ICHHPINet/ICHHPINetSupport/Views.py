"""How the CT and the result look in the views."""

import numpy as np
import slicer
from ICHHPINetLib.scene.origin import may_be_ct

_SHOWN = "ICHHPINet.shownInBrainWindow"
_WINDOW, _LEVEL = 80, 40
# Cosine of 45 degrees: views that are nearer to it than to the other two planes.
_ACROSS = 0.7


def mayBeCt(volume):
    """Whether ``volume`` is in the scene, has voxels, and nothing says that it is no CT.

    Label maps, color pictures and diffusion volumes are scalar volumes to Slicer, too, but no CTs;
    nor is what was loaded from DICOM series of other modalities.
    """
    return (
        volume.GetScene() is not None
        and volume.GetClassName() == "vtkMRMLScalarVolumeNode"
        and not volume.GetHideFromEditors()
        and volume.GetImageData() is not None
        and may_be_ct(slicer.mrmlScene, volume)
    )


def firstCt():
    """The CT that the user looks at, else the first one of the scene; None where there is none."""
    volumes = [one for one in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if mayBeCt(one)]
    shown = {volume for volumes in _shownVolumes().values() for volume in volumes}
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


def paintOnlyWhereShown(ct, scribbles):
    """Let ``scribbles`` be painted in those slice views alone that show ``ct``.

    A scribble in a view of another volume would land in ``ct`` unseen. Where no view of the layout shows
    ``ct``, all do from now on.
    """
    views = _shownVolumes()
    if views and not any(ct.GetID() in volumes for volumes in views.values()):
        showCt(ct)
        views = {}
    display = scribbles.GetDisplayNode()
    if display is None:
        return
    display.RemoveAllViewNodeIDs()
    if all(ct.GetID() in volumes for volumes in views.values()):
        return
    for view, volumes in views.items():
        if ct.GetID() in volumes:
            display.AddViewNodeID(view)


def showEverywhere(segmentation):
    """Undo what ``paintOnlyWhereShown`` did, when the brush is put away."""
    display = segmentation.GetDisplayNode() if segmentation is not None else None
    if display is not None and display.GetNumberOfViewNodeIDs():
        display.RemoveAllViewNodeIDs()


def _shownVolumes():
    """IDs of the slice views of the layout that show something, each with the IDs of its volumes."""
    views = {}
    slices = {one.GetLayoutName(): one for one in slicer.util.getNodesByClass("vtkMRMLSliceNode")}
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        view = slices.get(composite.GetLayoutName())
        volumes = {composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()} - {None, ""}
        if volumes and view is not None and view.IsMappedInLayout():
            views[view.GetID()] = volumes
    return views


def centerOn(place):
    """Show a place, RAS in mm, in the middle of all slice views, in the slices that hold it."""
    node = slicer.vtkMRMLSliceNode
    node.JumpAllSlices(slicer.mrmlScene, *place, node.CenteredJumpSlice)


def positions(volume):
    """Where the slice views of the layout that show ``volume`` are: slice node to its 16 numbers."""
    return {
        slicer.mrmlScene.GetNodeByID(view): _position(slicer.mrmlScene.GetNodeByID(view))
        for view, volumes in _shownVolumes().items()
        if volume.GetID() in volumes
    }


def center(before, place, corners, stay=None):
    """Show a place, RAS in mm, in the middle of slice views, but where the user has it in sight already.

    :param before: the views, of :func:`positions`; one that was moved since is left if it cuts the box
    :param corners: of the box around what is to be seen, RAS
    :param stay: direction, RAS, across which views are left in any case; None for none
    """
    for view, position in before.items():
        if view.GetScene() is None:
            continue
        now = _position(view)
        normal = np.array([now[row * 4 + 2] for row in range(3)])
        if stay is not None and abs(normal @ stay) / np.linalg.norm(stay) > _ACROSS:
            continue
        heights = (np.array(corners) - [now[row * 4 + 3] for row in range(3)]) @ normal
        if now == position or heights.min() > 0 or heights.max() < 0:
            view.JumpSliceByCentering(*place)


def _position(view):
    matrix = view.GetSliceToRAS()
    return tuple(matrix.GetElement(row, column) for row in range(4) for column in range(4))


def setFillOpacity(segmentation, opacity):
    """Opacity of a segmentation's area in the slice views, 0 to 1; its outline stays."""
    display = segmentation.GetDisplayNode() if segmentation is not None else None
    if display is not None:
        display.SetOpacity2DFill(opacity)
