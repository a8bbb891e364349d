"""Leads from focus to focus of the result."""

import slicer
from slicer.i18n import tr as _

from . import Views


class NextFocus:
    """Shows one focus after the other, the largest first.

    :param ui: widgets of the panel
    :param logic: whose scene has the result
    """

    def __init__(self, ui, logic):
        self._ui, self._logic = ui, logic
        self._shown = 0
        ui.nextFocusButton.connect("clicked(bool)", self.show)

    def show(self):
        """Go to the next focus and say which one it is."""
        with slicer.util.tryWithErrorDisplay(_("The focus cannot be shown.")):
            foci = self._logic.foci()
            if not foci:
                self._ui.messageLabel.text = _("There is no blood in the result.")
                return
            index = self._shown % len(foci)
            self._shown = index + 1
            geometry = self._logic.scene.geometry()
            z, y, x = geometry.spacing
            Views.centerOn(geometry.world_of(foci[index].middle))
            self._ui.messageLabel.text = _("Focus {index} of {count}: {volume:.1f} mL").format(
                index=index + 1, count=len(foci), volume=foci[index].voxels * z * y * x / 1000
            )

    def reset(self):
        """Begin anew, after a round or with another CT."""
        self._shown = 0
