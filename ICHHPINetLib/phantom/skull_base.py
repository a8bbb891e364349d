"""What lies below the brain: fossa floors, petrous bones, orbits and air cells.

Dense bone beside air and fat is what makes low slices hard, so that it is here; it is
simplified and paired (right and left alike).
"""

from __future__ import annotations

import numpy as np

from .fields import blend, box_of, capsule_distance, coverage, ellipsoid_distance, paint_near

_FAT, _SOFT, _AIR = -90.0, 45.0, -980.0


def paint_skull_base(
    hu: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, inner: np.ndarray, fine: np.ndarray
) -> None:
    """Paint the base into a plane of HU, in place; planes (Y, X), coordinates in mm.

    ``inner`` is the distance to the inner skull, ``fine`` a smooth random field of SD 1.
    """
    if z.min() > -8:
        return
    side = np.abs(x)
    head = coverage(inner - 3.0, 1.0)
    _face(hu, side, y, z, head, fine)
    box = box_of((side > 4) & (y > -16) & (y < 50) & (z > -68) & (z < -24))
    if box[0].stop:
        petrous = capsule_distance(
            side[box], y[box], z[box], (60.0, 28.0, -46.0, 10.0), (14.0, 2.0, -42.0, 4.5)
        )
        blend(hu[box], coverage(petrous, 1.5), 1100.0 + 150.0 * fine[box])
        cells = ellipsoid_distance(side[box] - 60.0, y[box] - 28.0, z[box] + 50.0, (8.0, 12.0, 14.0))
        blend(hu[box], coverage(np.maximum(cells, -4.0 * fine[box]), 1.0), -700.0)
    _orbits(hu, side, y, z, fine)
    sinuses = (
        ((6.0, -52.0, -48.0), (5.0, 19.0, 14.0)),
        ((7.0, -22.0, -53.0), (6.5, 10.0, 9.0)),
        ((9.0, -81.0, -24.0), (7.0, 2.5, 8.0)),
    )
    for center, axes in sinuses:
        paint_near(hu, side, y, z, center, axes, 700.0, grow=1.0)
        paint_near(hu, side, y, z, center, axes, _AIR)


def _face(
    hu: np.ndarray, side: np.ndarray, y: np.ndarray, z: np.ndarray, head: np.ndarray, fine: np.ndarray
) -> None:
    """A thin uneven floor of bone with muscle and fat below it."""
    frontal = coverage(y + 40.0 + 0.2 * side, 14.0)
    middle = coverage(y - 8.0 - 0.25 * side, 14.0) * (1.0 - frontal)
    # Orbital roofs bulge upwards beside the low middle; the temporal fossae sag.
    roofs = -26.0 - 0.022 * (side - 30.0) ** 2 - 0.25 * (y + 60.0)
    fossae = -60.0 + 0.018 * (side - 38.0) ** 2
    floor = -95.0 + (95.0 + roofs) * frontal + (95.0 + fossae) * middle
    beneath = z - floor - 1.2 * fine
    face = head * coverage(beneath, 1.5)
    fat = 0.75 * coverage(0.9 - fine, 1.2)
    blend(hu, face, _SOFT + (_FAT - _SOFT) * fat)
    blend(hu, face * coverage(-beneath - 3.5, 1.5), 850.0 + 150.0 * fine)


def _orbits(hu: np.ndarray, side: np.ndarray, y: np.ndarray, z: np.ndarray, fine: np.ndarray) -> None:
    center, axes = (30.0, -54.0, -47.0), (17.0, 24.0, 16.0)
    paint_near(hu, side, y, z, center, axes, 900.0 + 100.0 * fine, grow=2.0)
    paint_near(hu, side, y, z, center, axes, _FAT + 6.0 * fine)
    globe, ball = (31.0, -65.0, -47.0), (11.5, 11.5, 11.5)
    paint_near(hu, side, y, z, globe, ball, 45.0, grow=0.8)
    paint_near(hu, side, y, z, globe, ball, 12.0)
    paint_near(hu, side, y, z, (31.0, -72.5, -47.0), (4.5, 2.0, 4.5), 75.0)
    box = box_of((side < 34) & (y > -60) & (y < -30) & (z > -54) & (z < -36))
    if box[0].stop:
        nerve = capsule_distance(
            side[box], y[box], z[box], (30.0, -55.0, -47.0, 1.8), (9.0, -34.0, -43.0, 1.8)
        )
        blend(hu[box], coverage(nerve, 0.8), 35.0)
