"""Brings the views to the bleed once there is a first result."""

from contextlib import suppress
from itertools import product

from ICHHPINetLib.errors import ICHHPINetError

from . import Views


class Centering:
    """Once for each CT; a view that the user has brought to the bleed stays as it is.

    The axial view stays where the user draws, but for a first guess.

    :param logic: whose scene has the CT and the result
    """

    def __init__(self, logic):
        self._logic = logic
        self._views = {}

    def onCtShown(self):
        """The CT was just brought into the views: from here on it is the user who moves them."""
        self._views = Views.positions(self._logic.scene.ct)

    def onRounds(self):
        """Center the views if this is the first result that was computed for the CT."""
        if self._logic.controller.last is None or not self._views:
            return
        # A CT that lies under a warp by now is told of elsewhere.
        with suppress(ICHHPINetError):
            foci = self._logic.foci()
            if foci:
                self._center(foci[0])
                self._views = {}

    def _center(self, focus):
        place = self._logic.scene.geometry().world_of
        ends = [(first, first + size) for first, size in zip(focus.start, focus.part.shape, strict=True)]
        across = place((1, 0, 0)) - place((0, 0, 0)) if self._logic.scene.has_scribbles() else None
        Views.center(self._views, place(focus.middle), [place(corner) for corner in product(*ends)], across)
