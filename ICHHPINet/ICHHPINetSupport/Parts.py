"""The parts of the panel that stand on their own: each connects its own widgets."""

from .Centering import Centering
from .DoubtStrip import DoubtStrip
from .NextFocus import NextFocus
from .NextSlice import NextSlice
from .Surface import Surface
from .UndoScribble import UndoScribble


class Parts:
    """All of them, told together of what happens.

    :param ui: widgets of the panel
    :param logic: of the module
    """

    def __init__(self, ui, logic):
        self._logic = logic
        self.undoScribble = UndoScribble(ui, logic)
        self.nextSlice = NextSlice(ui, logic)
        self.nextFocus = NextFocus(ui, logic)
        self.centering = Centering(logic)
        self.surface = Surface(logic)
        self.doubtStrip = DoubtStrip(ui, self.nextSlice)

    def onStatus(self):
        """The controller has got on."""
        if not self._logic.controller.status.is_busy:
            self.doubtStrip.show(self._logic.controller.doubt)
        self.undoScribble.update()
        self.surface.update()

    def onRounds(self):
        """There is another last round, or another CT with its rounds."""
        self.nextSlice.reset()
        self.nextFocus.reset()
        self.centering.onRounds()

    def close(self):
        """Leave nothing behind in the scene."""
        self.nextSlice.reset()
