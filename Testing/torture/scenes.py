"""Scenes: random work on real MRML nodes, saved, loaded and gone on with, beside a model on plain arrays."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np

import ICHHPINetLib as hpi

from . import specimens
from .attempt import Attempt, LostError, promise
from .desk import Desk, Snapshot, add_own_segments, draw_ct, labels_of

TITLE = "scene sequences"
COUNT = 500
_STEPS = 7
NAMES = (
    "CT",
    "Head & Neck",
    "<Head>",
    "5 \"mm\" 'soft' <1&2>",
    "&amp; ]]> <!-- -->",
    "Schädel nativ",
    "頭部 🧠",
    "bell\x07 and escape\x1b[31m",
    "tab\tand\nline",
    "nul-like \x01\x02",
    "a/b\\c:d*e?f|g",
    "../../up",
    "%s %d {0} $x",
    "CT;1,2 #3",
    " spaces  around ",
    "long " * 30,
    "CT hematoma",
)
_CACHE: dict[str, Any] = {}


def prepare(shared) -> None:
    """The tiny network."""
    if not (shared / "tiny.safetensors").exists():
        specimens.write_tiny_weights(shared / "tiny.safetensors")


def preload() -> None:
    """Slicer and torch, before the processes are forked."""
    import ICHHPINetLib.interaction.session
    import ICHHPINetLib.scene.headless  # noqa: F401


def attack(attempt: Attempt) -> None:
    """A sitting of random steps, the last of them a save, a reload and a round; LostError where it errs."""
    if "network" not in _CACHE:
        _CACHE["network"] = hpi.load_network(attempt.shared / "tiny.safetensors", device="cpu")
    history: list[str] = []
    with ExitStack() as scenes:
        sitting = _Sitting(attempt, scenes)
        chosen = [attempt.choose(_OFTEN) for _ in range(_STEPS)]
        for name in ["draw", *chosen, "reload", "refine", "undo"]:
            try:
                _MOVES[name](sitting)
                sitting.check()
            except LostError as error:
                raise LostError(f"after {', '.join([*history, name])}: {error} [{sitting.ct_says}]") from None
            history.append(name)


class _Sitting:
    """A user at a scene, and the model: what is painted, and what was at the end of each round."""

    def __init__(self, attempt: Attempt, scenes: ExitStack) -> None:
        from ICHHPINetLib.scene import headless_scene

        self.attempt, self.scenes = attempt, scenes
        scene = scenes.enter_context(headless_scene())
        ct, self.ct_says = draw_ct(attempt, scene, attempt.choose(NAMES))
        self.desk = Desk(scene, ct, _CACHE["network"])
        self.desk.adapter.ensure_scribbles()
        self.own = add_own_segments(attempt, self.desk) if attempt.chance(0.5) else {}
        self.shape = self.desk.shape
        # As painted since the scribbles were last read, and what they were then.
        self.foreground, self.background = np.zeros(self.shape, bool), np.zeros(self.shape, bool)
        self.seen = np.zeros(self.shape, np.uint8)
        # Labels and mask at the end of each round, oldest first.
        self.rounds: list[tuple[np.ndarray, np.ndarray]] = []
        # Of the rounds, those of this sitting, which can be taken back.
        self.own_rounds = 0
        self.saves = 0

    @property
    def finished(self) -> np.ndarray:
        return self.rounds[-1][0] if self.rounds else np.zeros(self.shape, np.uint8)

    def labels(self) -> np.ndarray:
        """Where both meet, what is new since the last look wins, and foreground where both are new."""
        crossing = self.foreground & self.background
        background = self.background & ~(crossing & (self.seen != 1))
        foreground = self.foreground & ~(crossing & (self.seen == 1))
        return foreground + 2 * background.astype(np.uint8)

    def set_labels(self, labels: np.ndarray) -> None:
        self.foreground, self.background, self.seen = labels == 1, labels == 2, labels

    def draw(self) -> np.ndarray:
        """bool (Z, Y, X), canonical order: a thin box in any plane."""
        rng = self.attempt.rng
        low = [int(rng.integers(size)) for size in self.shape]
        high = [
            int(rng.integers(start, min(start + 7, size))) + 1
            for start, size in zip(low, self.shape, strict=True)
        ]
        flat = int(rng.integers(3))
        high[flat] = low[flat] + 1
        marked = np.zeros(self.shape, bool)
        marked[tuple(slice(*ends) for ends in zip(low, high, strict=True))] = True
        return marked

    def check_painted(self, least: np.ndarray, most: tuple[np.ndarray, np.ndarray]) -> None:
        """The two segments hold at least the ``least`` labels, and nothing but ``most``."""
        for label, (name, allowed) in enumerate(zip(("Hemorrhage", "Background"), most, strict=True), 1):
            found = self.desk.painted("scribbles", f"{name} scribble")
            lacking, more = int(((least == label) & ~found).sum()), int((found & ~allowed).sum())
            promise(not lacking and not more, f"{name} scribble: {lacking} voxels lost, {more} more")

    def check(self) -> None:
        """Scene and model agree."""
        desk = self.desk
        labels = self.labels()
        self.check_painted(labels, (self.foreground, self.background))
        read = labels_of(desk.adapter.read_scribbles())
        promise(np.array_equal(read, labels), f"{int((read != labels).sum())} voxels are read otherwise")
        # Whoever has won where two cross, the scene now says the same.
        self.set_labels(labels)
        self.check_painted(labels, (labels == 1, labels == 2))
        promise(
            desk.adapter.rounds() == len(self.rounds),
            f"{desk.adapter.rounds()} rounds, not {len(self.rounds)}",
        )
        rows = [row["Round"] for row in desk.adapter.rounds_rows()]
        promise(rows == list(range(1, len(self.rounds) + 1)), f"the table has rounds {rows}")
        if self.rounds:
            promise(
                np.array_equal(desk.adapter.read_mask(), self.rounds[-1][1]),
                "the result is not that of the last round",
            )
            promise(np.array_equal(desk.labelmap(), self.rounds[-1][1]), "the label map is not the result")
        for place, marked in self.own.items():
            promise(
                np.array_equal(desk.painted(*place), marked), f"the user's segment {place[1]} was changed"
            )


def _paint(sitting: _Sitting, over: bool | None = None) -> None:
    attempt, marked = sitting.attempt, sitting.draw()
    is_foreground = attempt.chance(0.5)
    over = attempt.chance(0.6) if over is None else over
    sitting.desk.paint(attempt, is_foreground, marked, erase_other=over)
    own, other = ("foreground", "background") if is_foreground else ("background", "foreground")
    setattr(sitting, own, getattr(sitting, own) | marked)
    if over:
        setattr(sitting, other, getattr(sitting, other) & ~marked)
    sitting.desk.controller.scribbles_changed()


def _cross(sitting: _Sitting) -> None:
    """Two scribbles of two kinds over each other, in either order, where overlap is allowed."""
    _paint(sitting, over=False)
    _paint(sitting, over=False)


def _erase(sitting: _Sitting) -> None:
    marked, is_foreground = sitting.draw(), sitting.attempt.chance(0.5)
    sitting.desk.paint(sitting.attempt, is_foreground, marked, erase=True)
    name = "foreground" if is_foreground else "background"
    setattr(sitting, name, getattr(sitting, name) & ~marked)
    sitting.desk.controller.scribbles_changed()


def _refine(sitting: _Sitting) -> None:
    labels, controller = sitting.labels(), sitting.desk.controller
    before = sitting.finished
    started = controller.refine()
    controller.wait(60)
    error = controller.status.error
    if not labels.any():
        promise(not started, "a round without scribbles")
        return
    if isinstance(error, hpi.InvalidScribblesError):
        # All of them in the air around the head: nothing has happened.
        return
    promise(started and error is None, f"a round failed: {error}")
    mask = sitting.desk.adapter.read_mask()
    promise(mask is not None, "a round without a result")
    promise(bool((mask[labels == 1] == 1).all()), "a foreground scribble lacks its label in the result")
    promise(bool((mask[labels == 2] == 0).all()), "a background scribble lacks its label in the result")
    sitting.rounds.append((labels, mask))
    sitting.own_rounds += 1
    sitting.set_labels(labels)
    changed = int((before != labels).any(axis=(1, 2)).sum())
    row = sitting.desk.adapter.rounds_rows()[-1]["Scribbled slices"]
    promise(row == changed, f"the table says {row} scribbled slices, not {changed}")


def _undo(sitting: _Sitting) -> None:
    labels, before = sitting.labels(), sitting.finished
    done = sitting.desk.controller.undo()
    if not sitting.own_rounds:
        # Rounds of a scene that was loaded may come back, or stay.
        promise(not done or bool(sitting.rounds), "a round was taken back that never was")
    else:
        promise(done, "no round was taken back")
    if not done:
        return
    sitting.rounds.pop()
    sitting.own_rounds = max(sitting.own_rounds - 1, 0)
    now = labels_of(sitting.desk.adapter.read_scribbles())
    new = (labels != before) & (labels > 0)
    promise(bool((now[new] == labels[new]).all()), "undo took scribbles that no round has seen")
    untouched = labels == before
    promise(
        bool((now == sitting.finished)[untouched].all()), "undo is not exact: other scribbles than before"
    )
    # Where the user has erased since, either answer is right.
    sitting.set_labels(now)


def _save(sitting: _Sitting) -> None:
    """The live scene is the same after the save as before."""
    from ICHHPINetLib.scene import save_mrb

    before = Snapshot.of(sitting.desk, sitting.own)
    sitting.saves += 1
    try:
        save_mrb(sitting.desk.scene, sitting.attempt.folder / f"{sitting.saves}.mrb")
    except hpi.ICHHPINetError as error:
        raise LostError(f"the scene cannot be saved: {error}") from None
    difference = before.difference(Snapshot.of(sitting.desk, sitting.own))
    promise(difference is None, f"the save changed the live scene: {difference}")


def _reload(sitting: _Sitting) -> None:
    """A saved scene holds what was saved, and is gone on with."""
    from ICHHPINetLib.scene import headless_scene, load_mrb

    _save(sitting)
    before = Snapshot.of(sitting.desk, sitting.own)
    fresh = sitting.scenes.enter_context(headless_scene())
    path = sitting.attempt.folder / f"{sitting.saves}.mrb"
    try:
        volumes = load_mrb(fresh, path)
    except hpi.ICHHPINetError as error:
        raise LostError(f"the saved scene cannot be loaded: {error}") from None
    promise(len(volumes) == 1, f"{len(volumes)} CTs in the saved scene")
    sitting.desk = Desk(fresh, volumes[0], _CACHE["network"])
    sitting.own_rounds = 0
    difference = before.difference(Snapshot.of(sitting.desk, sitting.own))
    promise(difference is None, f"another scene was loaded: {difference}")


def _rename(sitting: _Sitting) -> None:
    sitting.desk.ct.SetName(sitting.attempt.choose(NAMES))


def _delete(sitting: _Sitting) -> None:
    """The user throws the result away: scribbles stay, and rounds begin anew."""
    node = sitting.desk.adapter.node("hematoma")
    if node is None or any(place[0] == "hematoma" for place in sitting.own):
        return
    sitting.desk.scene.RemoveNode(node)
    sitting.desk.controller.node_deleted()
    sitting.set_labels(sitting.labels())
    sitting.rounds, sitting.own_rounds = [], 0


def _start_over(sitting: _Sitting) -> None:
    sitting.desk.controller.start_over()
    sitting.rounds, sitting.own_rounds = [], 0
    sitting.set_labels(np.zeros(sitting.shape, np.uint8))


def _guess(sitting: _Sitting) -> None:
    """Only where there is neither a scribble nor a result."""
    may = not sitting.rounds and not sitting.labels().any()
    started = sitting.desk.controller.guess()
    sitting.desk.controller.wait(60)
    promise(started == may, f"a first guess was {'started' if started else 'refused'}")
    if started:
        sitting.rounds.append((np.zeros(sitting.shape, np.uint8), sitting.desk.adapter.read_mask()))
        sitting.own_rounds += 1


_MOVES = {
    "draw": _paint,
    "cross": _cross,
    "erase": _erase,
    "refine": _refine,
    "undo": _undo,
    "save": _save,
    "reload": _reload,
    "rename": _rename,
    "delete": _delete,
    "start over": _start_over,
    "guess": _guess,
}
_TURNS = {"draw": 5, "cross": 2, "refine": 5, "undo": 2, "save": 1, "reload": 1, "rename": 1}
_OFTEN = [name for name in _MOVES for _ in range(_TURNS.get(name, 1))]
