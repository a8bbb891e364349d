"""Shows a controller's status and the rounds of a scene in the panel's widgets."""

from ICHHPINetLib.interaction.controller_state import State
from ICHHPINetLib.scene.rounds_table import is_guess
from slicer.i18n import tr as _


class StatusView:
    """Writes to the widgets of ICHHPINet.ui and reads nothing from them."""

    def __init__(self, ui):
        self.ui = ui
        self.status = None
        # Volume of a first guess that no stroke has corrected yet.
        self.guessMl = None

    def showStatus(self, status):
        """Texts, progress and enabled buttons for ``status``."""
        self.status = status
        ui = self.ui
        ui.installFrame.visible = status.state == State.NO_TORCH
        ui.firstGuessButton.enabled = status.can_guess
        ui.refineButton.enabled = status.can_refine
        ui.cancelButton.enabled = status.can_cancel
        ui.undoRoundButton.enabled = status.can_undo
        ui.startOverButton.enabled = status.can_start_over
        ui.progressBar.enabled = status.state.is_busy
        ui.progressBar.value = round(100 * status.fraction) if status.state.is_busy else 0
        ui.messageLabel.text = status.message or guessText(status, self.guessMl) or stateText(status)

    def showRounds(self, rows, notes=()):
        """Headline and details of the last of ``rows``, as the table of rounds has them."""
        ui = self.ui
        hasResult = bool(rows)
        isGuess = is_guess(rows)
        self.guessMl = rows[-1]["Volume (mL)"] if isGuess else None
        if self.status is not None:
            self.showStatus(self.status)
        for button in (ui.exportLabelmapButton, ui.exportSegmentationButton, ui.exportTableButton):
            button.enabled = hasResult
        if not hasResult:
            ui.volumeLabel.text = _("– mL")
            for label in (ui.changeLabel, ui.abcLabel, ui.computedLabel):
                label.text = "–"
            return
        row = rows[-1]
        volume = _("{volume:.1f} mL (guess)") if isGuess else _("{volume:.1f} mL")
        ui.volumeLabel.text = volume.format(volume=row["Volume (mL)"])
        ui.changeLabel.text = _("{change:+.1f} mL").format(change=row["Change (mL)"])
        ui.abcLabel.text = _("{volume:.1f} mL").format(volume=row["ABC/2 (mL)"])
        computed = _("round {round}, {seconds:.1f} s on {device}").format(
            round=row["Round"], seconds=row["Time (s)"], device=row["Device"]
        )
        ui.computedLabel.text = ". ".join([computed, *notes])

    def showTool(self, tool, buttons):
        """Press the button of ``tool`` and release the others; ``buttons`` is tool to button."""
        for name, button in buttons.items():
            button.checked = name == tool


def guessText(status, volumeMl):
    """What to do about a first guess, None where there is none or something else goes on."""
    if volumeMl is None or status.state not in (State.IDLE, State.READY):
        return None
    if not volumeMl:
        return _("Nothing was found. A bleed may be there all the same: look at every slice.")
    return _("A first guess, checked by nobody: look at every slice, and paint where it is wrong.")


def stateText(status):
    """What is going on, or what to do next."""
    state = status.state
    if state == State.REFINING and status.slice_index is not None:
        text = _("Slice {slice} of {count}").format(slice=status.slice_index + 1, count=status.slice_count)
    elif state == State.REFINING:
        text = _("Reading the volume and the strokes")
    else:
        text = {
            State.NO_TORCH: _("PyTorch is missing, see above. You can choose a CT and paint already."),
            State.NO_CT: _("Choose a head CT."),
            State.IDLE: _("Paint a short stroke on the bleeding."),
            State.READY: _("Refine, or paint more strokes where the result is wrong."),
            State.CANCELLING: _("Cancelling"),
            State.CANCELLED: _("Cancelled. The previous result and all strokes are as they were."),
            State.FAILED: "",
        }[state]
    return _("{text}; one more round follows").format(text=text) if status.queued else text
