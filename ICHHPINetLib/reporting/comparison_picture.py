"""Two CTs of one patient side by side, outlines and volumes, on one page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from ..imaging.ct import CT
from ..imaging.registration import Alignment, hu_image, mask_image
from ..measurement.comparison import Comparison, Side
from .drawing import (
    DISCLAIMER,
    DOUBT,
    FAINT,
    INK,
    MASK,
    MASK_EDGE,
    PAGE,
    TRUTH,
    fill,
    head_box,
    new_figure,
    orientation_letters,
    outline,
    plain_text,
    png,
    show_ct,
)

_ROWS = 4
_AIR_HU = -1000.0
_CELL, _CHART, _LINE, _LEAST_HEIGHT = 2.4, 3.6, 0.19, 5.0


@plain_text()
def comparison_picture(
    comparison: Comparison,
    cts: tuple[CT, CT],
    masks: tuple[np.ndarray, np.ndarray],
    alignment: Alignment,
    title: str,
    warnings: Sequence[str] = (),
) -> bytes:
    """Draw the page.

    Parameters
    ----------
    comparison: the numbers.
    cts, masks: baseline and follow-up, masks (Z, Y, X) on the voxels of their CT.
    alignment: of the two; where it has no transform, each CT is shown in slices of its own, and that is said.
    title: of the page.
    warnings: what is to be known of the two, below the pictures.

    Returns
    -------
    The picture as PNG. Raises MissingPackageError without matplotlib.
    """
    volumes, marks, spacings, rows = side_by_side(cts, masks, alignment)
    registered = alignment.transform is not None
    boxes = [head_box(volume, spacing) for volume, spacing in zip(volumes, spacings, strict=True)]
    if registered:
        # One frame for both, so that what lies beside each other is the same place.
        boxes = [_around(*boxes)] * 2
    height = max(_extent(box[0], spacing[1]) / _extent(box[1], spacing[2]) for box, spacing in
                 zip(boxes, spacings, strict=True))  # fmt: skip
    words = _words([*comparison.statements, *warnings], alignment)
    size = (
        4 * _CELL + _CHART + 0.9,
        max(len(rows) * _CELL * height, _LEAST_HEIGHT) + 1.55 + _LINE * len(words),
    )
    figure = new_figure(size)
    below = 0.62 + _LINE * len(words)
    grid = figure.add_gridspec(
        len(rows),
        5,
        width_ratios=[_CELL] * 4 + [_CHART],
        left=0.55 / size[0],
        right=1 - 0.3 / size[0],
        bottom=below / size[1],
        top=1 - 1.05 / size[1],
        wspace=0.03,
        hspace=0.03,
    )
    for row, indices in enumerate(rows):
        axes = [figure.add_subplot(grid[row, column]) for column in range(4)]
        for number, index in enumerate(indices):
            box, mask = boxes[number], marks[number][index]
            for ax in axes[2 * number : 2 * number + 2]:
                show_ct(ax, volumes[number][index][box], spacings[number])
            shown = axes[2 * number + 1]
            fill(shown, mask[box], MASK, 0.4)
            outline(shown, mask[box], MASK_EDGE, 1.1)
            if number and registered:
                outline(shown, marks[0][index][box], TRUTH, 1.2)
        axes[0].set_ylabel(f"slice {indices[0]}", color=FAINT, fontsize=9)
        if not registered:
            label = f"slice {indices[1]}"
            axes[2].text(0.03, 0.03, label, transform=axes[2].transAxes, color=DOUBT, fontsize=9)
        if row == 0:
            for number, (name, side) in enumerate(_sides(comparison)):
                _headings(axes[2 * number : 2 * number + 2], name, side)
            orientation_letters(axes[0])
            orientation_letters(axes[2])
    _chart(figure, grid[:, 4].get_position(figure), comparison)
    left = 0.55 / size[0]
    figure.text(left, 1 - 0.2 / size[1], title, color=INK, fontsize=14, weight="bold", va="top")
    figure.text(
        1 - 0.3 / size[0], 1 - 0.24 / size[1], DISCLAIMER, color=FAINT, fontsize=10, ha="right", va="top"
    )
    for number, line in enumerate(words):
        y = (below - 0.14 - _LINE * (number + 1)) / size[1]
        figure.text(left, y, line, color=INK, fontsize=9.5)
    _legend(figure, registered, left, 0.22 / size[1])
    return png(figure)


def side_by_side(
    cts: tuple[CT, CT], masks: tuple[np.ndarray, np.ndarray], alignment: Alignment
) -> tuple[list[np.ndarray], list[np.ndarray], list[tuple[float, float, float]], list[tuple[int, int]]]:
    """HU and marks (Z, Y, X) of both, spacings, and the slice of each in every row, head to feet."""
    baseline, followup = cts
    one, other = (np.asarray(mask) != 0 for mask in masks)
    if alignment.transform is None:
        rows = list(zip(_spread(one), _spread(other), strict=False))
        return [baseline.hu, followup.hu], [one, other], [baseline.spacing, followup.spacing], rows
    target, transform = hu_image(baseline), alignment.transform
    moved = sitk.Resample(hu_image(followup), target, transform, sitk.sitkLinear, _AIR_HU)
    marked = sitk.Resample(mask_image(other, followup), target, transform, sitk.sitkNearestNeighbor, 0)
    hu, other = sitk.GetArrayFromImage(moved), sitk.GetArrayFromImage(marked) != 0
    rows = [(index, index) for index in dict.fromkeys(_spread(one | other))]
    return [baseline.hu, hu], [one, other], [baseline.spacing] * 2, rows


def _spread(mask: np.ndarray) -> list[int]:
    """Slices spread over what is marked, head to feet, with those around it where it is low."""
    bleeding = np.flatnonzero(mask.any(axis=(1, 2)))
    low, high = (int(bleeding[0]), int(bleeding[-1])) if bleeding.size else (len(mask) // 2,) * 2
    if high - low + 1 > _ROWS:
        # The outermost ones show little more than a tip.
        places = np.linspace(0, len(bleeding) - 1, _ROWS + 2)[1:-1]
        return sorted((int(bleeding[round(place)]) for place in places), reverse=True)
    first = max(0, min(low - (_ROWS - (high - low + 1)) // 2, len(mask) - _ROWS))
    return list(range(min(first + _ROWS, len(mask)) - 1, first - 1, -1))


def _around(one: tuple[slice, slice], other: tuple[slice, slice]) -> tuple[slice, slice]:
    first, second = (
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return first, second


def _extent(part: slice, step: float) -> float:
    return (part.stop - part.start) * step


def _sides(comparison: Comparison) -> tuple[tuple[str, Side], tuple[str, Side]]:
    return ("Baseline", comparison.baseline), ("Follow-up", comparison.followup)


def _headings(axes, name: str, side: Side) -> None:
    interval = ""
    if side.interval_ml:
        interval = f" (likely {side.interval_ml[0]:.1f} to {side.interval_ml[1]:.1f})"
    axes[0].set_title(f"{name}\n{side.acquisition.when or 'time not known'}", color=INK, fontsize=10.5)
    what = "first guess, unchecked" if side.is_guess else "hematoma"
    axes[1].set_title(f"{name} {what}\n{side.volume_ml:.1f} mL{interval}", color=INK, fontsize=10.5)


def _chart(figure, place, comparison: Comparison) -> None:
    """Both volumes with their intervals; below, the difference and the definitions that are met."""
    x0, width = place.x0 + 0.12 * place.width, 0.86 * place.width
    ax = figure.add_axes([x0, place.y0 + 0.5 * place.height, width * 0.9, 0.5 * place.height])
    volumes = [side.volume_ml for _, side in _sides(comparison)]
    highest = [side.interval_ml[1] for _, side in _sides(comparison) if side.interval_ml]
    top = max([*volumes, *highest, 1.0]) * 1.15
    ax.bar([0, 1], volumes, width=0.55, color=MASK, edgecolor=MASK_EDGE, linewidth=1.0)
    for number, (_, side) in enumerate(_sides(comparison)):
        if side.interval_ml:
            ax.plot([number + 0.2] * 2, side.interval_ml, color=DOUBT, linewidth=1.4)
        inside = side.volume_ml > 0.15 * top
        ax.text(
            number - 0.05,
            side.volume_ml - 0.02 * top if inside else side.volume_ml + 0.02 * top,
            f"{side.volume_ml:.1f}",
            color=INK,
            fontsize=11,
            ha="center",
            va="top" if inside else "bottom",
        )
    ax.set_facecolor(PAGE)
    ax.set_xticks([0, 1], [name for name, _ in _sides(comparison)])
    ax.set_xlim(-0.5, 1.5)
    ax.set_ylim(0, top)
    ax.set_title("Volume (mL)", color=INK, fontsize=11)
    ax.tick_params(colors=FAINT, labelsize=9, length=0)
    ax.yaxis.tick_right()
    for name, spine in ax.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(FAINT)
    percent = "" if comparison.difference_percent is None else f" ({comparison.difference_percent:+.0f} %)"
    lines = [f"{comparison.difference_ml:+.1f} mL{percent}"]
    if comparison.between:
        lines.append(f"{comparison.between} apart")
    inch = 1 / figure.get_figheight()
    below = place.y0 + 0.5 * place.height - 0.5 * inch
    figure.text(x0, below, "\n".join(lines), color=INK, fontsize=12.5, weight="bold", va="top")
    text = "\n".join(f"{one.words}:\n    {one.answer}" for one in comparison.definitions)
    text = f"Definitions of hematoma expansion:\n{text}"
    figure.text(x0, below - 0.65 * inch, text, color=INK, fontsize=9.5, va="top", linespacing=1.45)


def _words(sentences: Sequence[str], alignment: Alignment) -> list[str]:
    """What stands below the pictures, in lines."""
    if alignment.transform is None:
        place = "They are shown unregistered: slices beside each other are not the same place."
    else:
        place = (
            f"The follow-up is shown as the head lay on the baseline (turned by {alignment.turn_degrees:.1f}°"
            f", moved by {alignment.shift_mm:.1f} mm); volumes are those of the CTs as they are."
        )
    return [line for one in (*sentences, place) for line in textwrap.wrap(one, 165, subsequent_indent="   ")]


def _legend(figure, registered: bool, left: float, bottom: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=MASK, edgecolor=MASK_EDGE, label="hematoma")]
    if registered:
        handles.append(Line2D([], [], color=TRUTH, linewidth=1.5, label="outline on the baseline"))
    figure.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(left, bottom),
        ncols=len(handles),
        frameon=False,
        labelcolor=INK,
        fontsize=10,
        borderpad=0,
        handlelength=1.4,
    )
