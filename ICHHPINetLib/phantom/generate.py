"""Renders a head phantom with a bleed of known volume, as a CT scanner would see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .bleeds import Bleed, Crescent, Ellipsoids, VentricularBlood
from .fields import SmoothField, blend, coverage
from .head import Head

# Field of view and scan length that hold the whole head, mm.
_FIELD_Y, _FIELD_X, _SCAN = 224.0, 192.0, 160.0
_SCAN_CENTER_Z = 6.0
_BLEED_HU, _EDEMA_HU = 59.0, 20.0


@dataclass(frozen=True)
class Phantom:
    """A generated CT and its truth.

    ``volume`` int16 HU and ``mask`` uint8 0/1 are (Z, Y, X), feet to head, front to
    back, the patient's right to left; ``spacing`` is mm (z, y, x). ``volume_ml`` is the
    bleed's own volume, not a count of mask voxels: in closed form for "deep" and
    "multifocal", summed over the fine rendering grid (at most 1 mm) for the others.
    """

    volume: np.ndarray
    mask: np.ndarray
    spacing: tuple[float, float, float]
    volume_ml: float
    name: str
    kind: str


def generate(
    kind: str = "deep",
    seed: int = 0,
    spacing: tuple[float, float, float] = (5.0, 0.5, 0.5),
    slices: int | None = None,
    shape: tuple[int, int] | None = None,
    volume_ml: float | None = None,
    noise_hu: float = 3.5,
    blood_hu: float = _BLEED_HU,
) -> Phantom:
    """Generate a head CT with a bleed of the given ``kind``; the same seed gives the same voxels.

    ``spacing`` is mm (z, y, x). ``slices`` and the in-plane ``shape`` (Y, X) default to
    what holds the whole head (32 and (448, 384) at the default spacing); smaller ones
    keep the middle. ``volume_ml`` sets the size of a "deep", "lobar" or "multifocal"
    bleed (roughly, for "lobar") instead of a random one. ``noise_hu`` is the noise's SD,
    ``blood_hu`` the mean density of the blood (gray matter has about 37 HU).

    Each slice is the mean of planes at most 1 mm apart, so that its upper and lower
    border show the partial volume of a real scan. A voxel belongs to ``mask`` where at
    least half of it is bleed.

    Kinds: "deep", a compact ellipsoid in the basal ganglia; "lobar", irregular, with
    edema; "multifocal", two or three ellipsoids with at least three bleed-free slices
    between the lower and the upper ones; "intraventricular", settled in enlarged
    ventricles; "extraaxial", a thin crescent along the inner skull.

    Raises ValueError for an unknown kind, a volume that the kind does not take and a
    stack too short for the bleed.
    """
    if kind not in _KINDS:
        raise ValueError(f"Unknown phantom kind {kind!r}; choose one of {', '.join(KINDS)}.")
    if volume_ml is not None and kind not in ("deep", "lobar", "multifocal"):
        raise ValueError(f"The size of a bleed of kind {kind!r} cannot be chosen; leave volume_ml out.")
    dz, dy, dx = (float(step) for step in spacing)
    slices = slices or round(_SCAN / dz)
    rows, columns = shape or (round(_FIELD_Y / dy), round(_FIELD_X / dx))
    grid = _Grid(
        _centered(slices, dz) + _SCAN_CENTER_Z, _centered(rows, dy), _centered(columns, dx), dz, dy * dx
    )
    anatomy_rng, bleed_rng, noise_rng = (
        np.random.default_rng([seed, KINDS.index(kind), stream]) for stream in range(3)
    )
    bleed = _KINDS[kind](bleed_rng, grid, volume_ml)
    low, high = bleed.reach()
    if low < grid.bottom or high > grid.top:
        raise ValueError(
            f"{slices} slices of {dz:g} mm do not hold the bleed of kind {kind!r} and seed {seed} "
            f"(z {low:.0f} to {high:.0f} mm of {grid.bottom:.0f} to {grid.top:.0f}); ask for more slices."
        )
    head = Head(anatomy_rng, grid.x, grid.y, (grid.bottom, grid.top), bleed.ventricle_scale)
    texture = SmoothField(bleed_rng, 8.0, (low - 3.0, high + 3.0), grid.y, grid.x)
    clean, share = _render(grid, head, bleed, texture, blood_hu)
    volume = _scan(clean, grid, noise_rng, noise_hu)
    exact = bleed.exact_ml
    if exact is None:
        exact = float(share.sum(dtype=np.float64)) * dz * dy * dx / 1000.0
    mask = (share >= 0.5).astype(np.uint8)
    return Phantom(volume, mask, (dz, dy, dx), exact, f"phantom-{kind}-{seed}", kind)


@dataclass(frozen=True)
class _Grid:
    """Voxel centers of the scan in scanner mm."""

    z: np.ndarray
    y: np.ndarray
    x: np.ndarray
    thickness: float
    pixel_area: float

    @property
    def bottom(self) -> float:
        return float(self.z[0] - self.thickness / 2)

    @property
    def top(self) -> float:
        return float(self.z[-1] + self.thickness / 2)

    @property
    def pixel(self) -> float:
        return float(np.sqrt(self.pixel_area))


def _centered(count: int, step: float) -> np.ndarray:
    return (np.arange(count) - (count - 1) / 2.0) * step


def _render(
    grid: _Grid, head: Head, bleed: Bleed, texture: SmoothField, blood_hu: float
) -> tuple[np.ndarray, np.ndarray]:
    """Noise-free HU and bleed share 0..1, float32 (Z, Y, X)."""
    shape = (len(grid.z), len(grid.y), len(grid.x))
    clean, share = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    planes = max(1, int(np.ceil(grid.thickness)))
    offsets = _centered(planes, grid.thickness / planes)
    low, high = bleed.reach()
    margin = bleed.edema_mm + 3.0
    for index, z_mm in enumerate(grid.z):
        for plane_z in z_mm + offsets:
            plane = head.render(plane_z, bleed.push)
            if low - margin <= plane_z <= high + margin:
                distance = bleed.distance(plane_z, plane)
                if bleed.edema_mm:
                    inside = coverage(plane.brain + 1.0, 1.0) * coverage(-plane.ventricle, 1.0)
                    rim = coverage(distance - 0.6 * bleed.edema_mm, bleed.edema_mm) * inside
                    blend(plane.hu, 0.85 * rim, _EDEMA_HU)
                blend(plane.hu, coverage(distance, 1.2), blood_hu + 4.0 * texture.plane(plane_z))
                share[index] += coverage(distance, grid.pixel)
            clean[index] += plane.hu
    clean /= planes
    share /= planes
    return clean, share


def _scan(clean: np.ndarray, grid: _Grid, rng: np.random.Generator, noise_hu: float) -> np.ndarray:
    """Add what a scanner adds: blur, beam hardening beside bone, correlated noise; int16 HU."""
    result = np.empty(clean.shape, dtype=np.int16)
    radius = np.hypot(grid.y[:, None] / 95.0, grid.x[None, :] / 78.0)
    # Less dose reaches the middle of the head, so that it is noisier there.
    profile = (1.15 - 0.35 * np.clip(radius, 0, 1) ** 2 - 0.5 * np.clip(radius - 1, 0, 1)).astype(np.float32)
    for index, plane in enumerate(clean):
        blurred = ndimage.gaussian_filter(plane, 0.45 / grid.pixel)
        bone = np.clip(plane - 300.0, 0.0, 1200.0)
        halo = ndimage.zoom(ndimage.gaussian_filter(bone[::4, ::4], 7.0 / (4 * grid.pixel)), 4, order=1)
        halo = _fit(halo, plane.shape)
        blurred += np.float32(0.008) * halo * (blurred > -200)
        noise = ndimage.gaussian_filter(rng.standard_normal(plane.shape, dtype=np.float32), 0.45 / grid.pixel)
        noise -= ndimage.uniform_filter(noise, max(3, round(4.0 / grid.pixel)))
        noise *= np.float32(noise_hu) / noise.std() * profile
        result[index] = np.rint(np.clip(blurred + noise, -1024, 3071))
    return result


def _fit(plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Crop or edge-pad a plane to ``shape``."""
    plane = plane[: shape[0], : shape[1]]
    missing = [(0, size - have) for size, have in zip(shape, plane.shape, strict=True)]
    return np.pad(plane, missing, mode="edge")


def _ellipsoid_axes(rng: np.random.Generator, volume_ml: float, ratios: tuple[float, ...]) -> np.ndarray:
    """Semi-axes (x, y, z) in mm of an ellipsoid of exactly ``volume_ml``."""
    axes = np.array(ratios) * rng.uniform(0.9, 1.1, 3)
    return axes * (volume_ml * 1000.0 / (4.0 / 3.0 * np.pi * axes.prod())) ** (1.0 / 3.0)


def _side(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _deep(rng: np.random.Generator, grid: _Grid, volume_ml: float | None) -> Bleed:
    size = float(np.clip(rng.lognormal(np.log(15.0), 0.5), 4.0, 40.0)) if volume_ml is None else volume_ml
    axes = _ellipsoid_axes(rng, size, (0.8, 1.3, 1.05))
    side = _side(rng)
    center = np.array([side * (27.0 + rng.uniform(-2, 3)), rng.uniform(-4, 8), rng.uniform(0, 7)])
    turn = side * np.radians(rng.uniform(-10, 20))
    return Ellipsoids(
        center[None], axes[None], np.array([turn]), grid.x, grid.y, 4.0, (center, 0.35 * float(axes.mean()))
    )


def _lobar(rng: np.random.Generator, grid: _Grid, volume_ml: float | None) -> Bleed:
    size = float(np.clip(rng.lognormal(np.log(25.0), 0.5), 8.0, 60.0)) if volume_ml is None else volume_ml
    places = ((33.0, -40.0, 24.0), (38.0, 32.0, 28.0), (44.0, 12.0, 6.0), (30.0, 52.0, 16.0))
    place = np.array(places[rng.integers(len(places))]) + rng.uniform(-3, 3, 3)
    center = place * [_side(rng), 1.0, 1.0]
    axes = _ellipsoid_axes(rng, size, (0.9, 1.2, 0.95))
    rough = SmoothField(rng, 32.0, (grid.bottom, grid.top), grid.y, grid.x)
    return Ellipsoids(
        center[None],
        axes[None],
        rng.uniform(-0.6, 0.6, 1),
        grid.x,
        grid.y,
        7.0,
        (center, 0.3 * float(axes.mean())),
        (rough, 0.2 * float(axes.mean())),
    )


def _multifocal(rng: np.random.Generator, grid: _Grid, volume_ml: float | None) -> Bleed:
    size = rng.uniform(9.0, 18.0) if volume_ml is None else volume_ml
    shares = np.array([0.55, 0.45]) if rng.random() < 0.5 else np.array([0.45, 0.3, 0.25])
    axes = np.array([_ellipsoid_axes(rng, size * share, (1.0, 1.2, 0.8)) for share in shares])
    side = _side(rng)
    # Four slice thicknesses apart leave three slices that no focus touches.
    gap = 4.0 * grid.thickness + 1.0
    total = 2 * axes[0, 2] + gap + 2 * axes[1, 2]
    bottom = 18.0 - total / 2 + rng.uniform(-2, 2)
    low_z = bottom + axes[0, 2]
    high_z = bottom + total - axes[1, 2]
    centers = [
        [side * 28.0, rng.uniform(-2, 10), low_z],
        [side * rng.choice([-1.0, 1.0]) * 27.0, rng.uniform(-22, 22), high_z],
    ]
    if len(shares) == 3:
        # Beside the lower focus, in the other hemisphere and no taller.
        axes[2, 2] = min(axes[2, 2], axes[0, 2])
        centers.append([-side * 30.0, rng.uniform(-4, 8), low_z])
    turns = rng.uniform(-0.4, 0.4, len(shares))
    return Ellipsoids(np.array(centers), axes, turns, grid.x, grid.y, 3.5, None)


def _intraventricular(rng: np.random.Generator, grid: _Grid, volume_ml: float | None) -> Bleed:
    return VentricularBlood(rng.uniform(24.0, 34.0), _side(rng), rng.uniform(12.0, 24.0))


def _extraaxial(rng: np.random.Generator, grid: _Grid, volume_ml: float | None) -> Bleed:
    angle = np.radians(rng.uniform(-40, 35))
    center = np.array([64.0 * np.cos(angle) * _side(rng), 80.0 * np.sin(angle), rng.uniform(18, 28)])
    return Crescent(center, rng.uniform(48, 62), rng.uniform(6.0, 9.5))


_KINDS: dict[str, Callable[[np.random.Generator, _Grid, float | None], Bleed]] = {
    "deep": _deep,
    "lobar": _lobar,
    "multifocal": _multifocal,
    "intraventricular": _intraventricular,
    "extraaxial": _extraaxial,
}
KINDS = tuple(_KINDS)
