"""A generated head: skull, brain, ventricles and base, as HU on axial planes.

Anatomical coordinates are in mm, LPS: x to the left, y to the back, z up, with the
origin between the basal ganglia. No patient went into it; sizes and HU are textbook
values, varied by the random generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fields import (
    SmoothField,
    blend,
    box_of,
    capsule_distance,
    coverage,
    ellipsoid_distance,
    near_ellipsoid,
    paint_near,
)
from .skull_base import paint_skull_base

_AIR, _FAT, _CSF, _SOFT, _BONE = -1000.0, -90.0, 7.0, 45.0, 1250.0
_FAR = 50.0  # mm
# Soft edge of anatomical surfaces, mm: a pixel or two, before the scanner's blur.
_EDGE = 0.8

# Tubes of the lateral ventricle (right and left alike): (x, y, z, radius) from end to end.
_LATERAL_VENTRICLE = (
    ((7.0, -34.0, 2.0, 3.2), (8.0, -22.0, 12.0, 5.0)),
    ((8.0, -22.0, 12.0, 5.0), (10.0, 6.0, 22.0, 5.2)),
    ((10.0, 6.0, 22.0, 5.2), (22.0, 32.0, 12.0, 6.6)),
    ((22.0, 32.0, 12.0, 6.6), (21.0, 55.0, 7.0, 2.4)),
    ((22.0, 32.0, 12.0, 6.6), (31.0, 8.0, -18.0, 2.2)),
)
# Paired gray nuclei: center (x, y, z) and semi-axes.
_NUCLEI = (
    ((11.0, 11.0, 6.0), (8.0, 13.0, 9.0)),
    ((15.5, -20.0, 10.0), (4.2, 8.0, 10.0)),
    ((25.0, -2.0, 2.0), (6.0, 16.0, 9.0)),
)


@dataclass
class Plane:
    """One axial plane of the head in anatomical coordinates (float32, (Y, X), mm)."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    hu: np.ndarray
    inner: np.ndarray  # signed distance to the inner skull, negative inside
    brain: np.ndarray  # signed distance to the brain's outer surface, negative inside
    ventricle: np.ndarray  # signed distance to the ventricles


class Head:
    """A head whose proportions and tissue values come from ``rng``.

    ``x_mm`` and ``y_mm`` are the pixel centers in scanner coordinates, ``z_mm`` the
    range that will be rendered. ``ventricle_scale`` enlarges the lateral ventricles.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        x_mm: np.ndarray,
        y_mm: np.ndarray,
        z_mm: tuple[float, float],
        ventricle_scale: float = 1.0,
    ) -> None:
        self._x_mm, self._y_mm = x_mm.astype(np.float32), y_mm.astype(np.float32)
        self._axes = np.array([66.0, 84.0, 76.0]) * rng.uniform(0.97, 1.03, 3)
        self._rotation = _rotation(rng.uniform(-5, 5), rng.uniform(-4, 4))
        self._ventricle = ventricle_scale * rng.uniform(0.85, 1.2)
        self._gray, self._white = rng.uniform(36.5, 38.5), rng.uniform(27.5, 29.5)
        self._atrophy = rng.uniform(0.6, 1.6)
        self._calcified = (rng.uniform(90, 220), rng.uniform(90, 220))
        self._low = SmoothField(rng, 45.0, z_mm, self._y_mm, self._x_mm)
        self._folds = SmoothField(rng, 23.0, z_mm, self._y_mm, self._x_mm)
        self._fine = SmoothField(rng, 9.0, z_mm, self._y_mm, self._x_mm)

    def coordinates(self, z_mm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Anatomical x, y, z (mm, (Y, X)) of the scanner plane ``z_mm``."""
        r = self._rotation
        columns, rows = self._x_mm[None, :], self._y_mm[:, None]
        x, y, z = (
            (r[0, i] * columns + r[1, i] * rows + np.float32(r[2, i] * z_mm)).astype(np.float32)
            for i in range(3)
        )
        return x, y, z

    def inner_table(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Signed distance (mm) to the inner skull: an egg, wider behind, cut off below."""
        width, length, height = (np.float32(axis) for axis in self._axes)
        egg = 1.0 + 0.09 * np.clip((y - 10.0) / length, -1.2, 0.5)
        down = np.where(z < 0, np.float32(height / 118.0), np.float32(1.0))
        return ellipsoid_distance(x / egg, y, z * down, (width, length, height))

    def render(self, z_mm: float, push: tuple[np.ndarray, float] | None = None) -> Plane:
        """HU and anatomy of one plane; ``push`` = (center, mm) displaces the brain off a bleed."""
        x, y, z = self.coordinates(z_mm)
        low, folds, fine = (field.plane(z_mm) for field in (self._low, self._folds, self._fine))
        inner = self.inner_table(x, y, z)
        hu = _outer_layers(x, y, inner, low, fine)
        gap = 1.0 + 0.8 * self._atrophy * np.clip(1.0 + 0.7 * low, 0.2, 3.0)
        brain = inner + gap
        ventricle = np.full(x.shape, _FAR, dtype=np.float32)
        box = box_of(inner < 1.0)
        if box[0].stop:
            parts = (x[box], y[box], z[box])
            parts = parts if push is None else _displaced(*parts, *push)
            ventricle[box] = self._ventricles(*parts)
            fields = (folds[box], fine[box])
            tissue = self._brain_tissue(*parts, inner[box], brain[box], ventricle[box], *fields)
            blend(hu[box], coverage(inner[box], _EDGE), tissue)
        paint_skull_base(hu, x, y, z, inner, fine)
        return Plane(x, y, z, hu, inner, brain, ventricle)

    def _ventricles(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        side, scale = np.abs(x), self._ventricle
        distance = np.full(x.shape, _FAR, dtype=np.float32)
        # Coarse box around all tubes: outside it the distance does not matter.
        box = box_of((side < 45) & (y > -50) & (y < 70) & (z > -35) & (z < 45))
        if box[0].stop:
            part = (side[box], y[box], z[box])
            tubes = [
                capsule_distance(*part, (*a[:3], a[3] * scale), (*b[:3], b[3] * scale))
                for a, b in _LATERAL_VENTRICLE
            ]
            # The septum keeps the two sides apart.
            lateral = np.maximum(np.minimum.reduce(tubes), 0.7 - part[0])
            third = ellipsoid_distance(part[0], part[1] - 2, part[2] + 2, (2.2 * scale, 14.0, 10.0))
            distance[box] = np.minimum(lateral, third)
        fourth, box = near_ellipsoid(side, y, z, (0.0, 38.0, -38.0), (8.0, 5.0, 11.0))
        distance[box] = np.minimum(distance[box], fourth)
        return distance

    def _brain_tissue(
        self,
        x: np.ndarray,
        y: np.ndarray,
        z: np.ndarray,
        inner: np.ndarray,
        brain: np.ndarray,
        ventricle: np.ndarray,
        folds: np.ndarray,
        fine: np.ndarray,
    ) -> np.ndarray:
        side = np.abs(x)
        # The fissure reaches down to the corpus callosum; front and back it is deeper.
        fissure = 1.0 - np.sqrt((y / 46.0) ** 2 + ((z - 2.0) / 30.0) ** 2)
        fissure = np.where(z > -28, side + np.maximum(fissure, 0.0) * 60.0, 60.0)
        tent = _tentorium(x, y, z)
        depth = np.minimum(np.minimum(-brain, fissure - 0.8), np.abs(tent) + 2.0)
        insula = _sylvian(side, y, z, folds) if np.abs(z).min() < 40 else np.full_like(x, _FAR)
        sulcus = np.minimum(np.abs(folds) * 3.4, insula)
        ribbon = 3.0 + 0.5 * fine
        gray = np.maximum(
            coverage(depth - ribbon, 1.5),
            coverage(sulcus - ribbon, 1.5) * coverage(depth - 21.0, 4.0),
        )
        for center, axes in _NUCLEI:
            nucleus, box = near_ellipsoid(side, y, z, center, axes)
            gray[box] = np.maximum(gray[box], coverage(nucleus, 1.5))
        # Cerebellum and brain stem: finer leaves, less contrast.
        below = coverage(tent, 3.0)
        leaves = 0.6 + 0.3 * fine - 0.9 * coverage(np.abs(fine) - 0.15, 0.3)
        gray += below * (leaves - gray)
        hu = self._white + (self._gray - self._white) * gray + 0.7 * fine
        # White matter next to the ventricles is a little darker.
        hu -= 1.5 * coverage(ventricle - 6.0, 8.0) * (1.0 - gray)

        opening = 0.75 * self._atrophy * np.clip(1.0 - depth / 20.0, 0.0, 1.0) * (1.0 - below)
        cleft = coverage(np.minimum(sulcus - opening, insula - 0.9 * self._atrophy), _EDGE)
        blend(hu, cleft * (depth < 26), _CSF)
        blend(hu, coverage(fissure - 1.1, _EDGE), _CSF)
        blend(hu, coverage(ventricle, _EDGE), _CSF)
        box = box_of((side < 24) & (y > -28) & (y < 36) & (z > -36) & (z < 0))
        blend(hu[box], coverage(_cisterns(side[box], y[box], z[box]), 1.5), _CSF)
        blend(hu, coverage(-brain, _EDGE), _CSF + 4.0)
        # Falx and tentorium are denser than brain: the hard negatives of an extra-axial bleed.
        falx = np.maximum(fissure - 0.55, 12.0 - np.hypot(np.maximum(np.abs(y) - 20, 0), z - 4))
        blend(hu, coverage(falx, _EDGE), 52.0)
        blend(hu, coverage(np.abs(tent) - 0.6, _EDGE) * (side > 14 + 0.3 * np.abs(y - 30)), 48.0)
        sinus = np.hypot(side, np.maximum(0, -inner) - 2.0) - 3.2
        blend(hu, coverage(np.where((y > 20) & (z > -5), sinus, 9.0), _EDGE), 54.0)
        self._calcifications(hu, side, y, z)
        return hu

    def _calcifications(self, hu: np.ndarray, side: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
        plexus, pineal = self._calcified
        paint_near(hu, side, y, z, (22.5, 35.0, 11.0), (1.8, 3.2, 2.8), plexus)
        paint_near(hu, side, y, z, (0.0, 27.0, 1.0), (2.0, 2.6, 2.4), pineal)


def _rotation(turn_deg: float, nod_deg: float) -> np.ndarray:
    turn, nod = np.radians([turn_deg, nod_deg])
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(nod), -np.sin(nod)], [0, np.sin(nod), np.cos(nod)]])
    return (about_z @ about_x).astype(np.float32)


def _displaced(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, center: np.ndarray, amount: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the tissue now at (x, y, z) was before a mass at ``center`` pushed it outwards."""
    dx, dy, dz = (axis - float(value) for axis, value in zip((x, y, z), center, strict=True))
    square = dx * dx + dy * dy + dz * dz
    share = float(amount) * np.exp(square * (-0.5 / 26.0**2)) / np.sqrt(square + 100.0)
    return x - share * dx, y - share * dy, z - share * dz


def _tentorium(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Signed distance to the tent over the posterior fossa, negative below it."""
    roof = -14.0 - 0.010 * x * x - 0.35 * np.abs(y - 30.0) * (y < 30) - 0.12 * np.maximum(y - 30.0, 0.0)
    front = 4.0 - y
    return np.maximum((z - roof) * 0.8, front)


def _sylvian(side: np.ndarray, y: np.ndarray, z: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Distance (mm) to the insular cleft and its way out to the surface."""
    curve = 37.0 + 0.006 * (y + 2.0) ** 2 + 0.8 * folds
    vertical = np.maximum(np.maximum(np.abs(y + 2.0) - 19.0, np.abs(z - 1.0) - 13.0), 0.0)
    insula = np.hypot(side - curve, vertical)
    way = np.abs(y - 4.0 - 0.35 * (side - 40.0) + 2.0 * folds) + 6.0 * np.maximum(38.0 - side, 0.0)
    return np.minimum(insula, way + 0.6 * np.maximum(np.abs(z - 2.0) - 9.0, 0.0))


def _cisterns(side: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Signed distance to the CSF around the midbrain and above the sella."""
    ring = np.abs(np.hypot(side, (y - 12.0) * 0.9) - 17.0) - 1.6
    around = np.maximum(ring, np.maximum(np.abs(z + 19.0) - 8.0, 2.0 - y))
    star = np.hypot(side, y + 12.0) - 8.0 - 3.0 * np.cos(5.0 * np.arctan2(side, y + 12.0))
    above_sella = np.maximum(star, np.abs(z + 27.0) - 6.0)
    plate = ellipsoid_distance(side, y - 26.0, z + 9.0, (9.0, 4.0, 6.0))
    return np.minimum(np.minimum(around, above_sella), plate)


def _outer_layers(
    x: np.ndarray, y: np.ndarray, inner: np.ndarray, low: np.ndarray, fine: np.ndarray
) -> np.ndarray:
    """Air, scalp and the three layers of the calvarium, by distance from the inner table."""
    bone = 6.0 + 0.6 * low + 1.5 * np.clip((np.abs(y) - 50.0) / 30.0, 0.0, 1.0)
    scalp = bone + 5.5 - 0.5 * low
    muscle = (np.abs(x) > 52) * np.clip(1.0 - np.abs(y + 15.0) / 35.0, 0.0, 1.0)
    scalp = scalp + 5.0 * muscle
    hu = np.full(inner.shape, _AIR, dtype=np.float32)
    blend(hu, coverage(inner - scalp, _EDGE), 35.0)
    blend(hu, coverage(inner - scalp + 1.8, _EDGE), _FAT + 12.0 * fine)
    blend(hu, coverage(inner - bone - 1.2 - 4.5 * muscle, _EDGE), _SOFT)
    blend(hu, coverage(inner - bone, _EDGE), _BONE + 80.0 * low)
    diploe = np.maximum(1.9 - inner, inner - bone + 1.9)
    blend(hu, coverage(diploe, 1.2), 620.0 + 130.0 * fine)
    return hu
