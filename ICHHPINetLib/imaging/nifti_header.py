"""What the header of a NIfTI file says, and what ITK leaves unsaid: that its two places disagree.

The qform (a rotation and a position) and the sform (an affine) each say where the voxels lie. Programs
choose differently between them: scribbles drawn by one would land elsewhere for another. ITK's metadata
do not tell the handedness of the qform, nor anything of a file that it refuses.
"""

from __future__ import annotations

import gzip
import io
import itertools
import struct
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from ..words import tr as _
from .acquisition import is_sheared
from .acquisition_words import sheared_file, two_sizes

NIFTI_ENDINGS = (".nii", ".nii.gz")
LONGEST_HEADER = 540
# Where the fields of a header of so many bytes stand, and their formats.
_FIELDS = {
    348: {
        "dim": (40, "8h"), "type": (70, "2h"), "pixdim": (76, "8f"), "offset": (108, "f"),
        "units": (123, "B"), "codes": (252, "2h"), "quaternion": (256, "3f"), "position": (268, "3f"),
        "rows": (280, "12f"), "magic": (344, "4s"),
    },
    540: {
        "dim": (16, "8q"), "type": (12, "2h"), "pixdim": (104, "8d"), "offset": (168, "q"),
        "units": (500, "i"), "codes": (344, "2i"), "quaternion": (352, "3d"), "position": (376, "3d"),
        "rows": (400, "12d"), "magic": (4, "4s"),
    },
}  # fmt: skip
# Of one file together with its voxels, and the least place where these begin.
_MAGIC, _LEAST_OFFSET = {348: b"n+1\0", 540: b"n+2\0"}, {348: 352, 540: 544}
# Place in the scanner, and aligned with another image, which may shear; others may be atlases, which scale.
_SCANNER, _ALIGNED = 1, 2
# Millimeters in the units of length that a header may state, by their code.
_MILLIMETERS = {1: 1000.0, 3: 0.001}
_SAME_SIZE = 0.01
# Quaternions are rounded; so far in mm, or half a voxel where that is more, two places are one.
_SAME_PLACE = 0.25


class NiftiHeader:
    """The header that ``content`` begins with; ValueError where it begins with none.

    ``order`` is "<" or ">"; ``datatype`` and ``bits`` are of a voxel, ``offset`` is where the voxels begin.
    """

    def __init__(self, content: bytes) -> None:
        sizes = {order: struct.unpack_from(f"{order}i", content)[0] for order in "<>"} if content[3:] else {}
        self.order = next((order for order, size in sizes.items() if size in _FIELDS), "")
        if not self.order or len(content) < sizes[self.order]:
            raise ValueError(_("it does not begin as a NIfTI file does"))
        self._content, self._size = content, sizes[self.order]
        self.dim: tuple[int, ...] = self._values("dim")
        self.datatype, self.bits = self._values("type")
        (self.offset,) = self._values("offset")

    @property
    def is_of_one_part(self) -> bool:
        """Whether the voxels are in the same file."""
        return self._values("magic") == (_MAGIC[self._size],)

    @property
    def least_offset(self) -> int:
        return _LEAST_OFFSET[self._size]

    @property
    def codes(self) -> tuple[int, int]:
        """Of qform and sform: what their places are in; 0 where they are not stated."""
        return self._values("codes")

    @cached_property
    def qform(self) -> np.ndarray | None:
        """4 x 4 to RAS mm; None where it is not stated or not usable."""
        pixdim, affine = np.array(self._values("pixdim")), np.eye(4)
        # The sign of the first number says whether the third axis is turned around.
        handed = np.array([1.0, 1.0, -1.0 if pixdim[0] < 0 else 1.0])
        affine[:3, :3] = _rotation(np.array(self._values("quaternion"))) * np.abs(pixdim[1:4]) * handed
        affine[:3, 3] = self._values("position")
        return self._in_mm(affine) if self.codes[0] > 0 else None

    @cached_property
    def sform(self) -> np.ndarray | None:
        """As ``qform``."""
        affine = np.array([*self._values("rows"), 0.0, 0.0, 0.0, 1.0]).reshape(4, 4)
        return self._in_mm(affine) if self.codes[1] > 0 else None

    def apart(self, one: np.ndarray, other: np.ndarray) -> float:
        """How far two places, 4 x 4 to RAS mm, lie apart at the corner that they disagree most about, mm."""
        ends = ((0, size - 1) for size in self.dim[1:4])
        corners = np.array([[*corner, 1.0] for corner in itertools.product(*ends)])
        return float(np.linalg.norm(corners @ (one - other).T, axis=1).max())

    def _values(self, name: str) -> tuple[Any, ...]:
        at, kind = _FIELDS[self._size][name]
        return struct.unpack_from(f"{self.order}{kind}", self._content, at)

    def _in_mm(self, affine: np.ndarray) -> np.ndarray | None:
        (units,) = self._values("units")
        affine[:3] *= _MILLIMETERS.get(units & 7, 1.0)
        return affine if np.isfinite(affine).all() and np.linalg.det(affine[:3, :3]) else None


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
    with open_nifti(path) as file:
        header = NiftiHeader(file.read(LONGEST_HEADER))
    sform, qform = header.sform, header.qform
    if image.GetDimension() < 3 or sform is None:
        return []
    sizes = np.linalg.norm(sform[:3, :3], axis=0)
    qcode, scode = header.codes
    own = scode in (_SCANNER, _ALIGNED) or qform is None
    spacing = np.array(image.GetSpacing()[:3])
    if own and not np.allclose(sizes, spacing, rtol=_SAME_SIZE, atol=0):
        raise InputFileError(two_sizes(path=path, one=_mm(spacing), other=_mm(sizes)))
    if scode == _SCANNER and is_sheared(sform[:3, :3] / sizes):
        raise InputFileError(sheared_file(path=path))
    if qform is None or (apart := header.apart(qform, sform)) <= max(_SAME_PLACE, 0.5 * float(sizes.min())):
        return []
    both = _("its qform says {qform}, its sform {sform}").format(qform=_words(qform), sform=_words(sform))
    if np.linalg.det(qform[:3, :3]) * np.linalg.det(sform[:3, :3]) < 0:
        raise InputFileError(
            _(
                "'{path}' contradicts itself about left and right: {both}. Convert the DICOM series "
                "again, or name its folder."
            ).format(path=path, both=both)
        )
    if qcode == scode:
        raise InputFileError(
            _(
                "'{path}' gives two places, up to {apart:.1f} mm apart: {both}. Scribbles might land "
                "beside theirs. Convert the DICOM series again, or set both alike."
            ).format(path=path, apart=apart, both=both)
        )
    warning = _(
        "The file gives two places, up to {apart:.1f} mm apart: {both}. Programs choose "
        "differently between them: check that scribbles lie where they were drawn."
    ).format(apart=apart, both=both)
    return [warning]


def open_nifti(path: Path) -> io.BufferedIOBase:
    """The file, unpacked where its name says that it is packed."""
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")


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
    return _("{axes} from {place} mm").format(
        axes=" ".join(parts), place=", ".join(f"{value:.1f}" for value in affine[:3, 3])
    )


def _mm(size: np.ndarray) -> str:
    return " x ".join(f"{value:.3g}" for value in size) + " mm"
