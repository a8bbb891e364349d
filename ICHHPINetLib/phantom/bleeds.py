"""Bleeds of the phantom: shapes with a known volume, one class a kind.

A bleed answers, plane by plane, how far each pixel is from its surface. Coordinates
are scanner mm (x to the left, y to the back, z up); ``Plane`` adds the anatomy that
layered and extra-axial blood follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .fields import SmoothField, ellipsoid_distance
from .head import Plane


class Bleed(Protocol):
    """What the renderer asks of a bleed."""

    exact_ml: float | None  # closed-form volume; None where the shape is irregular
    edema_mm: float
    push: tuple[np.ndarray, float] | None
    ventricle_scale: float

    def distance(self, z_mm: float, plane: Plane) -> np.ndarray:
        """Signed distance (mm, (Y, X)) to the bleed's surface, negative inside."""

    def reach(self) -> tuple[float, float]:
        """Lowest and highest scanner z in mm."""


@dataclass
class Ellipsoids:
    """Disjoint ellipsoids, each turned about the z axis: the volume is their closed-form sum."""

    centers: np.ndarray  # (n, 3) mm, x y z
    axes: np.ndarray  # (n, 3) mm, semi-axes
    turns: np.ndarray  # (n,) radians
    x_mm: np.ndarray
    y_mm: np.ndarray
    edema_mm: float
    push: tuple[np.ndarray, float] | None
    roughness: tuple[SmoothField, float] | None = None
    ventricle_scale: float = 1.0

    @property
    def exact_ml(self) -> float | None:
        if self.roughness is not None:
            return None
        return float(4.0 / 3.0 * np.pi * self.axes.prod(axis=1).sum() / 1000.0)

    def distance(self, z_mm: float, plane: Plane) -> np.ndarray:
        result = np.full(plane.x.shape, 99.0, dtype=np.float32)
        for center, axes, turn in zip(self.centers, self.axes, self.turns, strict=True):
            dx = (self.x_mm - center[0]).astype(np.float32)[None, :]
            dy = (self.y_mm - center[1]).astype(np.float32)[:, None]
            cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
            dz = np.float32(z_mm - center[2])
            part = ellipsoid_distance(cos * dx + sin * dy, cos * dy - sin * dx, dz, tuple(map(float, axes)))
            result = np.minimum(result, part)
        if self.roughness is not None:
            field, amount = self.roughness
            result += np.float32(amount) * field.plane(z_mm)
            result = np.maximum(result, plane.brain)
        return result

    def reach(self) -> tuple[float, float]:
        extra = 0.0 if self.roughness is None else 2.5 * self.roughness[1]
        heights = self.axes[:, 2] + extra
        return float((self.centers[:, 2] - heights).min()), float((self.centers[:, 2] + heights).max())


@dataclass
class VentricularBlood:
    """Blood that has settled in the ventricles below (behind) a level, with a cast on one side."""

    level_y: float
    cast_side: float
    cast_top: float
    edema_mm: float = 0.0
    push: tuple[np.ndarray, float] | None = None
    ventricle_scale: float = 1.45
    exact_ml: float | None = None

    def distance(self, z_mm: float, plane: Plane) -> np.ndarray:
        layer = self.level_y - plane.y
        cast = np.maximum(-self.cast_side * plane.x, plane.z - self.cast_top)
        cast = np.maximum(cast, -8.0 - plane.y)
        settled = np.minimum(layer, cast)
        return np.maximum(np.maximum(plane.ventricle, settled), np.abs(plane.z - 6.0) - 26.0)

    def reach(self) -> tuple[float, float]:
        return -26.0, 38.0


@dataclass
class Crescent:
    """A thin subdural crescent between brain and inner skull on one side."""

    center: np.ndarray  # mm, on the inner skull
    extent_mm: float
    thickness_mm: float
    exact_ml: float | None = None
    edema_mm: float = 0.0
    push: tuple[np.ndarray, float] | None = None
    ventricle_scale: float = 0.85

    def distance(self, z_mm: float, plane: Plane) -> np.ndarray:
        dx, dy, dz = (
            axis - float(value) for axis, value in zip((plane.x, plane.y, plane.z), self.center, strict=True)
        )
        away = np.sqrt(dx * dx + dy * dy + 1.7 * dz * dz) / self.extent_mm
        thickness = self.thickness_mm * np.maximum(1.0 - away * away, -0.5)
        # The dura, not the bone itself, bounds the blood.
        return np.maximum(-plane.inner - thickness, plane.inner + 0.8)

    def reach(self) -> tuple[float, float]:
        half = self.extent_mm / 1.3
        return float(self.center[2] - half), float(self.center[2] + half)
