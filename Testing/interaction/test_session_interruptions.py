"""Nothing is lost where a round is cancelled, disturbed or fails."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from ICHHPINetLib import (  # noqa: E402
    DeviceError,
    InteractiveSession,
    RoundCancelled,
    SessionBusyError,
)
from ICHHPINetLib.interaction import session as session_module  # noqa: E402
from ICHHPINetLib.interaction.round_log import RoundLog  # noqa: E402
from Testing.interaction.small_head import INSIDE, OUTSIDE, SHAPE, SPACING, drawn, head  # noqa: E402


@pytest.fixture
def session(tiny_network):
    return InteractiveSession(tiny_network, head(), SPACING)


@pytest.mark.parametrize("after", (0, 1, 3, 7))
def test_cancelling_at_any_moment_changes_nothing(session, after):
    before = session.refine(drawn(foreground=[INSIDE]))
    calls = []

    def is_cancelled():
        calls.append(None)
        return len(calls) > after

    with pytest.raises(RoundCancelled):
        session.refine(drawn(foreground=[(4, 20, 24)]), is_cancelled=is_cancelled)
    assert session.rounds == (before,)
    assert session.mask is before.mask
    # The scribbles of the cancelled round take part in the next one.
    result = session.refine(drawn(background=[OUTSIDE]))
    assert result.round == 2
    assert result.mask[4, 20, 24]


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_undo_keeps_the_scribbles_of_a_cancelled_round(session, rounds):
    for z in range(rounds):
        session.refine(drawn(foreground=[(z, 20, slice(15, 30))]))
    with pytest.raises(RoundCancelled):
        session.refine(drawn(foreground=[(4, 20, 24)]), is_cancelled=lambda: True)
    while session.round:
        session.undo()
    session.undo()
    assert session.scribbles.is_empty
    result = session.refine(drawn(background=[OUTSIDE]))
    assert result.mask[4, 20, 24]
    assert session.scribbles.foreground.sum() == 1


@pytest.mark.parametrize(
    ("stage", "error"),
    [
        ("prepare", ValueError),
        ("slice", RuntimeError),
        ("propagate", MemoryError),
        ("propagate", RuntimeError),
        ("done", RuntimeError),
    ],
)
def test_a_failing_display_of_progress_costs_no_round(session, stage, error):
    def broken(progress):
        if progress.stage == stage:
            raise error("the window was closed")

    result = session.refine(drawn(foreground=[INSIDE]), on_progress=broken)
    assert session.rounds == (result,)
    assert result.mask[INSIDE].all()


@pytest.mark.parametrize(
    ("stage", "error"),
    [("prepare", RoundCancelled), ("propagate", RoundCancelled), ("propagate", KeyboardInterrupt)],
)
def test_a_round_can_be_stopped_from_the_display_of_progress(session, stage, error):
    def stop(progress):
        if progress.stage == stage:
            raise error

    with pytest.raises(error):
        session.refine(drawn(foreground=[(4, 20, 24)]), on_progress=stop)
    assert session.round == 0
    assert session.refine(drawn(background=[OUTSIDE])).mask[4, 20, 24]


def test_a_finished_round_cannot_be_stopped(session):
    def stop(progress):
        if progress.stage == "done":
            raise RoundCancelled

    assert session.refine(drawn(foreground=[INSIDE]), on_progress=stop).round == 1


def test_a_question_for_a_cancel_that_fails_is_no_fault_of_the_device(session):
    def broken():
        raise RuntimeError("no such flag")

    with pytest.raises(RoundCancelled) as caught:
        session.refine(drawn(foreground=[(4, 20, 24)]), is_cancelled=broken)
    assert "no such flag" in str(caught.value.__cause__)
    assert session.refine(drawn(background=[OUTSIDE])).mask[4, 20, 24]


CALLS = {
    "refine": lambda session: session.refine(drawn(foreground=[(5, 20, 24)])),
    "guess": lambda session: session.guess(),
    "undo": lambda session: session.undo(),
    "reset": lambda session: session.reset(),
    "load": lambda session: setattr(session, "log", RoundLog.empty(SHAPE, SPACING)),
    "prepare": lambda session: session.prepare(),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_session_in_the_middle_of_a_round_refuses_other_calls(session, call):
    before = session.refine(drawn(foreground=[(1, 20, 24)]))
    refused = []

    def meanwhile(progress):
        if progress.stage == "slice":
            assert session.mask is before.mask
            with ThreadPoolExecutor(1) as other_thread:
                refused.append(other_thread.submit(CALLS[call], session).exception())

    result = session.refine(drawn(foreground=[INSIDE]), on_progress=meanwhile)
    assert isinstance(refused[0], SessionBusyError)
    assert (result.round, session.scribbles.foreground.sum()) == (2, 16)
    CALLS[call](session) if call != "guess" else None


def test_no_scribbles_are_lost_where_threads_share_a_session(session):
    def until_done(index):
        while True:
            try:
                return session.refine(drawn(foreground=[(index % 6, 15 + index, 24)])).round
            except SessionBusyError:
                time.sleep(0.001)

    with ThreadPoolExecutor(4) as threads:
        rounds = list(threads.map(until_done, range(6)))
    assert sorted(rounds) == list(range(1, 7))
    assert session.scribbles.foreground.sum() == 6


def test_preparing_can_be_cancelled_and_taken_up_again(session):
    asked = []
    with pytest.raises(RoundCancelled):
        session.prepare(lambda: asked.append(None) or len(asked) > 3)
    session.prepare()
    assert session.refine(drawn(foreground=[INSIDE])).round == 1


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
    result = session.refine(drawn(foreground=[INSIDE]))
    assert moved[-1] is fake_gpu, "the next round is computed on the card again"
    assert str(fake_gpu) not in session._features, "what it kept there is given back"
    assert len(devices) == 2
    assert result.device == "cpu"
    assert "ran out of memory" in result.notes[0]


def test_failure_of_the_device_keeps_result_and_scribbles(session, monkeypatch):
    before = session.refine(drawn(foreground=[INSIDE]))

    def broken(*arguments):
        raise RuntimeError("unspecified launch failure")

    with monkeypatch.context() as patch:
        patch.setattr(session_module, "run_round", broken)
        with pytest.raises(DeviceError, match="kept"):
            session.refine(drawn(foreground=[(4, 20, 24)]))
    assert session.mask is before.mask
    assert session.refine(drawn(background=[OUTSIDE])).mask[4, 20, 24]


def test_an_error_without_words_is_still_explained(session, monkeypatch):
    def full(*arguments):
        raise MemoryError

    monkeypatch.setattr(session_module, "run_round", full)
    with pytest.raises(DeviceError, match="MemoryError"):
        session.refine(drawn(foreground=[INSIDE]))


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
            session.refine(drawn(foreground=[INSIDE]), watch, is_cancelled)
    finally:
        hook.remove()
    assert not layers
    assert len([stage for stage, _ in stages if stage == "volume"]) >= 2
    assert session.refine(drawn(foreground=[INSIDE])).round == 1
