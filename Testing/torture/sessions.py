"""Sessions: random work on a tiny network, beside a model of what must be true after each step."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import ICHHPINetLib as hpi
from ICHHPINetLib.interaction.round_log import RoundLog

from . import specimens
from .attempt import Attempt, LostError, promise

TITLE = "sessions fuzzed"
COUNT = 1000
_STEPS = 9
_CACHE: dict[str, Any] = {}


def prepare(shared) -> None:
    """The tiny network."""
    if not (shared / "tiny.safetensors").exists():
        specimens.write_tiny_weights(shared / "tiny.safetensors")


def attack(attempt: Attempt) -> None:
    """A sitting of random steps; LostError where the session departs from the model."""
    sitting = _Sitting(attempt)
    for _ in range(_STEPS):
        name = attempt.choose(_MOVES)
        try:
            _MOVES_BY_NAME[name](sitting)
            sitting.check()
        except LostError as error:
            raise LostError(f"after {', '.join([*sitting.history, name])}: {error}") from None
        sitting.history.append(name)


class _Raised(Exception):
    """What a callback of a user may raise."""


@dataclass
class _Round:
    """A finished round as it was handed out, and the labels (0, 1, 2) behind it."""

    mask: np.ndarray
    probability: np.ndarray | None
    number: int
    labels: np.ndarray


@dataclass
class _Sitting:
    """A session and the model: finished rounds and scribbles that no finished round has seen."""

    attempt: Attempt
    history: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng, shared = self.attempt.rng, self.attempt.shared
        if "network" not in _CACHE:
            _CACHE["network"] = hpi.load_network(shared / "tiny.safetensors", device="cpu")
        self.shape = tuple(int(size) for size in rng.integers((2, 9, 9), (6, 21, 21)))
        self.spacing = tuple(float(step) for step in rng.choice([0.45, 0.9, 2.0, 5.0], 3))
        volume = specimens.head(rng, self.shape)
        self.session = hpi.InteractiveSession(_CACHE["network"], volume, self.spacing)
        self.start = _Round(np.zeros(self.shape, np.uint8), None, 0, np.zeros(self.shape, np.uint8))
        self.rounds: list[_Round] = []
        self.pending: np.ndarray | None = None

    @property
    def last(self) -> _Round:
        return self.rounds[-1] if self.rounds else self.start

    def draw(self) -> np.ndarray:
        """Labels of new scribbles: lines, dots, boxes in any plane, of one kind or both."""
        rng, labels = self.attempt.rng, np.zeros(self.shape, np.uint8)
        for _ in range(rng.integers(1, 4)):
            low = [int(rng.integers(size)) for size in self.shape]
            high = [
                int(rng.integers(start, min(start + 6, size))) + 1
                for start, size in zip(low, self.shape, strict=True)
            ]
            flat = int(rng.integers(3))
            high[flat] = low[flat] + 1
            box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
            labels[box] = rng.integers(1, 3)
        return labels

    def stand(self, drawn: np.ndarray) -> np.ndarray:
        """All labels once ``drawn`` is added to those of earlier rounds and of unfinished ones."""
        pending = drawn if self.pending is None else np.where(drawn > 0, drawn, self.pending)
        return np.where(pending > 0, pending, self.last.labels)

    def refine(self, drawn: np.ndarray, **callbacks) -> Any:
        """Run a round that may fail, and take its scribbles over into the model either way."""
        given = hpi.Scribbles(drawn == 1, drawn == 2)
        stand = self.stand(drawn)
        try:
            result = self.session.refine(given, **callbacks)
        except (hpi.RoundCancelled, _Raised) as error:
            self.pending = drawn if self.pending is None else np.where(drawn > 0, drawn, self.pending)
            return error
        except hpi.InvalidScribblesError:
            # All of them in the air around the head.
            self.pending = drawn if self.pending is None else np.where(drawn > 0, drawn, self.pending)
            return None
        self.finished(result, stand)
        # What a user does with the own arrays afterwards is no business of the session.
        _scrawl_on(given.foreground)
        return result

    def finished(self, result, labels: np.ndarray) -> None:
        promise(
            result.round == self.last.number + 1, f"round {result.round} follows round {self.last.number}"
        )
        one = _Round(result.mask.copy(), result.probability.copy(), result.round, labels)
        changed = np.flatnonzero((one.mask != self.last.mask).any(axis=(1, 2))).tolist()
        promise(list(result.changed_slices) == changed, "changed_slices are not those that changed")
        promise(one.mask.dtype == np.uint8 and one.mask.max(initial=0) <= 1, "a mask that is not 0 and 1")
        promise(bool(np.array_equal(one.mask > 0, one.probability >= 0.5)), "mask and probability disagree")
        self.rounds.append(one)
        self.pending = None

    def check(self) -> None:
        """What must be true whatever has happened."""
        session, last = self.session, self.last
        promise(session.round == last.number, f"round {session.round}, not {last.number}")
        promise(np.array_equal(session.mask, last.mask), "the mask is not that of the last finished round")
        labels = session.scribbles.foreground + 2 * session.scribbles.background.astype(np.uint8)
        promise(
            np.array_equal(labels, last.labels),
            f"{int((labels != last.labels).sum())} scribbled voxels differ",
        )
        kept = session.rounds
        promise(len(kept) == len(self.rounds), f"{len(kept)} rounds, not {len(self.rounds)}")
        for one, result in zip(self.rounds, kept, strict=True):
            promise(result.round == one.number, "a round has changed its number")
            promise(np.array_equal(result.mask, one.mask), f"the mask of round {one.number} has changed")
            promise(
                np.array_equal(result.probability, one.probability),
                f"probabilities of round {one.number} changed",
            )
            promise(bool((one.mask[one.labels == 1] == 1).all()), "a foreground scribble lacks its label")
            promise(bool((one.mask[one.labels == 2] == 0).all()), "a background scribble lacks its label")


def _refine(sitting: _Sitting) -> None:
    sitting.refine(sitting.draw())


def _refine_all(sitting: _Sitting) -> None:
    """All scribbles that stand, as after the use of an eraser."""
    drawn = sitting.draw()
    try:
        result = sitting.session.refine(hpi.Scribbles(drawn == 1, drawn == 2), accumulate=False)
    except hpi.InvalidScribblesError:
        return
    sitting.finished(result, drawn)


def _cancel(sitting: _Sitting) -> None:
    left = int(sitting.attempt.rng.integers(0, 12))
    calls = iter(range(10**6))
    sitting.refine(sitting.draw(), is_cancelled=lambda: next(calls) >= left)


def _raise(sitting: _Sitting) -> None:
    left = int(sitting.attempt.rng.integers(0, 12))
    calls = iter(range(10**6))

    def fail(*_) -> bool:
        if next(calls) >= left:
            raise _Raised
        return False

    callback = sitting.attempt.choose(["on_progress", "is_cancelled"])
    sitting.refine(sitting.draw(), **{callback: fail})


def _raise_when_done(sitting: _Sitting) -> None:
    """The round is finished when its last progress is reported: no callback may turn it into an error."""

    def fail(progress) -> None:
        if progress.stage == "done":
            raise _Raised

    drawn = sitting.draw()
    answer = sitting.refine(drawn, on_progress=fail)
    promise(not isinstance(answer, _Raised), "a callback turned a finished round into an error")


def _intrude(sitting: _Sitting) -> None:
    """Another thread, or a callback, calls the session while it computes: refused, and nothing is lost."""
    session, refused = sitting.session, []
    other = hpi.Scribbles(sitting.draw() == 1, None)
    calls = {
        "refine": lambda: session.refine(other),
        "undo": session.undo,
        "reset": session.reset,
        "restore": lambda: setattr(session, "log", RoundLog.empty(sitting.shape, session.spacing)),
        "guess": session.guess,
    }
    name = sitting.attempt.choose(calls)
    same_thread = sitting.attempt.chance(0.3)
    threads = []

    def call() -> None:
        try:
            calls[name]()
        except hpi.ICHHPINetError:
            refused.append(name)

    def on_progress(progress) -> None:
        if threads or progress.stage == "done":
            return
        threads.append(threading.Thread(target=call, daemon=True))
        if same_thread:
            call()
            return
        threads[0].start()
        threads[0].join(2)

    result = sitting.refine(sitting.draw(), on_progress=on_progress)
    if threads and not same_thread:
        threads[0].join(10)
    where = "a callback" if same_thread else "a second thread"
    promise(not threads or bool(refused), f"{name} from {where} was not refused while a round ran")
    promise(not isinstance(result, Exception), "the round itself failed")


def _undo(sitting: _Sitting) -> None:
    answer = sitting.session.undo()
    if sitting.rounds:
        # Scribbles of a round that came to nothing are not those of the round that is taken back.
        sitting.rounds.pop()
    if sitting.last.number:
        promise(answer is not None and answer.round == sitting.last.number, "undo gives another round back")
        promise(np.array_equal(answer.mask, sitting.last.mask), "undo gives another mask back")
    else:
        promise(answer is None, "undo gives a round back where there is none")


def _reset(sitting: _Sitting) -> None:
    sitting.session.reset()
    sitting.rounds, sitting.pending = [], None
    sitting.start = _Round(np.zeros(sitting.shape, np.uint8), None, 0, np.zeros(sitting.shape, np.uint8))


def _restore(sitting: _Sitting) -> None:
    labels = sitting.draw()
    mask = ((sitting.attempt.rng.random(sitting.shape) > 0.8) | (labels == 1)) & (labels != 2)
    number = int(sitting.attempt.rng.integers(1, 30))
    given, saved = hpi.Scribbles(labels == 1, labels == 2), mask.astype(np.uint8)
    sitting.session.log = RoundLog.resumed(saved, given, number, sitting.session.spacing)
    sitting.rounds, sitting.pending = [], None
    sitting.start = _Round(saved.copy(), None, number, labels)
    _scrawl_on(saved)
    _scrawl_on(given.background)


def _guess(sitting: _Sitting) -> None:
    may = sitting.last.number == 0 and sitting.pending is None
    try:
        result = sitting.session.guess()
    except hpi.InvalidScribblesError:
        promise(not may, "a first guess was refused")
        return
    promise(may, "a guess after scribbles")
    sitting.finished(result, np.zeros(sitting.shape, np.uint8))


def _scrawl(sitting: _Sitting) -> None:
    """Whoever writes into a result changes no session."""
    results = [*sitting.session.rounds, sitting.session]
    one = sitting.attempt.choose(results)
    for name in ("mask", "probability"):
        array = getattr(one, name, None)
        if array is not None:
            _scrawl_on(array)


def _scrawl_on(array: np.ndarray) -> None:
    # An array that may not be written is as good as one that nobody depends on.
    with suppress(ValueError):
        array[...] = array == 0


def _other_grid(sitting: _Sitting) -> None:
    wrong = np.zeros((sitting.shape[0] + 1, *sitting.shape[1:]), bool)
    wrong[0, 0, 0] = True
    try:
        sitting.session.refine(hpi.Scribbles(wrong, None))
    except hpi.InvalidScribblesError:
        return
    raise LostError("scribbles of another grid were taken")


def _nothing(sitting: _Sitting) -> None:
    """A round without a new scribble: of all that stand, or refused where there is none."""
    nothing = np.zeros(sitting.shape, np.uint8)
    if sitting.stand(nothing).any():
        sitting.refine(nothing)
        return
    try:
        sitting.session.refine(hpi.Scribbles.empty(sitting.shape))
    except hpi.InvalidScribblesError:
        return
    raise LostError("a round without any scribble")


_MOVES_BY_NAME = {
    "refine": _refine,
    "refine all": _refine_all,
    "cancel": _cancel,
    "raise": _raise,
    "raise when done": _raise_when_done,
    "intrude": _intrude,
    "undo": _undo,
    "reset": _reset,
    "restore": _restore,
    "guess": _guess,
    "scrawl": _scrawl,
    "other grid": _other_grid,
    "nothing": _nothing,
}
_WEIGHTS = {"refine": 6, "undo": 4, "cancel": 3, "raise": 2, "intrude": 2, "guess": 2}
_MOVES = [name for name in _MOVES_BY_NAME for _ in range(_WEIGHTS.get(name, 1))]
