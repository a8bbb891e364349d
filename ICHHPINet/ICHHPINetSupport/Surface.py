"""The result as a surface in the 3D views."""

import slicer


class Surface:
    """Shown while its box is checked, and made anew by every round.

    It is away while a round runs: Slicer would make it anew for every preview, which takes longer than the
    preview does.

    :param logic: whose scene has the result
    """

    def __init__(self, logic):
        self._logic = logic
        self._wanted = self._isNew = False

    def show(self, wanted):
        """The box was checked or unchecked, by the user or by a scene that was loaded."""
        if wanted == self._wanted:
            return
        self._wanted = self._isNew = wanted
        node = self._logic.scene.node("hematoma")
        if node is not None and not wanted:
            node.RemoveClosedSurfaceRepresentation()
        self.update()

    def update(self):
        """Make or remove the surface, as a running round has it; does nothing where it is not wanted."""
        node = self._logic.scene.node("hematoma") if self._wanted else None
        if node is None:
            return
        names = slicer.vtkSegmentationConverter
        surface = names.GetSegmentationClosedSurfaceRepresentationName()
        has = node.GetSegmentation().ContainsRepresentation(surface)
        if self._logic.controller.status.is_busy:
            if has:
                node.RemoveClosedSurfaceRepresentation()
        elif not has and self._logic.controller.status.rounds and node.CreateClosedSurfaceRepresentation():
            display = node.GetDisplayNode()
            if display is not None:
                display.SetPreferredDisplayRepresentationName3D(surface)
                # The slice views go on with the voxels.
                display.SetPreferredDisplayRepresentationName2D(
                    names.GetSegmentationBinaryLabelmapRepresentationName()
                )
            if self._isNew and slicer.app.layoutManager() is not None:
                slicer.util.resetThreeDViews()
            self._isNew = False
