"""What the panel does to the views once there is a result."""

import numpy as np
import pytest

from Testing.slicer_module.test_widget import add_ct, add_view, finish, held_session, paint, state

SURFACE = "Closed surface"


def orient(view, name):
    getattr(view, f"SetOrientationTo{name}")()
    return view


def origin(view):
    return [view.GetSliceToRAS().GetElement(row, 3) for row in range(3)]


def refine(widget, index=2):
    paint(widget, index)
    widget.ui.refineButton.click()
    finish(widget)


@pytest.fixture
def views(scene, ct):
    """An axial, a coronal and a sagittal view of the CT."""
    return [
        orient(add_view(scene, name, ct), plane)
        for name, plane in (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal"))
    ]


def middle(widget, index=2):
    """Of the scribble, which is all that the stand-in for the network marks, but for half a voxel."""
    return widget.logic.scene.geometry().world_of((index, 6.5, 6.5))


def test_the_first_round_brings_coronal_and_sagittal_views_to_the_bleed_and_no_later_one(views, make_widget):
    axial, coronal, sagittal = views
    widget = make_widget()
    before = origin(axial)
    refine(widget)
    assert origin(axial) == before, "the user draws there"
    for view in (coronal, sagittal):
        assert np.allclose(origin(view), middle(widget), atol=1)
    reached = origin(coronal)
    refine(widget, 4)
    widget.ui.undoRoundButton.click()
    refine(widget, 3)
    assert origin(coronal) == reached


def test_a_view_that_the_user_has_brought_to_the_bleed_stays(views, make_widget):
    widget = make_widget()
    _, coronal, sagittal = views
    coronal.JumpSliceByCentering(*(middle(widget) + np.array([2, 1, 9])))
    sagittal.JumpSliceByCentering(*(middle(widget) + np.array([5, 1, 9])))
    before = origin(coronal)
    refine(widget)
    assert origin(coronal) == before, "it cuts the bleed, though not in its middle"
    assert np.allclose(origin(sagittal), middle(widget), atol=1)


def test_a_first_guess_brings_the_axial_view_along(views, make_widget):
    widget = make_widget()
    before = origin(views[0])
    widget.ui.firstGuessButton.click()
    finish(widget)
    assert origin(views[0]) != before


def test_views_of_another_volume_and_of_a_loaded_result_stay(ct, scene, make_widget):
    other = orient(add_view(scene, "Other", add_ct(scene, "other")), "Coronal")
    add_view(scene, "Red", ct)
    widget = make_widget()
    widget._parameterNode.inputVolume = ct
    before = origin(other)
    refine(widget)
    assert origin(other) == before
    widget.cleanup()
    view = orient(add_view(scene, "Green", ct), "Coronal")
    before = origin(view)
    again = make_widget()
    assert again.logic.scene.rounds() == 1
    assert origin(view) == before


def test_foci_are_shown_one_after_the_other_the_largest_first(ct, scene, make_widget):
    from ICHHPINetLib.scene.segments import write_segment

    widget = make_widget()
    assert not widget.ui.nextFocusButton.enabled
    refine(widget)
    mask = np.zeros((6, 20, 24), bool)
    mask[1, 2:4, 2:4] = mask[4, 10:16, 10:16] = True
    geometry = widget.logic.scene.geometry()
    hematoma = widget.logic.scene.node("hematoma")
    segment = hematoma.GetSegmentation().GetNthSegmentID(0)
    write_segment(hematoma, segment, geometry.to_stored(mask), geometry.ijk_to_world)
    view = add_view(scene, "Red", ct)
    seen = []
    for said in ("Focus 1 of 2: 0.2 mL", "Focus 2 of 2: 0.0 mL", "Focus 1 of 2: 0.2 mL"):
        widget.ui.nextFocusButton.click()
        assert widget.ui.messageLabel.text == said
        seen.append(origin(view)[2])
    assert seen[0] == seen[2] == geometry.world_of((4, 0, 0))[2]
    assert seen[1] == geometry.world_of((1, 0, 0))[2]


def test_the_surface_follows_the_rounds(ct, make_widget):
    session = held_session()
    widget = make_widget(open_session=session)
    session.go.set()
    widget._parameterNode.show3D = True
    refine(widget)
    node = widget.logic.scene.node("hematoma")
    segmentation, display = node.GetSegmentation(), node.GetDisplayNode()
    segment = segmentation.GetNthSegmentID(0)

    def points():
        return node.GetClosedSurfaceInternalRepresentation(segment).GetNumberOfPoints()

    assert segmentation.ContainsRepresentation(SURFACE)
    assert display.GetPreferredDisplayRepresentationName3D() == SURFACE
    assert display.GetPreferredDisplayRepresentationName2D() == "Binary labelmap"
    before = points()
    session.go.clear()
    paint(widget, 3)
    widget.ui.refineButton.click()
    assert not segmentation.ContainsRepresentation(SURFACE), "previews come faster than surfaces"
    session.go.set()
    finish(widget)
    assert points() != before
    widget._parameterNode.show3D = False
    assert not segmentation.ContainsRepresentation(SURFACE)
    assert not state(widget).is_busy


def test_a_surface_that_the_user_has_made_elsewhere_is_left_alone(ct, make_widget):
    widget = make_widget()
    refine(widget)
    node = widget.logic.scene.node("hematoma")
    node.CreateClosedSurfaceRepresentation()
    refine(widget, 4)
    assert node.GetSegmentation().ContainsRepresentation(SURFACE)


def test_an_empty_result_has_no_surface_and_no_focus(ct, make_widget, capfd):
    from ICHHPINetSupport.SelfTest import StandInSession

    class Empty(StandInSession):
        def guess(self, on_progress=None, is_cancelled=None):
            from ICHHPINetLib.interaction.scribbles import Scribbles

            nothing = Scribbles.empty(self.log.shape)
            return self._round(nothing, nothing, on_progress, is_cancelled)

    widget = make_widget(open_session=Empty)
    widget._parameterNode.show3D = True
    widget.ui.firstGuessButton.click()
    finish(widget)
    widget.ui.nextFocusButton.click()
    assert widget.ui.messageLabel.text == "There is no blood in the result."
    assert "rror" not in capfd.readouterr().err
