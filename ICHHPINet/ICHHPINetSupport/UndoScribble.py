"""Takes back single scribbles, as long as no round has seen them."""

import qt
from slicer.i18n import tr as _


class UndoScribble:
    """The button, and what Ctrl+Z does.

    Slicer's Segment Editor has an undo of its own, which knows nothing of rounds and forgets all when a
    scene is closed; the scribbles here are taken back by the library.

    :param ui: widgets of the panel
    :param logic: whose scene has the scribbles
    """

    def __init__(self, ui, logic):
        self._ui, self._logic = ui, logic
        self._isNoting = False
        ui.undoScribbleButton.connect("clicked(bool)", self.undo)

    def onScribblesChanged(self):
        """One or both kinds have changed, perhaps the first of two changes of one scribble."""
        if not self._isNoting:
            self._isNoting = True
            # A scribble that crosses another kind changes both, one after the other, in one event.
            qt.QTimer.singleShot(0, self._note)

    def undo(self):
        """Take back the last scribble, or say why there is none."""
        if not self._logic.undoScribble():
            status = self._logic.controller.status
            self._ui.messageLabel.text = (
                _("Every scribble is part of a round. Undo round takes back the last one with its scribbles.")
                if status.rounds and status.has_scribbles
                else _("There is no scribble to take back.")
            )
        self.update()

    def update(self):
        """Enable the button where there is something to take back."""
        self._ui.undoScribbleButton.enabled = self._logic.scene.can_undo_scribble()

    def _note(self):
        self._isNoting = False
        self._logic.scene.note_scribble()
        self.update()
