"""A scene, a session and an executor made for the tests of the controller."""

import numpy as np

from ICHHPINetLib.errors import RoundCancelled
from ICHHPINetLib.interaction.controller import Controller
from ICHHPINetLib.interaction.result import Progress, RoundResult
from ICHHPINetLib.interaction.round_log import RoundLog
from ICHHPINetLib.interaction.scribbles import Scribbles

SHAPE = (4, 5, 6)
SPACING = (5.0, 0.5, 0.5)


class Scene:
    """A scene port on plain arrays; ``written`` says what was written."""

    def __init__(self):
        self.ct = "CT 1"
        self.volume = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
        self.scribbles = Scribbles.empty(SHAPE)
        self.mask = None
        self.log = RoundLog.empty(SHAPE, SPACING)
        self.written = []
        self.fail_writing = None
        self.doubts = []
        self.controller = None

    @property
    def rows(self):
        return self.log.number

    def paint(self, *voxel, background=False):
        (self.scribbles.background if background else self.scribbles.foreground)[voxel] = True
        self.controller.scribbles_changed()

    def delete_result(self, noticed=True):
        self.mask = None
        if noticed:
            self.controller.node_deleted()

    def ct_key(self):
        return self.ct

    def check_ct(self):
        return self.doubts

    def read_ct(self):
        return self.volume.copy(), SPACING

    def has_scribbles(self):
        return not self.scribbles.is_empty

    def read_scribbles(self):
        return Scribbles(self.scribbles.foreground.copy(), self.scribbles.background.copy())

    def write_scribbles(self, scribbles):
        self.scribbles = Scribbles.of(scribbles.labels())
        self.controller.scribbles_changed()

    def has_result(self):
        return self.mask is not None

    def read_mask(self):
        return None if self.mask is None else self.mask.copy()

    def show(self, mask, is_preview):
        self.written.append("preview" if is_preview else "restore")
        self.mask = mask.copy()

    def load_rounds(self):
        return self.log

    def write_rounds(self, log):
        if self.fail_writing is not None:
            raise self.fail_writing
        self.written.append(f"{log.number} rounds")
        self.mask = log.mask.copy() if log.number or log.mask.any() else None
        self.log = log
        if self.mask is None:
            self.controller.node_deleted()


class Session:
    """Marks the whole slice of a foreground scribble; keeps what the contract says it keeps."""

    opened = prepared = 0
    fail_with = None
    on_slice = staticmethod(lambda: None)

    def __init__(self, ct, settings):
        type(self).opened += 1
        self.settings = settings
        self.log = RoundLog.empty(ct.shape, ct.spacing)
        self.warnings = ["looks windowed", "looks windowed", *ct.warnings]

    def prepare(self, is_cancelled=None):
        type(self).prepared += 1

    def guess(self, on_progress=None, is_cancelled=None):
        """Marks the first slice."""
        assert self.log.number == 0
        first = Scribbles.of((np.arange(SHAPE[0]) == 0)[:, None, None] * np.ones(SHAPE, np.uint8))
        return self._round(first, Scribbles.empty(SHAPE), on_progress, is_cancelled)

    def refine(self, scribbles, on_progress=None, is_cancelled=None, *, accumulate=True):
        assert accumulate is False
        return self._round(scribbles, scribbles, on_progress, is_cancelled)

    def _round(self, scribbles, known, on_progress, is_cancelled):
        mask = self.log.mask.copy()
        for index in scribbles.slices():
            if is_cancelled():
                raise RoundCancelled("stopped")
            mask[index] = scribbles.foreground[index].any()
            on_progress(Progress(index / len(mask), "slice", index, mask[index].copy()))
            type(self).on_slice()
        if type(self).fail_with is not None:
            raise type(self).fail_with
        about = self.log.number + 1, 0.1, scribbles.slices(), "cpu", "fake", ("on the CPU",)
        result = RoundResult(mask, mask.astype(np.float32), *about)
        self.log = self.log.with_round(result, known)
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

    def __init__(self, executor=None, open_session=None):
        class OwnSession(Session):
            pass

        self.session_class = OwnSession
        self.torch = True
        self.shown = []
        self.scene = Scene()
        self.executor = executor or Held()
        self.controller = Controller(
            self.scene, open_session or OwnSession, self.executor, self.shown.append, lambda: self.torch
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
