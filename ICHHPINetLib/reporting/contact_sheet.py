"""The contact sheet: CT, scribbles and mask by round, and the volume beside the truth, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..interaction.doubt import Doubt
from ..interaction.scribbles import Scribbles
from .drawing import (
    BACKGROUND,
    DISCLAIMER,
    DOUBT,
    FAINT,
    FOREGROUND,
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
    show_mask,
)

# As many rounds, and as many slices of each.
_SHOWN = 4


@dataclass(frozen=True)
class RoundPanel:
    """One round on the sheet.

    ``mask`` (Z, Y, X), the scribbles drawn in this round, the volume in mL, the Dice
    coefficient where there is a truth, and what the round is in doubt about, where that is known.
    """

    mask: np.ndarray
    scribbles: Scribbles
    volume_ml: float
    dice: float | None = None
    doubt: Doubt | None = None


@plain_text()
def contact_sheet(
    volume: np.ndarray,
    spacing: tuple[float, float, float],
    rounds: Sequence[RoundPanel],
    title: str,
    *,
    truth: np.ndarray | None = None,
    truth_ml: float | None = None,
    note: str = "",
) -> bytes:
    """Draw the sheet.

    Parameters
    ----------
    volume: HU (Z, Y, X), feet to head, front to back, the patient's right to left.
    spacing: mm (z, y, x).
    rounds: one or more, in order; the last four are drawn as pictures, all of
        them in the chart.
    truth: mask (Z, Y, X), where known; adds a column.
    truth_ml: the true volume in mL, a line in the chart.
    note: what is unusual about the CT, a line below the title.

    Returns
    -------
    The picture as PNG.

    Raises
    ------
    MissingPackageError
        Without matplotlib.
    """
    first = max(0, len(rounds) - _SHOWN)
    shown = list(enumerate(rounds, start=1))[first:]
    slices = representative_slices([panel for _, panel in shown], truth, _SHOWN)
    box = head_box(volume, spacing)
    columns = 1 + len(shown) + (truth is not None)
    height_mm = (box[0].stop - box[0].start) * spacing[1]
    width_mm = (box[1].stop - box[1].start) * spacing[2]
    cell = 2.2
    chart_width = 3.4
    picture_height = cell * height_mm / width_mm
    size = (columns * cell + chart_width + 0.9, len(slices) * picture_height + 1.75)
    figure = new_figure(size)
    grid = figure.add_gridspec(
        len(slices),
        columns + 1,
        width_ratios=[cell] * columns + [chart_width],
        left=0.55 / size[0],
        right=1 - 0.3 / size[0],
        bottom=0.6 / size[1],
        top=1 - 1.12 / size[1],
        wspace=0.03,
        hspace=0.03,
    )
    for row, index in enumerate(slices):
        plane = volume[index][box]
        axes = [figure.add_subplot(grid[row, column]) for column in range(columns)]
        for ax in axes:
            show_ct(ax, plane, spacing)
        axes[0].set_ylabel(f"slice {index}", color=FAINT, fontsize=9)
        truth_plane = None if truth is None else truth[index][box]
        for ax, (_, panel) in zip(axes[1:], shown, strict=False):
            show_mask(ax, panel.mask[index][box], truth_plane)
            if panel.doubt is not None:
                outline(ax, panel.doubt.outline(index)[box], DOUBT, 0.7)
            _show_scribbles(ax, panel.scribbles, index, box)
        if truth_plane is not None:
            fill(axes[-1], truth_plane, TRUTH, 0.35)
            outline(axes[-1], truth_plane, TRUTH, 1.2)
        if row == 0:
            _column_titles(axes, shown, truth_ml, truth is not None)
            orientation_letters(axes[0])
    _charts(figure, grid[:, columns].get_position(figure), rounds, truth_ml)
    figure.text(0.55 / size[0], 1 - 0.28 / size[1], title, color=INK, fontsize=15, weight="bold", va="top")
    figure.text(0.55 / size[0], 1 - 0.54 / size[1], note, color=FAINT, fontsize=9, va="top")
    figure.text(
        1 - 0.3 / size[0], 1 - 0.32 / size[1], DISCLAIMER, color=FAINT, fontsize=10, ha="right", va="top"
    )
    _legend(figure, truth is not None, any(panel.doubt for _, panel in shown), 0.55 / size[0], 0.3 / size[1])
    return png(figure)


def representative_slices(rounds: Sequence[RoundPanel], truth: np.ndarray | None, count: int) -> list[int]:
    """Slices that tell the most, from head to feet: those with scribbles, then a spread over the bleed."""
    masks = [panel.mask for panel in rounds] + ([] if truth is None else [truth])
    bleeding = np.flatnonzero(np.any([mask.any(axis=(1, 2)) for mask in masks], axis=0)).tolist()
    scribbled = list(dict.fromkeys(index for panel in rounds for index in panel.scribbles.slices()))
    chosen = scribbled[: max(1, count - 1)]
    spread = [bleeding[round(at)] for at in np.linspace(0, len(bleeding) - 1, count)] if bleeding else []
    # The widest part of the bleed is worth more than its tips.
    spread.sort(key=lambda index: abs(index - np.median(bleeding)))
    for index in spread:
        if len(chosen) < count and index not in chosen:
            chosen.append(index)
    return sorted(chosen or [masks[0].shape[0] // 2], reverse=True)


def _show_scribbles(ax, scribbles: Scribbles, index: int, box: tuple[slice, slice]) -> None:
    from scipy import ndimage

    for marks, color in ((scribbles.background, BACKGROUND), (scribbles.foreground, FOREGROUND)):
        # One-voxel scribbles would vanish at this size.
        fill(ax, ndimage.binary_dilation(marks[index][box], iterations=2), color, 1.0)


def _column_titles(axes, shown, truth_ml: float | None, has_truth: bool) -> None:
    axes[0].set_title("CT", color=INK, fontsize=11)
    for ax, (number, panel) in zip(axes[1:], shown, strict=False):
        dice = "" if panel.dice is None else f" · Dice {panel.dice:.2f}"
        name = "First guess, unchecked" if number == 1 and panel.scribbles.is_empty else f"Round {number}"
        ax.set_title(f"{name}\n{panel.volume_ml:.1f} mL{dice}", color=INK, fontsize=11)
    if has_truth:
        volume = "" if truth_ml is None else f"\n{truth_ml:.1f} mL"
        axes[-1].set_title(f"Truth{volume}", color=TRUTH, fontsize=11)


def _charts(figure, place, rounds: Sequence[RoundPanel], truth_ml: float | None) -> None:
    """Volume by round with the truth as a line and, where there is a truth, Dice by round."""
    numbers = list(range(1, len(rounds) + 1))
    dice = [panel.dice for panel in rounds if panel.dice is not None]
    # The pictures end at the edge of their cell; a chart needs air around it.
    x0, width = place.x0 + 0.2 * place.width, 0.72 * place.width
    bottom, height = (0.42, 0.58) if dice else (0.06, 0.94)
    ax = figure.add_axes([x0, place.y0 + bottom * place.height, width, height * place.height])
    volumes = [panel.volume_ml for panel in rounds]
    highest = [panel.doubt.interval_ml[1] for panel in rounds if panel.doubt is not None]
    top = max([*volumes, *highest, truth_ml or 0.0, 1.0]) * 1.18
    ax.bar(numbers, volumes, width=0.58, color=MASK, edgecolor=MASK_EDGE, linewidth=1.0)
    for number, panel in zip(numbers, rounds, strict=True):
        if panel.doubt is not None:
            ax.plot([number + 0.25] * 2, panel.doubt.interval_ml, color=DOUBT, linewidth=1.2)
    if truth_ml is not None:
        ax.axhline(truth_ml, color=TRUTH, linewidth=1.4, linestyle=(0, (5, 3)))
        # Above all bars, whatever their height: their own figures stand inside.
        ax.text(0.5, top * 0.98, f"-- truth {truth_ml:.1f}", color=TRUTH, fontsize=9, va="top")
    _style_chart(ax, numbers, volumes, "Volume (mL)", top, "{:.1f}")
    if dice:
        ax = figure.add_axes([x0, place.y0 + 0.06 * place.height, width, 0.24 * place.height])
        ax.plot(numbers, dice, color=TRUTH, marker="o", markersize=6, linewidth=1.8)
        _style_chart(ax, numbers, dice, "Dice", 1.15, "{:.2f}")
    ax.set_xlabel("round", color=FAINT, fontsize=9)


def _style_chart(ax, numbers, values, title: str, top: float, form: str) -> None:
    ax.set_facecolor(PAGE)
    for number, value in zip(numbers, values, strict=True):
        label = ax.annotate(form.format(value), (number, value), (0, -7), textcoords="offset points")
        above = value < 0.2 * top
        label.set(color=INK, fontsize=10, ha="center", va="bottom" if above else "top")
        if above:
            label.set_position((0, 5))
    ax.set_xticks(numbers)
    ax.set_xlim(0.45, len(numbers) + 0.55)
    ax.set_ylim(0, top)
    ax.set_title(title, color=INK, fontsize=11)
    ax.tick_params(colors=FAINT, labelsize=9, length=0)
    ax.yaxis.tick_right()
    for name, spine in ax.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(FAINT)


def _legend(figure, has_truth: bool, has_doubt: bool, left: float, bottom: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=FOREGROUND, linewidth=4, label="hemorrhage scribble"),
        Line2D([], [], color=BACKGROUND, linewidth=4, label="background scribble"),
        Patch(facecolor=MASK, edgecolor=MASK_EDGE, label="hematoma"),
    ]
    if has_doubt:
        handles.append(Line2D([], [], color=DOUBT, linewidth=1, label="in doubt"))
    if has_truth:
        handles.append(Line2D([], [], color=TRUTH, linewidth=1.5, label="truth"))
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
