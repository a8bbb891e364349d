"""What ITK leaves unsaid about a NIfTI file: that its two statements of place disagree.

The qform (a rotation and a position) and the sform (an affine) each say where the voxels lie. Programs
choose differently between them: scribbles drawn by one would land elsewhere for another.
"""

from __future__ import annotations

import gzip
import itertools
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from .validation import MAX_SHEAR

# Of the header of 348 and the one of 540 bytes: dim, pixdim, units of length, codes of qform and sform,
# quaternion, position, rows of the sform.
_FIELDS = {
    348: ((40, "8h"), (76, "8f"), (123, "B"), (252, "2h"), (256, "3f"), (268, "3f"), (280, "12f")),
    540: ((16, "8q"), (104, "8d"), (500, "i"), (344, "2i"), (352, "3d"), (376, "3d"), (400, "12d")),
}
# Place in the scanner, and aligned with another image, which may shear; others may be atlases, which scale.
_SCANNER, _ALIGNED = 1, 2
# Millimeters in the units of length that a header may state, by their code.
_MILLIMETERS = {1: 1000.0, 3: 0.001}
_SAME_SIZE = 0.01
# Quaternions are rounded; so far in mm, or half a voxel where that is more, two places are one.
_SAME_PLACE = 0.25


@dataclass(frozen=True)
class _Places:
    """Codes of qform and sform, and their 4 x 4 (RAS mm), None where it is not stated or not usable."""

    size: np.ndarray
    qcode: int
    scode: int
    qform: np.ndarray | None
    sform: np.ndarray | None

    def apart(self) -> float:
        """How far the two place the corner that they disagree most about, mm."""
        corners = np.array([[*corner, 1.0] for corner in itertools.product(*((0, n - 1) for n in self.size))])
        return float(np.linalg.norm(corners @ (self.qform - self.sform).T, axis=1).max())


def check_places(path: Path, image: sitk.Image) -> list[str]:
    """Compare the two statements of place of a NIfTI file with each other and with ``image``, as it was read.

    ITK reads one of them, and of a sheared one nothing at all.

    Returns
    -------
    A warning where the sform is of another space, as after a registration, and lies elsewhere.

    Raises
    ------
    InputFileError
        If they give other volumes, other places in the scanner or another left and right, or the sform
        is sheared.
    """
    places = _places(path)
    if places is None or image.GetDimension() < 3 or places.sform is None:
        return []
    sform, qform = places.sform, places.qform
    sizes = np.linalg.norm(sform[:3, :3], axis=0)
    own = places.scode in (_SCANNER, _ALIGNED) or qform is None
    spacing = np.array(image.GetSpacing()[:3])
    if own and not np.allclose(sizes, spacing, rtol=_SAME_SIZE, atol=0):
        raise InputFileError(
            f"'{path}' gives two voxel sizes, {_mm(spacing)} and {_mm(sizes)}: its volumes cannot be known. "
            "Convert the DICOM series again, or name its folder."
        )
    axes = sform[:3, :3] / sizes
    if places.scode == _SCANNER and np.abs(axes.T @ axes - np.eye(3)).max() > MAX_SHEAR:
        raise InputFileError(
            f"The slices of '{path}' are sheared, as of a tilted gantry, and volumes would come out wrong. "
            "Name the DICOM folder, which can be read as it is."
        )
    if qform is None or (apart := places.apart()) <= max(_SAME_PLACE, 0.5 * float(sizes.min())):
        return []
    both = f"its qform says {_words(qform)}, its sform {_words(sform)}"
    if np.linalg.det(qform[:3, :3]) * np.linalg.det(sform[:3, :3]) < 0:
        raise InputFileError(
            f"'{path}' contradicts itself about left and right: {both}. "
            "Convert the DICOM series again, or name its folder."
        )
    if places.qcode == places.scode:
        raise InputFileError(
            f"'{path}' gives two places, up to {apart:.1f} mm apart: {both}. Scribbles might land beside "
            "theirs. Convert the DICOM series again, or set both alike."
        )
    warning = (
        f"The file gives two places, up to {apart:.1f} mm apart: {both}. Programs choose differently between "
        "them: check that scribbles lie where they were drawn."
    )
    return [warning]


def _places(path: Path) -> _Places | None:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            header = file.read(max(_FIELDS))
    except (OSError, EOFError):
        return None
    for order in "<>":
        size = struct.unpack_from(f"{order}i", header)[0] if len(header) >= 4 else 0
        if size in _FIELDS and len(header) >= size:
            break
    else:
        return None
    dim, pixdim, (units,), (qcode, scode), quaternion, position, rows = (
        np.array(struct.unpack_from(f"{order}{kind}", header, at)) for at, kind in _FIELDS[size]
    )
    unit = np.array([_MILLIMETERS.get(int(units) & 7, 1.0)] * 3 + [1.0])[:, np.newaxis]
    qform, sform = np.eye(4), np.eye(4)
    # The sign of the first number says whether the third axis is turned around.
    handed = np.array([1.0, 1.0, -1.0 if pixdim[0] < 0 else 1.0])
    qform[:3, :3] = _rotation(quaternion) * np.abs(pixdim[1:4]) * handed
    qform[:3, 3] = position
    sform[:3] = rows.reshape(3, 4)
    return _Places(
        dim[1:4],
        int(qcode),
        int(scode),
        _usable(unit * qform) if qcode > 0 else None,
        _usable(unit * sform) if scode > 0 else None,
    )


def _usable(affine: np.ndarray) -> np.ndarray | None:
    return affine if np.isfinite(affine).all() and np.linalg.det(affine[:3, :3]) else None


def _rotation(quaternion: np.ndarray) -> np.ndarray:
    b, c, d = quaternion.astype(float)
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )


def _words(affine: np.ndarray) -> str:
    """Where the axes run and the first voxel lies, as in "L P S, from -12, -7, 40 mm"."""
    letters = (("L", "R"), ("P", "A"), ("I", "S"))
    parts = []
    for column in affine[:3, :3].T:
        axis = int(np.abs(column).argmax())
        away = np.degrees(np.arccos(min(1.0, abs(column[axis]) / np.linalg.norm(column))))
        parts.append(letters[axis][int(column[axis] > 0)] + (f" ({away:.0f}°)" if away >= 0.5 else ""))
    return f"{' '.join(parts)} from {', '.join(f'{value:.1f}' for value in affine[:3, 3])} mm"


def _mm(size: np.ndarray) -> str:
    return " x ".join(f"{value:.3g}" for value in size) + " mm"
