"""What a session promises about rounds, whatever the network's weights are."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings, strategies  # noqa: E402

from ICHHPINetLib import (  # noqa: E402
    InteractiveSession,
    InvalidScribblesError,
    InvalidVolumeError,
    RoundCancelled,
    Scribbles,
)
from ICHHPINetLib.interaction.round_log import RoundLog  # noqa: E402
from Testing.interaction.small_head import INSIDE, OUTSIDE, SHAPE, SPACING, drawn, head  # noqa: E402


@pytest.fixture
def session(tiny_network):
    return InteractiveSession(tiny_network, head(), SPACING)


def test_a_round_returns_what_the_interface_promises(session):
    result = session.refine(drawn(foreground=[INSIDE], background=[OUTSIDE]))
    assert result.mask.shape == SHAPE
    assert result.mask.dtype == np.uint8
    assert set(np.unique(result.mask)) <= {0, 1}
    assert result.probability.dtype == np.float32
    assert result.probability.min() >= 0
    assert result.probability.max() <= 1
    assert result.round == 1
    assert result.seconds > 0
    assert result.device == "cpu"
    assert result.model.startswith("tiny (")
    assert result.changed_slices == np.flatnonzero(result.mask.any(axis=(1, 2))).tolist()
    assert session.rounds == (result,)


def test_same_inputs_give_the_same_result(tiny_network):
    first, second = (
        InteractiveSession(tiny_network, head(), SPACING).refine(drawn(foreground=[INSIDE])) for _ in range(2)
    )
    assert np.array_equal(first.probability, second.probability)


def test_a_first_guess_needs_no_scribble_and_is_the_memory_of_the_next_round(session, monkeypatch):
    seen = []
    look, segment = session.network.look, session.network.segment_volume

    def everywhere(*given):
        seen_without = look(*given)
        return seen_without._replace(logits=seen_without.logits * 0 + 9)

    def watched(image, given, previous, *rest):
        seen.append((bool(given.any()), int(previous.sum())))
        return segment(image, given, previous, *rest)

    monkeypatch.setattr(session.network, "look", everywhere)
    monkeypatch.setattr(session.network, "segment_volume", watched)
    shown = []
    guess = session.guess(lambda progress: shown.append(progress.slice_index))
    assert guess.round == 1
    assert guess.mask.all()
    assert "First guess" in guess.notes[0]
    assert {index for index in shown if index is not None} == set(range(SHAPE[0]))
    second = session.refine(drawn(foreground=[INSIDE], background=[OUTSIDE]))
    assert second.round == 2
    assert not any("guess" in note for note in second.notes)
    assert not second.mask[OUTSIDE].any()
    ((with_scribbles, mask),) = seen
    assert with_scribbles
    assert mask > 0
    assert session.undo().mask.all()
    assert session.undo() is None


def test_a_guess_that_finds_nothing_says_so(session):
    # An untrained network says no everywhere.
    result = session.guess()
    assert not result.mask.any()
    assert "found nothing" in result.notes[0]


def test_scribbles_that_were_taken_back_after_a_cancel_are_no_obstacle_to_a_guess(session):
    with pytest.raises(RoundCancelled):
        session.refine(drawn(foreground=[INSIDE]), is_cancelled=lambda: True, accumulate=False)
    assert session.guess().round == 1


@pytest.mark.parametrize("sure", [0.55, 0.65])
def test_masks_and_previews_end_where_the_networks_volumes_are_right(session, monkeypatch, sure):
    """Its probabilities of blood are too high: 0.6 counts as even."""
    logit = float(np.log(sure / (1 - sure)))
    look = session.network.look
    monkeypatch.setattr(
        session.network, "look", lambda *x: (seen := look(*x))._replace(logits=seen.logits * 0 + logit)
    )
    shown = []
    result = session.guess(lambda progress: shown.append(progress.mask_slice))
    assert result.mask.any() == (sure > 0.6)
    assert any(mask is not None and mask.any() for mask in shown) == (sure > 0.6)
    assert (result.probability.max() >= 0.5) == (sure > 0.6)


def test_there_is_no_guess_after_a_scribble(session):
    session.refine(drawn(foreground=[INSIDE]))
    with pytest.raises(InvalidScribblesError, match="before all scribbles"):
        session.guess()
    session.undo()
    assert session.guess().round == 1


def test_scribbles_accumulate_and_a_later_one_wins(session):
    session.refine(drawn(foreground=[INSIDE]))
    result = session.refine(drawn(background=[(2, 20, slice(20, 30))]))
    assert result.mask[2, 20, 15:20].all()
    assert not result.mask[2, 20, 20:30].any()
    assert session.scribbles.foreground.sum() == 5


def test_erased_scribbles_no_longer_bind(session):
    session.refine(drawn(foreground=[INSIDE], background=[OUTSIDE]))
    session.refine(drawn(foreground=[(2, 20, slice(15, 20))]), accumulate=False)
    assert session.scribbles.foreground.sum() == 5
    assert not session.scribbles.background.any()


@settings(max_examples=10)
@given(
    seed=strategies.integers(0, 10_000),
    shape=strategies.tuples(
        strategies.integers(2, 7), strategies.integers(17, 60), strategies.integers(17, 60)
    ),
    spacing=strategies.tuples(
        strategies.floats(0.5, 9), strategies.floats(0.3, 2), strategies.floats(0.3, 2)
    ),
)
def test_every_scribbled_voxel_is_obeyed(tiny_network, seed, shape, spacing):
    rng = np.random.default_rng(seed)
    session = InteractiveSession(tiny_network, rng.normal(32, 300, shape), spacing)
    labels = rng.choice(3, shape, p=(0.98, 0.01, 0.01))
    labels.flat[0] = 1
    for _ in range(2):
        scribbles = Scribbles(labels == 1, labels == 2)
        result = session.refine(scribbles)
        assert result.mask[scribbles.foreground].all()
        assert not result.mask[scribbles.background].any()
        labels = rng.permuted(labels)
        labels.flat[0] = 1


def test_a_scribble_across_slices_marks_them_all(session):
    result = session.refine(drawn(foreground=[(slice(None), slice(18, 22), 24)]))
    assert result.mask[:, 18:22, 24].all()


def test_background_alone_is_enough(session):
    result = session.refine(drawn(background=[OUTSIDE]))
    assert not result.mask[OUTSIDE].any()
    assert any("background scribbles only" in text for text in result.notes)


def test_every_slice_is_reported_and_the_scribbled_one_comes_first(session):
    seen = []
    session.refine(drawn(foreground=[INSIDE]), on_progress=seen.append)
    slices = [progress.slice_index for progress in seen if progress.slice_index is not None]
    # At once, and again when the volume is known.
    assert slices[:2] == [2, 2]
    assert sorted(slices[1:]) == list(range(SHAPE[0]))
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert seen[-1].stage == "done"
    assert seen[-1].fraction == 1
    assert all(p.mask_slice.shape == SHAPE[1:] for p in seen if p.mask_slice is not None)


def test_nobody_can_write_into_what_the_session_remembers(session):
    with pytest.raises(RoundCancelled):
        given = drawn(foreground=[(4, 20, 24)])
        session.refine(given, is_cancelled=lambda: True)
    given.foreground[:] = False
    given = drawn(foreground=[INSIDE])
    session.refine(given)
    given.foreground[:] = False
    assert session.scribbles.foreground.sum() == 16
    everything = drawn(foreground=[INSIDE], background=[OUTSIDE])
    session.refine(everything, accumulate=False)
    everything.background[:] = True
    assert session.scribbles.background.sum() == 15
    for _ in range(3):
        kept = [session.mask, session.scribbles.foreground, session.scribbles.background]
        for one in session.rounds:
            kept += [one.mask, one.probability]
        for array in kept:
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0, 0] = 1
            with pytest.raises(ValueError, match="WRITEABLE"):
                array.setflags(write=True)
        session.undo()
    session.log = RoundLog.resumed(np.zeros(SHAPE), given, 1, SPACING)
    assert not session.mask.flags.writeable


def test_undo_and_reset(session):
    first = session.refine(drawn(foreground=[INSIDE]))
    second = session.refine(drawn(background=[(3, 20, slice(10, 40))]))
    back = session.undo()
    assert np.array_equal(back.mask, first.mask)
    assert np.array_equal(back.probability, first.probability)
    assert (back.round, back.changed_slices) == (1, first.changed_slices)
    assert session.mask is back.mask
    assert not session.scribbles.background.any()
    again = session.refine(drawn(background=[(3, 20, slice(10, 40))]))
    assert np.array_equal(again.probability, second.probability)
    assert again.round == 2
    session.undo()
    assert session.undo() is None
    assert session.undo() is None
    assert not session.mask.any()
    session.refine(drawn(foreground=[INSIDE]))
    session.reset()
    assert session.rounds == ()
    assert session.scribbles.is_empty


def test_earlier_rounds_take_little_memory_and_come_back_whole(tiny_network):
    shape = (24, 128, 128)
    session = InteractiveSession(tiny_network, head(shape), (1.0, 0.45, 0.45))
    results = [session.refine(drawn(foreground=[(z, 64, 70)], shape=shape)) for z in (2, 9, 17)]
    packed = [len(one.mask) + one.likely.args[1].nbytes for one in session.log.rounds[:-1]]
    full = sum(result.mask.nbytes + result.probability.nbytes for result in results[:2])
    assert sum(packed) < 0.15 * full
    for one, expected in zip(session.rounds, results, strict=True):
        assert np.array_equal(one.mask, expected.mask)
        assert np.array_equal(one.probability, expected.probability)
        assert one.round == expected.round


def test_saved_work_goes_on_with_the_next_round(tiny_network, session):
    session.refine(drawn(foreground=[INSIDE]))
    expected = session.refine(drawn(background=[OUTSIDE]))
    fresh = InteractiveSession(tiny_network, head(), SPACING)
    fresh.log = RoundLog.resumed(session.rounds[0].mask, drawn(foreground=[INSIDE]), 1, SPACING)
    result = fresh.refine(drawn(background=[OUTSIDE]))
    assert result.round == 2
    assert np.array_equal(result.mask, expected.mask)


def test_rounds_of_another_volume_are_refused(session):
    with pytest.raises(InvalidVolumeError, match="shape"):
        session.log = RoundLog.empty((3, 4, 5), SPACING)


def test_no_scribble_at_all_is_refused(session):
    with pytest.raises(InvalidScribblesError, match="Draw a foreground scribble"):
        session.refine(Scribbles.empty(SHAPE))


def test_scribbles_of_another_ct_are_refused(session):
    with pytest.raises(InvalidScribblesError, match="Paint them on this CT"):
        session.refine(drawn(foreground=[(0, 0, 0)], shape=(2, 3, 4)))


def test_what_depends_on_the_ct_alone_is_computed_once(session, monkeypatch):
    session.prepare()

    def again(*given):
        raise AssertionError("it ran twice")

    for name in ("encode_slices", "look"):
        monkeypatch.setattr(session.network, name, again)
    session.refine(drawn(foreground=[INSIDE]))
    session.refine(drawn(background=[OUTSIDE]))
    session.reset()
    session.guess()


def test_thin_slices_are_grouped_and_come_back_whole(tiny_network):
    shape = (23, 40, 48)
    session = InteractiveSession(tiny_network, head(shape), (0.7, 1.0, 1.0))
    seen = []
    result = session.refine(drawn(foreground=[(11, 20, 24)], shape=shape), on_progress=seen.append)
    assert result.mask.shape == shape
    assert result.mask[11, 20, 24]
    assert {p.slice_index for p in seen if p.slice_index is not None} == set(range(23))


@pytest.mark.parametrize("kind", ["foreground", "background"])
def test_scribbles_in_the_air_alone_are_refused_and_kept(tiny_network, kind):
    volume = head((6, 80, 80))
    volume[:, :30] = -1000
    session = InteractiveSession(tiny_network, volume, SPACING)
    with pytest.raises(InvalidScribblesError, match="air around the head"):
        session.refine(drawn(**{kind: [(2, 5, slice(5, 9))]}, shape=volume.shape))
    result = session.refine(drawn(foreground=[(2, 60, slice(30, 40))], shape=volume.shape))
    assert (result.mask[2, 5, 5:9] == (kind == "foreground")).all()
