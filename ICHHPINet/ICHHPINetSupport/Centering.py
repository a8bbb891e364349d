"""Brings the views to the bleed once there is a first result."""

from . import Views


class Centering:
    """Once for each CT, and no view that the user has moved.

    The axial view stays where the user draws, but for a first guess.

    :param logic: whose scene has the CT and the result
    """

    def __init__(self, logic):
        self._logic = logic
        self._left = {}

    def onCtShown(self):
        """The CT was just brought into the views: from here on it is the user who moves them."""
        self._left = Views.positions(self._logic.scene.ct)

    def onRounds(self):
        """Center the views if this is the first result that was computed for the CT."""
        last = self._logic.controller.last
        if last is None or not self._left:
            return
        foci = self._logic.foci()
        if foci:
            geometry = self._logic.scene.geometry()
            isDrawn = self._logic.scene.has_scribbles()
            across = geometry.world_of((1, 0, 0)) - geometry.world_of((0, 0, 0))
            Views.centerUnmoved(self._left, geometry.world_of(foci[0].middle), across if isDrawn else None)
            self._left = {}
