"""The cues carry the density of the scribbles and the way to them through the volume."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ICHHPINetLib.imaging.windowing import windowed  # noqa: E402
from ICHHPINetLib.networks.cues import scribble_cues  # noqa: E402

SHAPE = (9, 48, 64)


def head(blood_hu=60.0, seed=0):
    """Brain of 32 HU with noise, two rods of blood along z, one under the scribble; bone at the border."""
    hu = np.random.default_rng(seed).normal(32, 3, SHAPE)
    hu[:, 10:18, 10:22] += blood_hu - 32
    hu[:, 30:38, 40:52] += blood_hu - 32
    hu[:, :4] = hu[:, :, :4] = 800
    scribbles = np.zeros(SHAPE, np.float32)
    scribbles[2, 14, 12:20] = 1
    return torch.from_numpy(windowed(hu))[0], torch.from_numpy(scribbles)


@pytest.mark.parametrize("blood_hu", [60, 42, 12])
def test_the_rod_under_the_scribble_is_near_through_all_slices(blood_hu):
    likeness, nearness = scribble_cues(*head(blood_hu)).unbind(1)
    here, there, brain = np.s_[:, 6:8, 6:10], np.s_[:, 16:18, 21:25], np.s_[:, 12:14, 12:28]
    assert nearness[here].min() > nearness[brain].max()
    assert nearness[here].min() > nearness[there].max()
    assert likeness[here].abs().max() < likeness[brain].abs().median()
    assert torch.sign(likeness[brain].median()) == np.sign(32 - blood_hu)


def test_likeness_knows_blood_that_no_scribble_reaches():
    likeness, _ = scribble_cues(*head()).unbind(1)
    assert likeness[:, 16:18, 21:25].abs().max() < 0.3
    assert likeness[:, :2].min() == 1


def test_bone_beside_a_scribble_does_not_change_its_density():
    image, scribbles = head()
    thin = torch.zeros_like(scribbles)
    thin[2, 20:30, 4:6] = 1
    likeness, _ = scribble_cues(image, thin).unbind(1)
    assert likeness[:, 10:14, 10:18].abs().mean() < 0.3


def test_nothing_is_known_without_a_foreground_scribble():
    image, scribbles = head()
    cues = scribble_cues(image, torch.zeros_like(scribbles))
    assert cues.shape == (9, 2, 24, 32)
    assert not cues.any()


def test_nearness_turns_corners():
    """Blood in the form of a U: the end of its other leg is nearer than the brain between the legs."""
    hu = np.full(SHAPE, 32.0)
    hu[4, 6:40, 10:16] = hu[4, 34:40, 10:50] = hu[4, 6:40, 44:50] = 60
    scribbles = np.zeros(SHAPE, np.float32)
    scribbles[4, 8:12, 12:14] = 1
    _, nearness = scribble_cues(torch.from_numpy(windowed(hu))[0], torch.from_numpy(scribbles)).unbind(1)
    assert nearness[4, 5, 23] > nearness[4, 5, 15]
