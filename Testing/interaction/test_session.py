"""What a session promises about rounds, whatever the network's weights are."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, strategies  # noqa: E402

from ICHHPINetLib import (  # noqa: E402
    DeviceError,
    InteractiveSession,
    InvalidScribblesError,
    InvalidVolumeError,
    RoundCancelled,
    Scribbles,
    SessionBusyError,
    WeightsError,
)
from ICHHPINetLib.interaction import session as session_module  # noqa: E402

SHAPE, SPACING = (6, 40, 48), (5.0, 1.0, 1.0)


def head(shape=SHAPE, seed=0):
    """Noise of brain with air around it, HU."""
    volume = np.random.default_rng(seed).normal(32, 6, shape)
    volume[:, :4] = volume[:, -4:] = volume[:, :, :4] = volume[:, :, -4:] = -1000
    return volume.astype(np.int16)


def strokes(*, foreground=(), background=(), shape=SHAPE):
    out = Scribbles.empty(shape)
    for array, places in ((out.foreground, foreground), (out.background, background)):
        for place in places:
            array[place] = True
    return out


INSIDE = (2, 20, slice(15, 30))
OUTSIDE = (2, 30, slice(15, 30))


@pytest.fixture
def session(tiny_network):
    return InteractiveSession(tiny_network, head(), SPACING)


def test_a_round_returns_what_the_interface_promises(session):
    result = session.refine(strokes(foreground=[INSIDE], background=[OUTSIDE]))
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
        InteractiveSession(tiny_network, head(), SPACING).refine(strokes(foreground=[INSIDE]))
        for _ in range(2)
    )
    assert np.array_equal(first.probability, second.probability)


def test_a_first_guess_needs_no_stroke_and_is_the_memory_of_the_next_round(session, monkeypatch):
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
    second = session.refine(strokes(foreground=[INSIDE], background=[OUTSIDE]))
    assert second.round == 2
    assert not any("guess" in note for note in second.notes)
    assert not second.mask[OUTSIDE].any()
    ((with_strokes, mask),) = seen
    assert with_strokes
    assert mask > 0
    assert session.undo().mask.all()
    assert session.undo() is None


def test_a_guess_that_finds_nothing_says_so(session):
    # An untrained network says no everywhere.
    result = session.guess()
    assert not result.mask.any()
    assert "found nothing" in result.notes[0]


def test_strokes_that_were_taken_back_after_a_cancel_are_no_obstacle_to_a_guess(session):
    with pytest.raises(RoundCancelled):
        session.refine(strokes(foreground=[INSIDE]), is_cancelled=lambda: True, accumulate=False)
    assert session.guess().round == 1


def test_a_network_without_vim_does_not_guess(session, monkeypatch):
    monkeypatch.setattr(session.network, "config", SimpleNamespace(variant="slice_pro"))
    with pytest.raises(WeightsError, match="no volume module"):
        session.guess()


def test_there_is_no_guess_after_a_stroke(session):
    session.refine(strokes(foreground=[INSIDE]))
    with pytest.raises(InvalidScribblesError, match="before all strokes"):
        session.guess()
    session.undo()
    assert session.guess().round == 1


def test_strokes_accumulate_and_a_later_one_wins(session):
    session.refine(strokes(foreground=[INSIDE]))
    result = session.refine(strokes(background=[(2, 20, slice(20, 30))]))
    assert result.mask[2, 20, 15:20].all()
    assert not result.mask[2, 20, 20:30].any()
    assert session.scribbles.foreground.sum() == 5


def test_erased_strokes_no_longer_bind(session):
    session.refine(strokes(foreground=[INSIDE], background=[OUTSIDE]))
    session.refine(strokes(foreground=[(2, 20, slice(15, 20))]), accumulate=False)
    assert session.scribbles.foreground.sum() == 5
    assert not session.scribbles.background.any()


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


def test_a_stroke_across_slices_marks_them_all(session):
    result = session.refine(strokes(foreground=[(slice(None), slice(18, 22), 24)]))
    assert result.mask[:, 18:22, 24].all()


def test_background_alone_is_enough(session):
    result = session.refine(strokes(background=[OUTSIDE]))
    assert not result.mask[OUTSIDE].any()
    assert any("background strokes only" in text for text in result.notes)


def test_every_slice_is_reported_and_the_scribbled_one_comes_first(session):
    seen = []
    session.refine(strokes(foreground=[INSIDE]), on_progress=seen.append)
    slices = [progress.slice_index for progress in seen if progress.slice_index is not None]
    # At once, and again when the volume is known.
    assert slices[:2] == [2, 2]
    assert sorted(slices[1:]) == list(range(SHAPE[0]))
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert seen[-1].stage == "done"
    assert seen[-1].fraction == 1
    assert all(p.mask_slice.shape == SHAPE[1:] for p in seen if p.mask_slice is not None)


@pytest.mark.parametrize("after", range(8))
def test_cancelling_at_any_moment_changes_nothing(session, after):
    before = session.refine(strokes(foreground=[INSIDE]))
    calls = []

    def is_cancelled():
        calls.append(None)
        return len(calls) > after

    with pytest.raises(RoundCancelled):
        session.refine(strokes(foreground=[(4, 20, 24)]), is_cancelled=is_cancelled)
    assert session.rounds == (before,)
    assert session.mask is before.mask
    # The strokes of the cancelled round take part in the next one.
    result = session.refine(strokes(background=[OUTSIDE]))
    assert result.round == 2
    assert result.mask[4, 20, 24]


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_undo_keeps_the_scribbles_of_a_cancelled_round(session, rounds):
    for z in range(rounds):
        session.refine(strokes(foreground=[(z, 20, slice(15, 30))]))
    with pytest.raises(RoundCancelled):
        session.refine(strokes(foreground=[(4, 20, 24)]), is_cancelled=lambda: True)
    while session.round:
        session.undo()
    session.undo()
    assert session.scribbles.is_empty
    result = session.refine(strokes(background=[OUTSIDE]))
    assert result.mask[4, 20, 24]
    assert session.scribbles.foreground.sum() == 1


@pytest.mark.parametrize("stage", ["prepare", "slice", "propagate", "done"])
@pytest.mark.parametrize("error", [ValueError, RuntimeError, MemoryError])
def test_a_failing_display_of_progress_costs_no_round(session, stage, error):
    def broken(progress):
        if progress.stage == stage:
            raise error("the window was closed")

    result = session.refine(strokes(foreground=[INSIDE]), on_progress=broken)
    assert session.rounds == (result,)
    assert result.mask[INSIDE].all()


@pytest.mark.parametrize("error", [RoundCancelled, KeyboardInterrupt])
@pytest.mark.parametrize("stage", ["prepare", "propagate"])
def test_a_round_can_be_stopped_from_the_display_of_progress(session, stage, error):
    def stop(progress):
        if progress.stage == stage:
            raise error

    with pytest.raises(error):
        session.refine(strokes(foreground=[(4, 20, 24)]), on_progress=stop)
    assert session.round == 0
    assert session.refine(strokes(background=[OUTSIDE])).mask[4, 20, 24]


def test_a_finished_round_cannot_be_stopped(session):
    def stop(progress):
        if progress.stage == "done":
            raise RoundCancelled

    assert session.refine(strokes(foreground=[INSIDE]), on_progress=stop).round == 1


def test_a_question_for_a_cancel_that_fails_is_no_fault_of_the_device(session):
    def broken():
        raise RuntimeError("no such flag")

    with pytest.raises(RoundCancelled) as caught:
        session.refine(strokes(foreground=[(4, 20, 24)]), is_cancelled=broken)
    assert "no such flag" in str(caught.value.__cause__)
    assert session.refine(strokes(background=[OUTSIDE])).mask[4, 20, 24]


CALLS = {
    "refine": lambda session: session.refine(strokes(foreground=[(5, 20, 24)])),
    "guess": lambda session: session.guess(),
    "undo": lambda session: session.undo(),
    "reset": lambda session: session.reset(),
    "restore": lambda session: session.restore(np.ones(SHAPE), strokes(foreground=[(5, 20, 24)]), 7),
    "prepare": lambda session: session.prepare(),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_session_in_the_middle_of_a_round_refuses_other_calls(session, call):
    before = session.refine(strokes(foreground=[(1, 20, 24)]))
    refused = []

    def meanwhile(progress):
        if progress.stage == "slice":
            assert session.mask is before.mask
            with ThreadPoolExecutor(1) as other_thread:
                refused.append(other_thread.submit(CALLS[call], session).exception())

    result = session.refine(strokes(foreground=[INSIDE]), on_progress=meanwhile)
    assert isinstance(refused[0], SessionBusyError)
    assert (result.round, session.scribbles.foreground.sum()) == (2, 16)
    CALLS[call](session) if call != "guess" else None


def test_no_scribbles_are_lost_where_threads_share_a_session(session):
    def until_done(index):
        while True:
            try:
                return session.refine(strokes(foreground=[(index % 6, 15 + index, 24)])).round
            except SessionBusyError:
                time.sleep(0.001)

    with ThreadPoolExecutor(4) as threads:
        rounds = list(threads.map(until_done, range(6)))
    assert sorted(rounds) == list(range(1, 7))
    assert session.scribbles.foreground.sum() == 6


def test_nobody_can_write_into_what_the_session_remembers(session):
    with pytest.raises(RoundCancelled):
        given = strokes(foreground=[(4, 20, 24)])
        session.refine(given, is_cancelled=lambda: True)
    given.foreground[:] = False
    given = strokes(foreground=[INSIDE])
    session.refine(given)
    given.foreground[:] = False
    assert session.scribbles.foreground.sum() == 16
    everything = strokes(foreground=[INSIDE], background=[OUTSIDE])
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
    session.restore(np.zeros(SHAPE), given, 1)
    assert not session.mask.flags.writeable


def test_undo_and_reset(session):
    first = session.refine(strokes(foreground=[INSIDE]))
    second = session.refine(strokes(background=[(3, 20, slice(10, 40))]))
    back = session.undo()
    assert np.array_equal(back.mask, first.mask)
    assert np.array_equal(back.probability, first.probability)
    assert (back.round, back.changed_slices) == (1, first.changed_slices)
    assert session.mask is back.mask
    assert not session.scribbles.background.any()
    again = session.refine(strokes(background=[(3, 20, slice(10, 40))]))
    assert np.array_equal(again.probability, second.probability)
    assert again.round == 2
    session.undo()
    assert session.undo() is None
    assert session.undo() is None
    assert not session.mask.any()
    session.refine(strokes(foreground=[INSIDE]))
    session.reset()
    assert session.rounds == ()
    assert session.scribbles.is_empty


def test_earlier_rounds_take_little_memory_and_come_back_whole(tiny_network):
    shape = (24, 128, 128)
    session = InteractiveSession(tiny_network, head(shape), (1.0, 0.45, 0.45))
    results = [session.refine(strokes(foreground=[(z, 64, 70)], shape=shape)) for z in (2, 9, 17)]
    packed = [array.nbytes for one in session._log.earlier for array in (*one.bits, one.coarse)]
    full = sum(result.mask.nbytes + result.probability.nbytes for result in results[:2])
    assert sum(packed) < 0.15 * full
    for one, expected in zip(session.rounds, results, strict=True):
        assert np.array_equal(one.mask, expected.mask)
        assert np.array_equal(one.probability, expected.probability)
        assert one.round == expected.round


def test_saved_work_goes_on_with_the_next_round(tiny_network, session):
    session.refine(strokes(foreground=[INSIDE]))
    expected = session.refine(strokes(background=[OUTSIDE]))
    fresh = InteractiveSession(tiny_network, head(), SPACING)
    fresh.restore(session.rounds[0].mask, strokes(foreground=[INSIDE]), 1)
    result = fresh.refine(strokes(background=[OUTSIDE]))
    assert result.round == 2
    assert np.array_equal(result.mask, expected.mask)


def test_restoring_another_volume_is_refused(session):
    with pytest.raises(InvalidVolumeError, match="shape"):
        session.restore(np.zeros((3, 4, 5)), Scribbles.empty(SHAPE), 1)


def test_no_stroke_at_all_is_refused(session):
    with pytest.raises(InvalidScribblesError, match="Draw a foreground stroke"):
        session.refine(Scribbles.empty(SHAPE))


def test_strokes_of_another_ct_are_refused(session):
    with pytest.raises(InvalidScribblesError, match="Paint them on this CT"):
        session.refine(strokes(foreground=[(0, 0, 0)], shape=(2, 3, 4)))


def test_what_depends_on_the_ct_alone_is_computed_once(session, monkeypatch):
    session.prepare()

    def again(*given):
        raise AssertionError("it ran twice")

    for name in ("encode_slices", "look"):
        monkeypatch.setattr(session.network, name, again)
    session.refine(strokes(foreground=[INSIDE]))
    session.refine(strokes(background=[OUTSIDE]))
    session.reset()
    session.guess()


def test_preparing_can_be_cancelled_and_taken_up_again(session):
    asked = []
    with pytest.raises(RoundCancelled):
        session.prepare(lambda: asked.append(None) or len(asked) > 3)
    session.prepare()
    assert session.refine(strokes(foreground=[INSIDE])).round == 1


def test_thin_slices_are_grouped_and_come_back_whole(tiny_network):
    shape = (23, 40, 48)
    session = InteractiveSession(tiny_network, head(shape), (0.7, 1.0, 1.0))
    seen = []
    result = session.refine(strokes(foreground=[(11, 20, 24)], shape=shape), on_progress=seen.append)
    assert result.mask.shape == shape
    assert result.mask[11, 20, 24]
    assert {p.slice_index for p in seen if p.slice_index is not None} == set(range(23))


def test_gpu_memory_running_out_is_retried_on_the_cpu(session, monkeypatch):
    real = session_module.run_round
    devices = []

    def full_at_first(network, image, *arguments):
        devices.append(image.device)
        if len(devices) == 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(network, image, *arguments)

    fake_gpu, moved = SimpleNamespace(type="xpu"), []
    monkeypatch.setattr(session_module, "run_round", full_at_first)
    original = session._compute_on
    monkeypatch.setattr(session, "_compute_on", lambda device, *rest: original(torch.device("cpu"), *rest))
    monkeypatch.setattr(session.network, "device", fake_gpu)
    monkeypatch.setattr(session.network, "to", lambda device: moved.append(device) or session.network)
    session._features[str(fake_gpu)] = "on the card"
    result = session.refine(strokes(foreground=[INSIDE]))
    assert moved[-1] is fake_gpu, "the next round is computed on the card again"
    assert str(fake_gpu) not in session._features, "what it kept there is given back"
    assert len(devices) == 2
    assert result.device == "cpu"
    assert "ran out of memory" in result.notes[0]


def test_failure_of_the_device_keeps_result_and_strokes(session, monkeypatch):
    before = session.refine(strokes(foreground=[INSIDE]))

    def broken(*arguments):
        raise RuntimeError("unspecified launch failure")

    with monkeypatch.context() as patch:
        patch.setattr(session_module, "run_round", broken)
        with pytest.raises(DeviceError, match="kept"):
            session.refine(strokes(foreground=[(4, 20, 24)]))
    assert session.mask is before.mask
    assert session.refine(strokes(background=[OUTSIDE])).mask[4, 20, 24]


@pytest.mark.parametrize("kind", ["foreground", "background"])
def test_strokes_in_the_air_alone_are_refused_and_kept(tiny_network, kind):
    volume = head((6, 80, 80))
    volume[:, :30] = -1000
    session = InteractiveSession(tiny_network, volume, SPACING)
    with pytest.raises(InvalidScribblesError, match="air around the head"):
        session.refine(strokes(**{kind: [(2, 5, slice(5, 9))]}, shape=volume.shape))
    result = session.refine(strokes(foreground=[(2, 60, slice(30, 40))], shape=volume.shape))
    assert (result.mask[2, 5, 5:9] == (kind == "foreground")).all()


def test_an_error_without_words_is_still_explained(session, monkeypatch):
    def full(*arguments):
        raise MemoryError

    monkeypatch.setattr(session_module, "run_round", full)
    with pytest.raises(DeviceError, match="MemoryError"):
        session.refine(strokes(foreground=[INSIDE]))


def test_a_cancel_takes_effect_between_two_layers_of_the_volume_module(session):
    session.prepare()
    layers, stages = [], []
    hook = session.network.vim.head.register_forward_hook(lambda *given: layers.append("head"))

    def watch(progress):
        stages.append((progress.stage, progress.fraction))

    def is_cancelled():
        return any(stage == "volume" and fraction > 0.35 for stage, fraction in stages)

    try:
        with pytest.raises(RoundCancelled):
            session.refine(strokes(foreground=[INSIDE]), watch, is_cancelled)
    finally:
        hook.remove()
    assert not layers
    assert len([stage for stage, _ in stages if stage == "volume"]) >= 2
    assert session.refine(strokes(foreground=[INSIDE])).round == 1
