"""Axial order for volumes stored in any of the 48 ways, and the exact way back.

Nothing is interpolated: axes are exchanged and flipped so that they point as nearly as
they can along the patient's own. An oblique volume stays as oblique as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from ..errors import InvalidVolumeError
from ..words import tr as _

# ITK's physical axes are LPS; canonical array axes run to S, P and L.
_CANONICAL_ROWS = (2, 1, 0)


@dataclass(frozen=True)
class Reorientation:
    """Exchanges and flips between stored and canonical order.

    ``axes[i]`` is the stored axis that becomes canonical axis i, ``flips[i]`` whether it
    is reversed on the way.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def apply(self, array: np.ndarray) -> np.ndarray:
        """View of a stored-order array (Z, Y, X) in canonical order."""
        return array.transpose(self.axes)[self._steps]

    def undo(self, array: np.ndarray) -> np.ndarray:
        """View of a canonical-order array in stored order; exact inverse of ``apply``."""
        return array[self._steps].transpose(np.argsort(self.axes))

    def stored_index(self, index: Sequence[int], shape: Sequence[int]) -> tuple[int, int, int]:
        """Place (z, y, x) in stored order of a voxel in canonical order; ``shape`` is in canonical order."""
        stored = [0, 0, 0]
        for axis, flip, at, length in zip(self.axes, self.flips, index, shape, strict=True):
            stored[axis] = length - 1 - at if flip else at
        return stored[0], stored[1], stored[2]

    def places(self, stored: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """Places (N, 3) in canonical order of voxels (z, y, x) in stored order, which ``shape`` is in."""
        return np.stack(
            [
                shape[axis] - 1 - stored[:, axis] if flip else stored[:, axis]
                for axis, flip in zip(self.axes, self.flips, strict=True)
            ],
            axis=1,
        )

    def stored_places(self, places: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """Exact inverse of ``places``; ``shape`` is in canonical order."""
        stored = np.empty_like(places)
        for place, axis, flip, length in zip(places.T, self.axes, self.flips, shape, strict=True):
            stored[:, axis] = length - 1 - place if flip else place
        return stored

    def spacing(self, spacing: Sequence[float]) -> tuple[float, float, float]:
        """Spacing mm of the stored axes, in canonical order."""
        first, second, third = (float(spacing[axis]) for axis in self.axes)
        return first, second, third

    @property
    def _steps(self) -> tuple[slice, slice, slice]:
        first, second, third = (slice(None, None, -1 if flip else 1) for flip in self.flips)
        return first, second, third


def to_canonical(array: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, Reorientation]:
    """Bring a volume into axial order: feet to head, front to back, patient's right to left.

    Parameters
    ----------
    array: (Z, Y, X) as stored, that is, axis 2 runs along the first column of ``direction``.
    direction: 3 x 3, in its columns the LPS directions of the index axes i, j, k (ITK).

    Returns
    -------
    A view of the array in canonical order, the same order as ITK's "LPS" orientation,
    and the ``Reorientation`` that was applied.

    Raises
    ------
    InvalidVolumeError
        If the array is not three-dimensional or the directions do not span space.
    """
    array = np.asanyarray(array)
    matrix = np.asarray(direction, dtype=float)
    if array.ndim != 3:
        raise InvalidVolumeError(
            _("The volume has {dimensions} dimensions; pass an array (Z, Y, X).").format(
                dimensions=array.ndim
            )
        )
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-3:
        raise InvalidVolumeError(
            _("The direction matrix {matrix} does not span space; check the file's geometry.").format(
                matrix=matrix.tolist()
            )
        )
    # Rows: canonical axes S, P, L. Columns: array axes 0, 1, 2, which are k, j, i.
    aligned = (matrix / np.linalg.norm(matrix, axis=0))[_CANONICAL_ROWS, ::-1]
    axes = max(permutations(range(3), 3), key=lambda order: np.abs(aligned[range(3), order]).sum())
    first, second, third = (bool(aligned[row, axis] < 0) for row, axis in enumerate(axes))
    reorientation = Reorientation(axes, (first, second, third))
    return reorientation.apply(array), reorientation
