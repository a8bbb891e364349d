"""Smooth random fields and signed distances: the phantom's building blocks.

Distances are in mm, negative inside. Arrays of coordinates are planes (Y, X).
"""

from __future__ import annotations

import numpy as np
from scipy import fft


class SmoothField:
    """A random function of space with one typical wavelength, mean 0 and SD 1.

    It is kept on a coarse grid and evaluated on axial planes by separable cubic
    interpolation, which is two matrix products a plane.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        wavelength_mm: float,
        z_mm: tuple[float, float],
        y_mm: np.ndarray,
        x_mm: np.ndarray,
    ) -> None:
        self._step = wavelength_mm / 4.5
        margin = 2 * self._step
        lows = (z_mm[0] - margin, float(y_mm[0]) - margin, float(x_mm[0]) - margin)
        highs = (z_mm[1] + margin, float(y_mm[-1]) + margin, float(x_mm[-1]) + margin)
        counts = [int(np.ceil((high - low) / self._step)) + 3 for low, high in zip(lows, highs, strict=True)]
        shape = [fft.next_fast_len(count, real=True) for count in counts]
        self._z_low = lows[0]
        self._grid = _band_noise(rng, shape, self._step, wavelength_mm)
        self._to_y = _cubic_weights((y_mm - lows[1]) / self._step, shape[1])
        self._to_x = _cubic_weights((x_mm - lows[2]) / self._step, shape[2]).T

    def plane(self, z_mm: float) -> np.ndarray:
        """The field on the axial plane at ``z_mm``: float32 (Y, X)."""
        weights = _cubic_weights(np.array([(z_mm - self._z_low) / self._step]), self._grid.shape[0])[0]
        used = np.flatnonzero(weights)
        coarse = np.tensordot(weights[used], self._grid[used], axes=1)
        return self._to_y @ (coarse @ self._to_x)


def _band_noise(rng: np.random.Generator, shape: list[int], step: float, wavelength: float) -> np.ndarray:
    """Gaussian noise with a spectrum centered on one wavelength, float32, SD 1."""
    spectrum = fft.rfftn(rng.standard_normal(shape, dtype=np.float32))
    axes = [fft.fftfreq(size, step) for size in shape[:-1]] + [fft.rfftfreq(shape[-1], step)]
    square = sum(axis.astype(np.float32) ** 2 for axis in np.meshgrid(*axes, indexing="ij", sparse=True))
    radius = np.sqrt(square)
    spectrum *= np.exp(-0.5 * ((radius * wavelength - 1.0) / 0.3) ** 2)
    noise = fft.irfftn(spectrum, shape)
    return ((noise - noise.mean()) / noise.std()).astype(np.float32)


def _cubic_weights(position: np.ndarray, size: int) -> np.ndarray:
    """Catmull-Rom weights (len(position), size) for fractional grid positions."""
    base = np.clip(np.floor(position).astype(int), 1, size - 3)
    t = np.clip(position - base, 0.0, 1.0)
    weights = np.zeros((len(position), size), dtype=np.float32)
    rows = np.arange(len(position))
    weights[rows, base - 1] = ((2.0 - t) * t - 1.0) * t / 2
    weights[rows, base] = ((3.0 * t - 5.0) * t * t + 2.0) / 2
    weights[rows, base + 1] = ((4.0 - 3.0 * t) * t + 1.0) * t / 2
    weights[rows, base + 2] = (t - 1.0) * t * t / 2
    return weights


def ellipsoid_distance(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, axes: tuple[float, float, float]
) -> np.ndarray:
    """First-order distance to an origin-centered ellipsoid of semi-axes (x, y, z) mm.

    Its zero level is the exact surface; away from it the distance is approximate.
    """
    u, v, w = x / axes[0], y / axes[1], z / axes[2]
    level = np.sqrt(u * u + v * v + w * w)
    u, v, w = u / axes[0], v / axes[1], w / axes[2]
    slope = np.sqrt(u * u + v * v + w * w)
    return level * (level - 1.0) / np.maximum(slope, 1e-6)


def capsule_distance(
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    start: tuple[float, float, float, float],
    end: tuple[float, float, float, float],
) -> np.ndarray:
    """Distance to a tube between two points (x, y, z, radius) mm whose radius changes linearly."""
    ax, ay, az = (end[i] - start[i] for i in range(3))
    dx, dy, dz = x - start[0], y - start[1], z - start[2]
    along = np.clip((dx * ax + dy * ay + dz * az) / (ax * ax + ay * ay + az * az), 0.0, 1.0)
    dx, dy, dz = dx - along * ax, dy - along * ay, dz - along * az
    radius = start[3] + along * (end[3] - start[3])
    return np.sqrt(dx * dx + dy * dy + dz * dz) - radius


def coverage(distance: np.ndarray, width: float) -> np.ndarray:
    """Share 0..1 of a pixel of ``width`` mm that lies inside a surface at ``distance`` mm."""
    return np.clip(0.5 - distance / width, 0.0, 1.0)


def blend(target: np.ndarray, share: np.ndarray, value: np.ndarray | float) -> None:
    """Replace, in place, ``share`` (0..1) of the ``target`` plane by ``value``."""
    target += share * (value - target)


def box_of(inside: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold every True of a plane; empty slices where there is none."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def near_ellipsoid(
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    center: tuple[float, float, float],
    axes: tuple[float, float, float],
) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Distance to an ellipsoid (center, semi-axes) within the box that it touches, and that box."""
    margin = 4.0  # mm; what is farther is not painted
    close = np.abs(z - center[2]) < axes[2] + margin
    if close.any():
        close &= (np.abs(x - center[0]) < axes[0] + margin) & (np.abs(y - center[1]) < axes[1] + margin)
    box = box_of(close)
    return ellipsoid_distance(x[box] - center[0], y[box] - center[1], z[box] - center[2], axes), box


def paint_near(
    hu: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    center: tuple[float, float, float],
    axes: tuple[float, float, float],
    value: np.ndarray | float,
    grow: float = 0.0,
) -> None:
    """Paint an ellipsoid, ``grow`` mm larger all around (at most 3), with a 1 mm soft edge."""
    distance, box = near_ellipsoid(x, y, z, center, axes)
    blend(hu[box], coverage(distance - grow, 1.0), value[box] if isinstance(value, np.ndarray) else value)
