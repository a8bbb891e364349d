"""A small CT with scribbles as files, and a session without a network."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from ICHHPINetLib import cli, phantom
from ICHHPINetLib.interaction.result import Progress, RoundResult
from ICHHPINetLib.interaction.round_log import RoundLog
from ICHHPINetLib.interaction.scribbles import Scribbles

SHAPE = (6, 24, 20)
SPACING = (5.0, 1.0, 0.5)


class Session:
    """The bleed is what lies within one voxel of the foreground scribbles, and what it went on from."""

    interrupt_in_round = None

    def __init__(self, volume, spacing):
        self.volume, self.spacing, self.warnings = volume, spacing, ["made for a test"]
        self.shape = volume.shape
        self.mask, self.scribbles, self.number = (
            np.zeros(volume.shape, np.uint8),
            Scribbles.empty(volume.shape),
            0,
        )
        self.log = RoundLog.empty(self.shape, spacing)

    def guess(self, on_progress=None, is_cancelled=None):
        """One voxel, wherever the bleed is."""
        self.mask, self.number = np.zeros(self.shape, np.uint8), 1
        self.mask[0, 0, 0] = 1
        return RoundResult(self.mask, self.mask.astype(np.float32), 1, 0.5, [0], "cpu", "fake", ("a guess",))

    def refine(self, scribbles, on_progress=None, is_cancelled=None):
        on_progress(Progress(0.5, "propagate", 1))
        if self.interrupt_in_round == self.number + 1:
            raise KeyboardInterrupt
        before, self.scribbles = self.mask, self.scribbles.merged(scribbles)
        grown = ndimage.binary_dilation(self.scribbles.foreground) | (self.log.mask > 0)
        grown &= ~self.scribbles.background
        self.mask, self.number = grown.astype(np.uint8), self.number + 1
        changed = np.flatnonzero((before != self.mask).any(axis=(1, 2)))
        return RoundResult(
            self.mask, grown.astype(np.float32), self.number, 0.5, changed.tolist(), "cpu", "fake"
        )


def replace_network(monkeypatch):
    """Make the commands work with a :class:`Session`; the list of those that were opened."""
    monkeypatch.setattr(Session, "interrupt_in_round", None)
    opened = []

    def open_session(arguments, ct):
        opened.append(Session(ct.hu, ct.spacing))
        return SimpleNamespace(name="fake", sha256="0" * 64, about={"training": "none"}), opened[-1]

    for command in ("commands.segment", "evaluation.demo"):
        monkeypatch.setattr(f"ICHHPINetLib.{command}.open_session", open_session)
    return opened


@pytest.fixture
def without_network(monkeypatch):
    return replace_network(monkeypatch)


@functools.cache
def coarse_phantom(kind, seed):
    return phantom.generate(kind, seed, (5.0, 2.0, 2.0), slices=16)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Folder of a demo on a coarse phantom, made once."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("skimage")
    folder = tmp_path_factory.mktemp("parent") / "new" / "demo"
    with pytest.MonkeyPatch.context() as patch:
        replace_network(patch)
        patch.setattr("ICHHPINetLib.evaluation.demo.generate", coarse_phantom)
        assert cli.main(["demo", "-o", str(folder)]) == 0
    return folder


@pytest.fixture
def interrupted(without_network, monkeypatch):
    """As ``without_network``, but somebody presses Ctrl-C in the second round."""
    monkeypatch.setattr(Session, "interrupt_in_round", 2)


@pytest.fixture
def case(tmp_path):
    """Paths of a CT, stored from head to feet, and of the scribbles of two rounds."""
    volume = np.random.default_rng(0).integers(20, 40, SHAPE).astype(np.int16)
    first, second = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    first[2, 10, 6:12] = 1
    first[2, 15, 4:9] = 2
    second[4, 11, 8:10] = 1
    paths = SimpleNamespace(
        ct=tmp_path / "head.nii.gz", round1=tmp_path / "1.nrrd", round2=tmp_path / "2.nrrd", folder=tmp_path
    )
    for path, array in ((paths.ct, volume), (paths.round1, first), (paths.round2, second)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(SPACING[::-1])
        image.SetOrigin((12.0, -7.5, 40.0))
        image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))
        sitk.WriteImage(image, str(path))
    paths.scribbles = first, second
    return paths
