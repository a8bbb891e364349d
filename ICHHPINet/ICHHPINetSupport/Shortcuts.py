"""Keyboard shortcuts that exist only while the module is shown."""

import qt
import slicer

# With Shift, because single letters belong to the slice views and to other modules. Ctrl+Z is what Slicer's
# Segment Editor installs, too, while it is shown.
KEYS = {
    "foreground": "Shift+F",
    "background": "Shift+B",
    "refine": "Shift+R",
    "undoScribble": "Ctrl+Z",
    "undo": "Shift+Z",
    "nextSlice": "Shift+N",
    "putBrushAway": "Esc",
}


class Shortcuts:
    """Connects :data:`KEYS` to actions, given as name to function."""

    def __init__(self, actions):
        self._actions = actions
        self.created = []

    def create(self):
        """Call when the module is entered; does nothing where there is no main window."""
        self.delete()
        mainWindow = slicer.util.mainWindow()
        if mainWindow is None:
            return
        for name, action in self._actions.items():
            shortcut = qt.QShortcut(qt.QKeySequence(KEYS[name]), mainWindow)
            shortcut.connect("activated()", action)
            self.created.append(shortcut)

    def delete(self):
        """Call when the module is left."""
        for shortcut in self.created:
            shortcut.disconnect("activated()")
            # Made from Python, so it goes with its last reference once the main window lets go of it.
            shortcut.setParent(None)
        self.created = []
