"""Leads through the slices that a round is in doubt about."""

import slicer
from ICHHPINetLib.scene.doubt_view import DoubtView
from slicer.i18n import tr as _

from . import Views


class NextSlice:
    """Shows one slice after the other, the most doubtful first.

    :param ui: widgets of the panel
    :param logic: whose controller knows the doubt, and whose scene has the CT
    """

    def __init__(self, ui, logic):
        self._logic = logic
        self._view = DoubtView(slicer.mrmlScene)
        self._shown = 0
        ui.nextSliceButton.connect("clicked(bool)", self.show)

    def show(self):
        """Go to the next slice and outline there what is in doubt; nothing where there is none."""
        doubt = self._logic.controller.doubt
        if doubt is not None and doubt.slices:
            self.goTo(doubt.slices[self._shown % len(doubt.slices)])
            self._shown += 1

    def goTo(self, index):
        """Show a slice, in canonical order, and what is in doubt there; nothing without a doubt."""
        doubt = self._logic.controller.doubt
        if doubt is None:
            return
        with slicer.util.tryWithErrorDisplay(_("The slice cannot be shown.")):
            geometry = self._logic.scene.geometry()
            self._view.show(geometry, index, doubt.outline(index))
            Views.centerOn(geometry.world_of((index, *doubt.place(index))))

    def reset(self):
        """Begin anew, after a round or with another CT."""
        self._shown = 0
        self._view.clear()
