"""The way to the network's grid and back loses no scribble and moves no mask."""

import numpy as np
import pytest

pytest.importorskip("torch")

from hypothesis import given, strategies

from ICHHPINetLib.imaging.working_grid import MULTIPLE, WorkingGrid

shapes = strategies.tuples(
    strategies.integers(2, 30), strategies.integers(20, 90), strategies.integers(20, 90)
)
spacings = strategies.tuples(
    strategies.floats(0.4, 8), strategies.floats(0.3, 1.5), strategies.floats(0.3, 1.5)
)


def volume(shape):
    out = np.full(shape, -1000.0, np.float32)
    out[:, shape[1] // 5 : -shape[1] // 5, shape[2] // 5 : -shape[2] // 5] = 35
    return out


@given(shape=shapes, spacing=spacings, seed=strategies.integers(0, 1000))
def test_no_scribble_inside_the_head_is_lost(shape, spacing, seed):
    grid = WorkingGrid.fit(volume(shape), spacing)
    rng = np.random.default_rng(seed)
    place = tuple(
        int(rng.integers(low, high))
        for low, high in (
            (0, shape[0]),
            (grid.rows.start, grid.rows.stop),
            (grid.columns.start, grid.columns.stop),
        )
    )
    scribbles = np.zeros(shape, bool)
    scribbles[place] = True
    low = grid.scribbles_on_working_grid(scribbles, np.zeros_like(scribbles))[:, 0]
    assert low.sum() == 1
    assert place[0] in grid.source_slices(int(np.argwhere(low)[0, 0]))


@given(shape=shapes, spacing=spacings)
def test_arrays_fit_the_network(shape, spacing):
    grid = WorkingGrid.fit(volume(shape), spacing)
    low = grid.on_working_grid(volume(shape))
    assert low.shape == grid.padded
    assert low.shape[1] % MULTIPLE == 0
    assert low.shape[2] % MULTIPLE == 0
    assert grid.on_ct(low).shape == shape


@pytest.mark.parametrize("spacing", [(5.0, 0.45, 0.45), (1.0, 0.5, 0.5), (3.0, 0.9, 0.9), (6.0, 0.49, 0.6)])
def test_a_ball_comes_back_in_place(spacing):
    shape = tuple(round(n / s) for n, s in zip((100, 140, 120), spacing, strict=True))
    grid = WorkingGrid.fit(volume(shape), spacing)
    z, y, x = np.ogrid[tuple(slice(0, n) for n in shape)]
    center = [n / 2 for n in shape]
    squared = sum(((g - c) * s) ** 2 for g, c, s in zip((z, y, x), center, spacing, strict=True))
    ball = squared < 20**2
    back = grid.on_ct(grid.on_working_grid(ball.astype(np.float32))) > 0.5
    assert 2 * (ball & back).sum() / (ball.sum() + back.sum()) > 0.96
    shift = [a.mean() - b.mean() for a, b in zip(np.nonzero(ball), np.nonzero(back), strict=True)]
    assert np.abs(shift).max() < 0.3


@pytest.mark.parametrize(("count", "step"), [(41, 0.5), (33, 1.0), (17, 2.0), (30, 1.0)])
def test_thin_slices_come_back_in_place_up_to_the_last_ones(count, step):
    grid = WorkingGrid.fit(volume((count, 40, 40)), (step, 0.9, 0.9))
    ramp = np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None], (count, 40, 40))
    back = grid.on_ct(grid.on_working_grid(ramp))[:, 20, 20]
    inside = slice(grid.group, count - grid.group)
    assert grid.group > 1
    np.testing.assert_allclose(back[inside], np.arange(count)[inside], atol=1e-3)
    ends = [np.mean(grid.source_slices(index)) for index in (0, grid.depth - 1)]
    np.testing.assert_allclose(back, np.clip(np.arange(count), *ends), atol=1e-3)


def test_the_head_is_cut_out_of_a_wide_field_of_view():
    wide = np.full((4, 200, 200), -1000.0, np.float32)
    wide[:, 60:120, 80:150] = 35
    grid = WorkingGrid.fit(wide, (5.0, 1.0, 1.0))
    assert grid.rows.start <= 60 < 120 <= grid.rows.stop < 140
    assert grid.columns.start <= 80 < 150 <= grid.columns.stop < 170
