"""Metrics against hand-computed values and against MONAI."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from ICHHPINetLib.errors import InvalidVolumeError
from ICHHPINetLib.evaluation.metrics import evaluate_mask

SPACING = (5.0, 0.5, 0.4)


def ball(shape, center, radii):
    grid = np.indices(shape).astype(float)
    return sum(((axis - c) / r) ** 2 for axis, c, r in zip(grid, center, radii, strict=True)) <= 1


def test_overlap_and_volume_by_hand():
    truth = np.zeros((4, 10, 10), np.uint8)
    prediction = truth.copy()
    truth[1:3, 2:6, 2:6] = 1
    prediction[1:3, 2:6, 4:8] = 7

    metrics = evaluate_mask(prediction, truth, SPACING)

    assert metrics.dice == pytest.approx(0.5)
    assert metrics.jaccard == pytest.approx(1 / 3)
    assert metrics.mae == pytest.approx(32 / 400)
    assert metrics.volume_ml == pytest.approx(32 * 1.0 / 1000)
    assert metrics.volume_error_ml == 0
    assert metrics.relative_volume_error == 0
    assert metrics.hd95_mm == pytest.approx(2 * 0.4)


def test_volume_error_is_signed():
    truth = ball((5, 20, 20), (2, 10, 10), (2, 6, 6))
    larger = evaluate_mask(ball((5, 20, 20), (2, 10, 10), (2, 8, 8)), truth, SPACING)
    smaller = evaluate_mask(ball((5, 20, 20), (2, 10, 10), (2, 4, 4)), truth, SPACING)

    assert larger.volume_error_ml > 0 > smaller.volume_error_ml
    assert larger.relative_volume_error == pytest.approx(larger.volume_ml / larger.truth_ml - 1)


def test_empty_masks():
    empty = np.zeros((3, 8, 8), bool)
    full = ball((3, 8, 8), (1, 4, 4), (1, 2, 2))

    both = evaluate_mask(empty, empty, SPACING)
    assert (both.dice, both.jaccard, both.nsd_2mm) == (1, 1, 1)
    assert (both.hd95_mm, both.relative_volume_error) == (0, 0)

    missed = evaluate_mask(empty, full, SPACING)
    assert (missed.dice, missed.jaccard, missed.nsd_2mm, missed.relative_volume_error) == (0, 0, 0, -1)
    assert missed.hd95_mm == math.inf

    invented = evaluate_mask(full, empty, SPACING)
    assert (invented.dice, invented.relative_volume_error) == (0, math.inf)
    assert json.loads(json.dumps(invented.as_dict(), allow_nan=False))["hd95_mm"] is None


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spacing", [(5.0, 0.45, 0.45), (1.0, 1.0, 1.0), (3.0, 0.7, 0.9)])
def test_agrees_with_monai(seed, spacing):
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.metrics")
    rng = np.random.default_rng(seed)
    shape = (9, 40, 44)
    masks = [
        ball(shape, rng.uniform((2, 12, 12), (6, 28, 30)), rng.uniform((1, 5, 5), (4, 14, 14)))
        | ball(shape, rng.uniform((0, 0, 0), shape), (1.5, 4, 4))
        for _ in range(2)
    ]
    prediction, truth = (torch.from_numpy(mask[None, None]).float() for mask in masks)
    options = {"include_background": True, "spacing": spacing}

    ours = evaluate_mask(*masks, spacing)

    assert ours.dice == pytest.approx(float(monai.compute_dice(prediction, truth)), abs=1e-5)
    assert ours.jaccard == pytest.approx(float(monai.compute_iou(prediction, truth)), abs=1e-5)
    nsd = monai.compute_surface_dice(prediction, truth, [2.0], **options)
    assert ours.nsd_2mm == pytest.approx(float(nsd), abs=1e-5)
    hd95 = monai.compute_hausdorff_distance(prediction, truth, percentile=95, **options)
    assert ours.hd95_mm == pytest.approx(float(hd95), rel=1e-5)


def test_masks_of_two_grids_are_refused():
    with pytest.raises(InvalidVolumeError, match="one grid"):
        evaluate_mask(np.zeros((2, 4, 4)), np.zeros((3, 4, 4)), SPACING)
    with pytest.raises(InvalidVolumeError, match="positive"):
        evaluate_mask(np.zeros((2, 4, 4)), np.zeros((2, 4, 4)), (5.0, 0.0, 1.0))
