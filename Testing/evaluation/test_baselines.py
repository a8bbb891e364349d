"""The classical methods: they find an easy bleed, obey scribbles and say what they lack."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from ICHHPINetLib import Scribbles
from ICHHPINetLib.errors import InvalidScribblesError, MissingPackageError
from ICHHPINetLib.evaluation.baselines import BASELINE_NAMES, baseline
from ICHHPINetLib.evaluation.scribbled_session import head_box
from ICHHPINetLib.imaging.ct import CT

SPACING = (5.0, 0.9, 0.9)
SHAPE = (6, 90, 80)


@pytest.fixture(scope="module")
def head():
    """A head of 30 HU with a skull in air, off center, and a bleed of 65 HU: volume and truth."""
    slices, rows, columns = np.indices(SHAPE)
    radius = np.hypot(rows - 40, columns - 42)
    truth = (((slices - 3) / 2.2) ** 2 + ((rows - 44) / 12) ** 2 + ((columns - 38) / 9) ** 2) <= 1
    volume = np.full(SHAPE, -1000.0)
    volume[radius < 34] = 900.0
    volume[radius < 30] = 30.0
    volume[truth] = 65.0
    volume += np.random.default_rng(0).normal(0, 4, SHAPE)
    return volume.astype(np.int16), truth


@pytest.fixture(scope="module")
def scribbles():
    foreground, background = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    foreground[3, 38:50, 38] = True
    background[3, 30:60, 54] = True
    return Scribbles(foreground, background)


@pytest.fixture(params=BASELINE_NAMES)
def session_class(request):
    try:
        return baseline(request.param)
    except MissingPackageError as error:
        pytest.skip(str(error))


def dice(mask, truth):
    return 2 * np.count_nonzero((mask > 0) & truth) / (np.count_nonzero(mask) + np.count_nonzero(truth))


def test_finds_an_easy_bleed(session_class, head, scribbles):
    volume, truth = head

    result = session_class(CT.of_array(volume, SPACING)).refine(scribbles)

    assert result.mask.dtype == np.uint8
    assert result.mask.shape == SHAPE
    assert dice(result.mask, truth) > 0.8
    assert result.round == 1
    assert result.changed_slices == np.flatnonzero(result.mask.any(axis=(1, 2))).tolist()


def test_scribbles_accumulate_and_are_obeyed_wherever_they_lie(session_class, head, scribbles):
    volume, _ = head
    session = session_class(CT.of_array(volume, SPACING))
    session.refine(scribbles)
    again, outside = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    again[3, 40, 36:40] = True
    outside[0, 1:4, 1:4] = True

    result = session.refine(Scribbles(outside, again))

    assert result.mask[outside].all(), "a foreground scribble in the air outside the head crop"
    assert not result.mask[again].any(), "a background scribble over an earlier foreground scribble"
    assert result.mask[3, 45:50, 38].all()
    assert not result.mask[scribbles.background].any()


def test_same_scribbles_give_the_same_mask(session_class, head, scribbles):
    first, second = (session_class(CT.of_array(head[0], SPACING)).refine(scribbles).mask for _ in range(2))
    assert np.array_equal(first, second)


def test_without_foreground_there_is_no_bleed(session_class, head, scribbles):
    result = session_class(CT.of_array(head[0], SPACING)).refine(Scribbles(None, scribbles.background))
    assert not result.mask.any()


def test_without_background_the_scribbles_remain_or_the_bleed_is_found(session_class, head, scribbles):
    volume, truth = head
    result = session_class(CT.of_array(volume, SPACING)).refine(Scribbles(scribbles.foreground, None))
    if session_class.needs_background:
        assert np.array_equal(result.mask > 0, scribbles.foreground)
        assert "background" in result.notes[0]
    else:
        assert dice(result.mask, truth) > 0.6
        assert not result.notes


def test_bad_input_is_refused(session_class, head):
    with pytest.raises(InvalidScribblesError, match="grid of the CT"):
        session_class(CT.of_array(head[0], SPACING)).refine(Scribbles.empty((2, 8, 8)))


@pytest.mark.parametrize(("name", "package"), [("growcut", "slicer"), ("watershed", "skimage.segmentation")])
def test_missing_package_is_explained(monkeypatch, name, package):
    monkeypatch.delitem(sys.modules, f"ICHHPINetLib.evaluation.baselines.{name}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match="pip install"):
        baseline(name)


def test_head_box_holds_the_head_and_drops_the_table(head):
    volume = head[0].copy()
    volume[:, 86:88, :] = 200

    slices, rows, columns = head_box(volume.astype(float))

    assert slices == slice(0, SHAPE[0])
    assert 0 <= rows.start <= 6
    assert 74 <= rows.stop <= 84
    assert columns.start <= 8
    assert columns.stop >= 76
