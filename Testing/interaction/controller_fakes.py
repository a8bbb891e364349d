"""A scene, a session and an executor made for the tests of the controller."""

import numpy as np

from ICHHPINetLib.errors import DeviceError, RoundCancelled
from ICHHPINetLib.interaction.controller import Controller
from ICHHPINetLib.interaction.controller_state import State
from ICHHPINetLib.interaction.result import Progress, RoundResult
from ICHHPINetLib.interaction.scribbles import Scribbles

SHAPE = (4, 5, 6)
SPACING = (5.0, 0.5, 0.5)


class Scene:
    """A scene port on plain arrays; ``log`` holds what was written."""

    def __init__(self):
        self.ct = "CT 1"
        self.volume = np.zeros(SHAPE, np.int16)
        self.strokes = Scribbles.empty(SHAPE)
        self.finished = Scribbles.empty(SHAPE)
        self.mask = None
        self.rows = 0
        self.log = []
        self.fail_writing = None
        self.doubts = []
        self.controller = None

    def paint(self, *voxel, background=False):
        (self.strokes.background if background else self.strokes.foreground)[voxel] = True
        self.controller.strokes_changed()

    def ct_key(self):
        return self.ct

    def check_ct(self):
        return self.doubts

    def read_ct(self):
        return self.volume.copy(), SPACING

    def has_strokes(self):
        return not self.strokes.is_empty

    def read_scribbles(self):
        return Scribbles(self.strokes.foreground.copy(), self.strokes.background.copy())

    def finished_scribbles(self):
        return Scribbles(self.finished.foreground.copy(), self.finished.background.copy())

    def write_scribbles(self, strokes):
        self.strokes = strokes
        self.controller.strokes_changed()

    def has_result(self):
        return self.mask is not None

    def read_mask(self):
        return None if self.mask is None else self.mask.copy()

    def edited_ml(self):
        return None

    def rounds(self):
        return self.rows

    def show_preview(self, mask):
        self.log.append("preview")
        self.mask = mask.copy()

    def restore_mask(self, mask):
        self.log.append("restore")
        self.mask = mask.copy()

    def drop_preview(self):
        pass

    def write_round(self, outcome):
        if self.fail_writing is not None:
            raise self.fail_writing
        self.log.append("round")
        self.mask = outcome.result.mask.copy()
        self.rows = outcome.result.round

    def remove_last_round(self, mask):
        self.log.append("undo")
        self.mask = mask.copy()
        self.rows -= 1

    def clear_rounds(self):
        self.log.append("clear rounds")
        self.mask, self.rows = None, 0
        self.controller.node_deleted()

    def clear_strokes(self):
        self.strokes = Scribbles.empty(SHAPE)
        self.controller.strokes_changed()


class Session:
    """Marks the whole slice of a foreground stroke; keeps what the contract says it keeps."""

    opened = prepared = 0
    fail_with = None
    on_slice = staticmethod(lambda: None)

    def __init__(self, volume, spacing, settings):
        type(self).opened += 1
        self.settings = settings
        self.base = np.zeros(volume.shape, np.uint8), 0
        self.rounds = ()
        self.restored = None
        self.warnings = ["looks windowed", "looks windowed"]

    def prepare(self, is_cancelled=None):
        type(self).prepared += 1

    @property
    def mask(self):
        return self.rounds[-1].mask if self.rounds else self.base[0]

    def restore(self, mask, scribbles, round_number):
        self.base, self.rounds, self.restored = (mask, round_number), (), scribbles

    def reset(self):
        self.base, self.rounds = (np.zeros_like(self.base[0]), 0), ()

    def undo(self):
        self.rounds = self.rounds[:-1]
        return self.rounds[-1] if self.rounds else None

    def guess(self, on_progress=None, is_cancelled=None):
        """Marks the first slice."""
        assert not self.rounds
        assert self.base[1] == 0
        everything = Scribbles(
            np.arange(SHAPE[0])[:, None, None] * np.ones(SHAPE) == 0, np.zeros(SHAPE, bool)
        )
        return self.refine(everything, on_progress, is_cancelled, accumulate=False)

    def refine(self, scribbles, on_progress=None, is_cancelled=None, *, accumulate=True):
        assert accumulate is False
        mask = self.mask.copy()
        for index in scribbles.slices():
            if is_cancelled():
                raise RoundCancelled("stopped")
            mask[index] = scribbles.foreground[index].any()
            on_progress(Progress(index / len(mask), "slice", index, mask[index].copy()))
            type(self).on_slice()
        if type(self).fail_with is not None:
            raise type(self).fail_with
        number = self.base[1] + len(self.rounds) + 1
        result = RoundResult(
            mask, mask.astype(np.float32), number, 0.1, scribbles.slices(), "cpu", "fake", ("on the CPU",)
        )
        self.rounds = (*self.rounds, result)
        return result


class Held:
    """Executor that keeps jobs until the test lets one run."""

    def __init__(self):
        self.jobs = []
        self.shut = False

    def submit(self, job):
        self.jobs.append(job)

    def run(self):
        self.jobs.pop(0)()

    def shutdown(self, timeout):
        self.shut = True
        return not self.jobs


class World:
    """Controller with its collaborators."""

    def __init__(self, executor=None):
        class OwnSession(Session):
            pass

        self.session_class = OwnSession
        self.torch = True
        self.time = 0.0
        self.shown = []
        self.scene = Scene()
        self.executor = executor or Held()
        self.controller = Controller(
            self.scene,
            OwnSession,
            self.executor,
            self.shown.append,
            has_torch=lambda: self.torch,
            clock=lambda: self.time,
            measure=lambda mask, spacing, volume: mask.sum() * np.prod(spacing) / 1000,
        )
        self.scene.controller = self.controller

    @property
    def state(self):
        return self.controller.status.state

    def finish(self):
        self.executor.run()
        self.controller.poll()

    def round(self):
        assert self.controller.refine()
        self.finish()


def enter(world, state):
    """Bring a fresh world into ``state``."""
    if state is State.NO_TORCH:
        world.torch = False
    if state is State.NO_CT:
        world.scene.ct = None
        world.controller.ct_removed()
        return
    world.controller.ct_chosen()
    if state in (State.IDLE, State.NO_TORCH):
        return
    world.scene.paint(1, 2, 3)
    if state is State.READY:
        return
    world.controller.refine()
    if state is State.FAILED:
        world.session_class.fail_with = DeviceError("out of memory")
        world.finish()
        world.session_class.fail_with = None
    elif state in (State.CANCELLING, State.CANCELLED):
        world.controller.cancel()
        if state is State.CANCELLED:
            world.finish()
