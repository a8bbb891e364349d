"""The first guess in the panel."""

from Testing.slicer_module.test_widget import finish, paint


def test_first_guess_is_offered_before_scribbles_and_says_what_to_do_next(ct, make_widget):
    widget = make_widget()
    assert widget.ui.firstGuessButton.enabled
    widget.ui.firstGuessButton.click()
    finish(widget)
    assert widget.logic.scene.rounds_rows()[0]["Scribbled slices"] == 0
    assert not widget.ui.firstGuessButton.enabled
    assert "not checked yet" in widget.ui.messageLabel.text
    assert widget.ui.volumeLabel.text.endswith("mL (guess)")
    assert widget.ui.undoRoundButton.enabled
    paint(widget)
    assert "not checked yet" in widget.ui.messageLabel.text
    widget.ui.refineButton.click()
    finish(widget)
    assert widget.logic.scene.rounds() == 2
    assert "guess" not in widget.ui.messageLabel.text + widget.ui.volumeLabel.text
    widget.ui.undoRoundButton.click()
    assert "not checked yet" in widget.ui.messageLabel.text
    widget.ui.undoRoundButton.click()
    assert widget.ui.firstGuessButton.enabled
    assert "guess" not in widget.ui.messageLabel.text + widget.ui.volumeLabel.text


def test_a_guess_is_still_called_one_after_the_ct_was_changed_and_back(ct, make_widget):
    widget = make_widget()
    widget.ui.firstGuessButton.click()
    finish(widget)
    widget.setCt(None)
    assert "guess" not in widget.ui.messageLabel.text + widget.ui.volumeLabel.text
    widget.setCt(ct)
    assert "not checked yet" in widget.ui.messageLabel.text
    assert widget.ui.volumeLabel.text.endswith("mL (guess)")


def test_a_guess_that_finds_nothing_is_no_all_clear(ct, make_widget):
    from ICHHPINetSupport.SelfTest import StandInSession

    from ICHHPINetLib.interaction.scribbles import Scribbles

    class Blind(StandInSession):
        def guess(self, on_progress=None, is_cancelled=None):
            return self.refine(Scribbles.empty(self.log.shape), on_progress, is_cancelled)

    widget = make_widget(open_session=Blind)
    widget.ui.firstGuessButton.click()
    finish(widget)
    assert "may be there all the same" in widget.ui.messageLabel.text
    assert widget.ui.volumeLabel.text == "– mL (guess)"


def test_a_cancelled_guess_leaves_nothing(ct, make_widget):
    from ICHHPINetSupport.SelfTest import StandInSession

    class Slow(StandInSession):
        secondsPerSlice = 0.05

    widget = make_widget(open_session=Slow)
    widget.ui.firstGuessButton.click()
    widget.ui.cancelButton.click()
    finish(widget)
    assert widget.logic.scene.rounds() == 0
    assert widget.logic.scene.read_mask() is None
    assert widget.ui.firstGuessButton.enabled
