"""The grid on which the network works, and the way there and back.

The network sees slices of about 0.9 mm pixels, 3 to 6 mm apart, cropped to the head:
what it was trained on, whatever the scanner made. All resampling of the round happens
here; masks and scribbles cross it without losing a single scribbled voxel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

PIXEL_MM = 0.9
SLICE_MM = 4.0
MULTIPLE = 16
_HEAD_MARGIN_MM = 5.0
_BLOCK = 8


def _resize(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resamples (Z, Y, X) in plane to ``size``; averages where it shrinks."""
    import torch
    import torch.nn.functional as F

    if array.shape[1:] == size:
        return array.astype(np.float32)
    tensor = torch.from_numpy(np.ascontiguousarray(array, np.float32)).unsqueeze(1)
    return F.interpolate(tensor, size=size, mode="bilinear", antialias=True).squeeze(1).numpy()


def head_box(volume: np.ndarray, spacing: tuple[float, float, float]) -> tuple[slice, slice]:
    """In-plane bounding box (rows, columns) of everything denser than fat, with a margin.

    ``volume`` is HU (Z, Y, X), ``spacing`` mm (z, y, x). The whole plane where nothing stands out.
    """
    dense = volume > 0
    box = []
    for axis, step in ((1, spacing[1]), (2, spacing[2])):
        profile = dense.mean(axis=(0, 3 - axis))
        inside = np.flatnonzero(profile > 0.01)
        if inside.size == 0:
            return slice(0, volume.shape[1]), slice(0, volume.shape[2])
        margin = int(np.ceil(_HEAD_MARGIN_MM / step))
        box.append(slice(max(0, inside[0] - margin), min(volume.shape[axis], inside[-1] + 1 + margin)))
    return box[0], box[1]


@dataclass(frozen=True)
class WorkingGrid:
    """Mapping between a CT of ``shape`` (Z, Y, X) and the network's grid.

    Attributes
    ----------
    shape: of the CT.
    rows, columns: the part of the plane that is kept.
    group: slices of the CT averaged into one working slice.
    size: in-plane size of the kept part on the working grid, before padding.
    """

    shape: tuple[int, int, int]
    rows: slice
    columns: slice
    group: int
    size: tuple[int, int]

    @classmethod
    def fit(cls, volume: np.ndarray, spacing: tuple[float, float, float]) -> WorkingGrid:
        """Grid for ``volume`` (HU, Z, Y, X) with ``spacing`` in mm (z, y, x)."""
        rows, columns = head_box(volume, spacing)
        size = tuple(
            max(MULTIPLE, round((part.stop - part.start) * step / PIXEL_MM))
            for part, step in ((rows, spacing[1]), (columns, spacing[2]))
        )
        return cls(volume.shape, rows, columns, max(1, round(SLICE_MM / spacing[0])), size)

    @property
    def depth(self) -> int:
        """Number of working slices."""
        return -(-self.shape[0] // self.group)

    @property
    def padded(self) -> tuple[int, int, int]:
        """Shape (Z, Y, X) of arrays on the working grid."""
        height, width = (-(-n // MULTIPLE) * MULTIPLE for n in self.size)
        return self.depth, height, width

    def pixel_mm2(self, spacing: tuple[float, float, float]) -> float:
        """Area of a working pixel, where the CT has ``spacing`` in mm (z, y, x)."""
        height, width = self._crop_size
        return height * spacing[1] / self.size[0] * width * spacing[2] / self.size[1]

    def source_slices(self, index: int) -> range:
        """Slices of the CT that make up working slice ``index``."""
        return range(index * self.group, min((index + 1) * self.group, self.shape[0]))

    def on_working_grid(self, array: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """Averages an array (Z, Y, X) of the CT's grid down to the working grid, float32."""
        cropped = array[:, self.rows, self.columns]
        if self.group > 1:
            starts = np.arange(0, self.shape[0], self.group)
            counts = np.diff(np.append(starts, self.shape[0]))
            sums = np.add.reduceat(cropped.astype(np.float32), starts, axis=0)
            cropped = sums / counts[:, None, None].astype(np.float32)
        low = _resize(cropped, self.size)
        out = np.full(self.padded, fill, np.float32)
        out[:, : self.size[0], : self.size[1]] = low
        return out

    def scribbles_on_working_grid(self, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
        """Bool scribbles, (Z, Y, X) each, on the working grid: (Z, 2, Y, X); one voxel stays a voxel."""
        depth, *plane_size = self.padded
        out = np.zeros((depth, 2, *plane_size), bool)
        height, width = self._crop_size
        for channel, marked in enumerate((foreground, background)):
            for index in np.flatnonzero(marked.any(axis=(1, 2))):
                y, x = np.nonzero(marked[index, self.rows, self.columns])
                rows = ((y + 0.5) * self.size[0] / height).astype(int)
                columns = ((x + 0.5) * self.size[1] / width).astype(int)
                out[index // self.group, channel, rows, columns] = True
        return out

    def on_ct(self, array: np.ndarray) -> np.ndarray:
        """Interpolates probabilities (Z, Y, X) of the working grid back to the CT's grid, float32."""
        out = np.zeros(self.shape, np.float32)
        for part, block in self._blocks_on_ct(array):
            out[part, self.rows, self.columns] = block
        return out

    def mask_on_ct(self, array: np.ndarray) -> np.ndarray:
        """Where ``on_ct`` gives at least 0.5: uint8 (Z, Y, X), without its array of floats."""
        out = np.zeros(self.shape, np.uint8)
        for part, block in self._blocks_on_ct(array):
            out[part, self.rows, self.columns] = block >= 0.5
        return out

    def _blocks_on_ct(self, array: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Slices of the CT and their cropped planes, in blocks: thin slices need much memory at once."""
        starts = np.arange(0, self.shape[0], self.group)
        # The last group may have fewer slices than the others.
        centers = (starts + np.minimum(starts + self.group, self.shape[0]) - 1) / 2
        position = np.interp(np.arange(self.shape[0]), centers, np.arange(self.depth))
        below = np.floor(position).astype(int)
        above = np.minimum(below + 1, self.depth - 1)
        weight = (position - below).astype(np.float32)[:, None, None]
        for start in range(0, self.shape[0], _BLOCK):
            part = slice(start, start + _BLOCK)
            mixed = array[below[part]] * (1 - weight[part]) + array[above[part]] * weight[part]
            yield part, _resize(mixed[:, : self.size[0], : self.size[1]], self._crop_size)

    def slice_on_ct(self, array: np.ndarray) -> np.ndarray:
        """As ``on_ct``, for one working slice (Y, X) alone: float32 (Y, X)."""
        out = np.zeros(self.shape[1:], np.float32)
        (plane,) = _resize(array[None, : self.size[0], : self.size[1]], self._crop_size)
        out[self.rows, self.columns] = plane
        return out

    @property
    def _crop_size(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
