"""Figure 3: where in the scribbled slice a pixel of another slice looks, on the generated phantom."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from ICHHPINetLib.imaging.ct import CT
from ICHHPINetLib.imaging.working_grid import PIXEL_MM
from ICHHPINetLib.phantom import generate

from .experiment import Findings
from .sample import compact_network, sample

if TYPE_CHECKING:
    import torch

_OFFSETS = (1, 2, 4)
_COLORS = {
    "bleed, center": "#ffd11a",
    "bleed, edge": "#ff7f50",
    "opposite side": "#40a0ff",
    "front": "#7fe0c0",
}
_WINDOW_HU = (0.0, 80.0)
_IN_BLEED = 0.25
_MANY_TIMES = 10.0
_NOTE = (
    "Softmax of equations 3 and 4 over the pixels of the scribbled slice alone, computed from the keys; in a "
    "round, all scribbled slices and the neighbor just done share one softmax. Keys depend on the image "
    "alone, so that the picture is the same whatever is scribbled. The paper's figure 3 shows a patient that "
    "is not published and gives no figures: what can be compared is that a pixel looks at the same place and "
    "tissue."
)


def find(arguments: argparse.Namespace) -> Findings:
    """The picture and its figures, of ``--kind`` of phantom."""
    import torch

    network = compact_network(arguments.weights, arguments.device)
    phantom = generate(arguments.kind)
    one = sample(CT.of_array(phantom.volume, phantom.spacing), phantom.mask)
    with torch.inference_mode():
        keys = network.encode_slices(one.image.to(network.device)).key.float().cpu()
    return _findings(keys, one.hu, one.truth, one.scribbled, arguments.kind)


def attention(query: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
    """Equations 3 and 4, literally: where a pixel with the key ``query`` (d,) looks in a slice.

    ``memory`` are the slice's keys, (d, y, x). Returns (y, x), which sums to one.
    """
    flat = memory.flatten(1)
    affinity = -flat.square().sum(0) + 2 * query @ flat - query.square().sum()
    return (affinity / len(query) ** 0.5).softmax(0).reshape(memory.shape[1:])


def query_points(truth: np.ndarray, head: np.ndarray) -> dict[str, tuple[int, int]]:
    """Pixels (y, x) of one slice to ask for, by name; those of the bleed where there is one.

    ``truth`` and ``head`` are bool (y, x).
    """
    rows, columns = np.nonzero(head)
    middle = (columns.min() + columns.max()) / 2
    center = (int(np.median(rows)), round(middle))
    points = {}
    if truth.any():
        depth = ndimage.distance_transform_edt(np.pad(truth, 1))[1:-1, 1:-1]
        center = tuple(map(int, np.unravel_index(depth.argmax(), depth.shape)))
        edge = np.argwhere(truth & ~ndimage.binary_erosion(truth))
        points["bleed, center"] = center
        points["bleed, edge"] = tuple(map(int, edge[np.abs(edge - center).sum(1).argmax()]))
        points["opposite side"] = (
            center[0],
            int(np.clip(round(2 * middle - center[1]), 0, head.shape[1] - 1)),
        )
    points["front"] = (int(rows.min() + 0.2 * (rows.max() - rows.min())), round(middle))
    return points


def _findings(keys: torch.Tensor, hu: np.ndarray, truth: np.ndarray, scribbled: int, kind: str) -> Findings:
    """The picture and its figures, from keys (Z, d, y, x); ``hu`` and ``truth`` are (Z, Y, X)."""
    step = hu.shape[1] // keys.shape[2]
    bleed = truth[scribbled].reshape(keys.shape[2], step, keys.shape[3], step).mean((1, 3)) > _IN_BLEED
    panels = []
    for offset in _OFFSETS:
        index = scribbled + offset if scribbled + offset < len(keys) else scribbled - offset
        if not 0 <= index < len(keys):
            continue
        points = query_points(truth[index] > 0.5, hu[index] > -200)
        maps = {
            name: attention(keys[index, :, y // step, x // step], keys[scribbled]).numpy()
            for name, (y, x) in points.items()
        }
        panels.append((index, points, maps))
    rows = [
        [f"{index - scribbled:+d}", name, *_figures(maps[name], points[name], bleed, step)]
        for index, points, maps in panels
        for name in points
    ]
    return Findings(
        columns=("Slice", "Pixel", "In the bleed %", "Mean distance mm", "Cells looked at"),
        rows=rows,
        notes=[
            (
                f"Phantom '{kind}'. In the bleed: share of the attention on cells of the scribbled slice "
                f"that are bleed, which are {100 * bleed.mean():.1f} % of them. Mean distance: from the "
                f"pixel's own place to where it looks; a cell is {step * PIXEL_MM:.1f} mm wide. Cells looked "
                f"at: exponential of the attention's entropy; all {bleed.size} where a pixel prefers nothing."
            ),
            _NOTE,
        ],
        content={"scribbled_slice": scribbled, "cells": bleed.size},
        draw=lambda figure: _draw(figure, panels, hu, scribbled),
        size=(2.3 * (1 + max(len(points) for _, points, _ in panels)), 2.7 * len(panels)),
    )


def _figures(
    weights: np.ndarray, point: tuple[int, int], bleed: np.ndarray, step: int
) -> tuple[float, float, float]:
    rows, columns = np.indices(weights.shape)
    distance = np.hypot(rows - point[0] // step, columns - point[1] // step) * step * PIXEL_MM
    entropy = -(weights * np.log(np.maximum(weights, 1e-30))).sum()
    return float(100 * weights[bleed].sum()), float((weights * distance).sum()), float(np.exp(entropy))


def _draw(figure: Any, panels: list, hu: np.ndarray, scribbled: int) -> None:
    width = 1 + max(len(points) for _, points, _ in panels)
    axes = figure.subplots(len(panels), width, squeeze=False)
    for line, (index, points, maps) in zip(axes, panels, strict=True):
        for ax in line:
            ax.set_axis_off()
        line[0].imshow(hu[index], cmap="gray", vmin=_WINDOW_HU[0], vmax=_WINDOW_HU[1])
        line[0].set_title(f"slice {index}", fontsize=10)
        for ax, (name, (y, x)) in zip(line[1:], points.items(), strict=False):
            line[0].plot(x, y, "o", color=_COLORS[name], markersize=7, markeredgecolor="black")
            ax.imshow(hu[scribbled], cmap="gray", vmin=_WINDOW_HU[0], vmax=_WINDOW_HU[1])
            extent = (-0.5, hu.shape[2] - 0.5, hu.shape[1] - 0.5, -0.5)
            # Against an even look at everything, so that a pixel that prefers nothing shows nothing.
            times = maps[name] * maps[name].size
            opacity = np.clip(times / _MANY_TIMES, 0, 0.85)
            image = ax.imshow(
                times,
                cmap="inferno",
                alpha=opacity,
                vmin=0,
                vmax=_MANY_TIMES,
                extent=extent,
                interpolation="nearest",
            )
            ax.plot(x, y, "o", color=_COLORS[name], markersize=5, markeredgecolor="black")
            ax.set_title(name, fontsize=10)
    bar = figure.colorbar(image, ax=axes, shrink=0.5)
    bar.solids.set_alpha(1)
    bar.set_label("attention, as a multiple of an even look at the whole slice")
    figure.suptitle(f"Marked pixels of a slice (left) and where they look in scribbled slice {scribbled}")
