"""Slices as a network of square images sees them, and its answers as the CT needs them."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from ...imaging.windowing import WINDOWS


def gray(hu: np.ndarray) -> np.ndarray:
    """Gray values 0 to 1 in the brain window, float32, of an array in HU."""
    low, high = WINDOWS[0]
    return np.clip((hu - low) / np.float32(high - low), 0, 1).astype(np.float32, copy=False)


class Square:
    """From slices (Y, X) to square images, filled up at the right and the bottom, and back.

    Parameters
    ----------
    shape: of the slices, (Y, X).
    size: pixels of a side of the image.
    """

    def __init__(self, shape: tuple[int, int], size: int) -> None:
        self.shape, self.size = shape, size
        self.side = max(shape)

    def image(self, slices: np.ndarray) -> torch.Tensor:
        """Float32 (n, 1, size, size) of gray values (n, Y, X)."""
        return self._resized(torch.from_numpy(slices)[:, None], self.size)

    def mask(self, mask: np.ndarray, size: int | None = None) -> torch.Tensor:
        """Float32 (1, 1, size, size) of a bool mask (Y, X): the share of each pixel that it covers."""
        return self._resized(torch.from_numpy(mask.astype(np.float32))[None, None], size or self.size)

    def points(self, points: np.ndarray) -> torch.Tensor:
        """Float32 (n, 2), pixels (x, y) of the image, of pixels (x, y) of the slice."""
        return torch.from_numpy((points + 0.5) * np.float32(self.size / self.side) - 0.5)

    def back(self, logits: torch.Tensor) -> np.ndarray:
        """Float32 (Y, X) of logits (1, 1, h, w) of the image at any resolution."""
        whole = functional.interpolate(
            logits.detach().float(), (self.side, self.side), mode="bilinear", align_corners=False
        )
        return whole[0, 0, : self.shape[0], : self.shape[1]].cpu().numpy()

    def _resized(self, slices: torch.Tensor, size: int) -> torch.Tensor:
        filled = functional.pad(slices, (0, self.side - self.shape[1], 0, self.side - self.shape[0]))
        return functional.interpolate(
            filled, (size, size), mode="bilinear", align_corners=False, antialias=size < self.side
        )
