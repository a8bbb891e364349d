"""One slice with the outline of the mask, as a picture that stands for itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..imaging.ct import CT
from ..measurement.finding import Finding
from .drawing import DISCLAIMER, plain_text

_WINDOW_HU = (0.0, 80.0)
_OUTLINE, _INK, _PAGE = "#ff9d6b", "#f2f2f0", "#000000"
_INCHES, _DOTS, _FOOT = 8.0, 100, 0.75


def slice_with_most(mask: np.ndarray) -> int:
    """Slice of a mask (Z, Y, X) with most marked voxels; the middle one where nothing is marked."""
    areas = np.count_nonzero(mask, axis=(1, 2))
    return int(areas.argmax()) if areas.any() else len(mask) // 2


def key_image_of(ct: CT, finding: Finding) -> tuple[int, np.ndarray]:
    """The slice with most marked blood, and its picture as :func:`key_image` draws it."""
    index = slice_with_most(finding.mask)
    return index, key_image(ct.hu[index], finding.mask[index], ct.spacing[1:], finding.headline)


@plain_text()
def key_image(plane: np.ndarray, mask: np.ndarray, spacing: Sequence[float], caption: str) -> np.ndarray:
    """RGB uint8 (rows, columns, 3): HU (Y, X) in the brain window, the mask's outline, caption, disclaimer.

    ``spacing`` is mm (y, x); rows run to the back, columns to the patient's left. MissingPackageError
    without matplotlib.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size_mm = np.array(plane.shape) * spacing
    height = float(np.clip(_INCHES * size_mm[0] / size_mm[1], 0.25 * _INCHES, 4 * _INCHES))
    figure = Figure(figsize=(_INCHES, height + _FOOT), facecolor=_PAGE, dpi=_DOTS)
    canvas = FigureCanvasAgg(figure)
    foot = _FOOT / (height + _FOOT)
    axes = figure.add_axes((0, foot, 1, 1 - foot))
    low, high = _WINDOW_HU
    axes.imshow(plane, cmap="gray", vmin=low, vmax=high, aspect="auto", interpolation="bilinear")
    if mask.any():
        axes.contour(mask, levels=[0.5], colors=[_OUTLINE], linewidths=1.3)
    axes.set_axis_off()
    for x, y, letter in ((0.02, 0.5, "R"), (0.98, 0.5, "L"), (0.5, 0.98, "A"), (0.5, 0.02, "P")):
        axes.text(x, y, letter, transform=axes.transAxes, color=_INK, fontsize=11, ha="center", va="center")
    figure.text(0.02, 0.66 * foot, caption, color=_INK, fontsize=15, weight="bold", va="center")
    figure.text(0.02, 0.25 * foot, DISCLAIMER, color=_INK, fontsize=11, va="center")
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()
