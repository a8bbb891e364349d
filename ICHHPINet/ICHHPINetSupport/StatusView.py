"""Shows a controller's status and the rounds of a scene in the panel's widgets."""

from ICHHPINetLib.interaction.status import State
from ICHHPINetLib.scene.readable_rounds import readable, signed
from ICHHPINetLib.scene.rounds_table import is_guess
from slicer.i18n import tr as _


class StatusView:
    """Writes to the widgets of ICHHPINet.ui and reads nothing from them."""

    def __init__(self, ui):
        self.ui = ui
        self.status = None
        # Volume of a first guess that no scribble has corrected yet.
        self.guessMl = None
        self.notes = ()
        self.rows = ()
        self.doubt = None
        ui.roundsTable.verticalHeader().visible = False
        ui.roundsTable.horizontalHeader().stretchLastSection = True

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
        ui.nextSliceButton.enabled = self._canCheck()
        ui.nextFocusButton.enabled = bool(status.rounds) and not status.is_busy
        ui.progressBar.enabled = status.state.is_busy
        ui.progressBar.value = round(100 * status.fraction) if status.state.is_busy else 0
        ui.messageLabel.text = status.message or self._text(status)
        # In the middle of a round the segment shows a part of it, and an edit is in the segment alone.
        ui.exportSegmentationButton.enabled = bool(self.rows) and not status.state.is_busy
        for button in (ui.exportLabelmapButton, ui.exportTableButton):
            button.enabled = ui.exportSegmentationButton.enabled and status.edited_ml is None
        self._showFigures()

    def _canCheck(self):
        """Whether there are slices to check next."""
        known = self.doubt is not None and not self.status.is_busy and self.status.edited_ml is None
        return known and bool(self.doubt.slices)

    def _text(self, status):
        """What there is to know about the result, and what goes on or what to do next."""
        if status.state.is_busy:
            return stateText(status)
        known = self.notes or ([] if self.guessMl is None else [guessText(self.guessMl)])
        return " ".join([*dict.fromkeys((*status.warnings, *known)), stateText(status)])

    def showRounds(self, rows, notes=(), doubt=None):
        """Headline and details of the last of ``rows``, as the table of rounds has them, and its doubt."""
        self.rows, self.notes, self.doubt = tuple(rows), tuple(notes), doubt
        self.guessMl = rows[-1]["Volume (mL)"] if is_guess(rows) else None
        self.ui.roundsTable.setMRMLTableNode(readable(self.rows) if self.rows else None)
        if self.status is not None:
            self.showStatus(self.status)

    def _showFigures(self):
        ui = self.ui
        if not self.rows:
            ui.volumeLabel.text = _("– mL")
            for label in (ui.likelyLabel, ui.changeLabel, ui.abcLabel, ui.computedLabel):
                label.text = "–"
            return
        row = self.rows[-1]
        if self.status.edited_ml is not None:
            ui.volumeLabel.text = _("{volume:.1f} mL (edited)").format(volume=self.status.edited_ml)
            for label in (ui.likelyLabel, ui.changeLabel, ui.abcLabel):
                label.text = "–"
        else:
            self._showVolumes(row)
        ui.computedLabel.text = _("round {round}, {seconds:.1f} s on {device}, network {model}").format(
            round=row["Round"], seconds=row["Time (s)"], device=row["Device"], model=row["Model"]
        )

    def _showVolumes(self, row):
        volume = _("{volume:.1f} mL") if self.guessMl is None else _("{volume:.1f} mL (guess)")
        likely = "–" if self.doubt is None else likelyText(*self.doubt.interval_ml)
        if self.guessMl == 0:
            # A zero in large digits would read as an all-clear.
            volume, likely = _("– mL (guess)"), "–"
        self.ui.volumeLabel.text = volume.format(volume=row["Volume (mL)"])
        self.ui.likelyLabel.text = likely
        change = _("{change} mL") if row["Round"] > 1 else "–"
        self.ui.changeLabel.text = change.format(change=signed(row["Change (mL)"]))
        self.ui.abcLabel.text = _("{volume:.1f} mL").format(volume=row["ABC/2 (mL)"])

    def showTool(self, tool, buttons):
        """Press the button of ``tool`` and release the others; ``buttons`` is tool to button."""
        for name, button in buttons.items():
            button.checked = name == tool


def likelyText(low, high):
    """Between which volumes the true one is expected."""
    return _("{low:.1f} to {high:.1f} mL").format(low=low, high=high)


def guessText(volumeMl):
    """What to know about a first guess that was loaded with a scene."""
    if not volumeMl:
        return _("The first guess found nothing. A bleed may be there all the same: look at every slice.")
    return _("A first guess, not checked yet: look at every slice.")


def readyText(status):
    """What to do where there are scribbles and no round runs."""
    if not status.rounds:
        return _("Refine. Scribbles on the bleeding and beside it, on healthy tissue, help most.")
    if status.new_scribbles:
        return _("The new scribbles are not in the volume yet: refine.")
    return _("Paint scribbles where the result is wrong, then refine.")


def stateText(status):
    """What is going on, or what to do next."""
    state = status.state
    if status.edited_ml is not None and state in (State.IDLE, State.READY, State.CANCELLED):
        return _(
            "Edited by hand: label map and table are those before the edit. The next round takes it along."
        )
    if state == State.REFINING and status.slice_index is not None:
        text = _("Refining {count} slices, those with scribbles first").format(count=status.slice_count)
    elif state == State.REFINING:
        text = _("Reading the volume and the scribbles")
    else:
        text = {
            State.NO_TORCH: _("PyTorch is missing, see above. You can choose a CT and paint already."),
            State.NO_CT: _("Choose a head CT."),
            State.IDLE: _("Click Foreground and paint a short scribble on the bleeding."),
            State.READY: readyText(status),
            State.CANCELLING: _("Cancelling"),
            State.CANCELLED: _("Cancelled. The previous result and all scribbles are as they were.")
            if status.rounds
            else _("Cancelled. All scribbles are as they were."),
            State.FAILED: "",
        }[state]
    return _("{text}; one more round follows").format(text=text) if status.queued else text
