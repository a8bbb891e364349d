"""What goes wrong: phantoms that are harder than most CTs, and how far a few scribbles get."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ICHHPINetLib.evaluation.metrics import evaluate_mask
from ICHHPINetLib.phantom import Phantom, generate
from ICHHPINetLib.simulation.robot import first_slice, next_scribbles

from .experiment import Findings

_ROUNDS = (1, 3)
_WINDOW_HU = (0.0, 80.0)
_TRUTH, _RESULT = "#7fe0c0", "#ff5a36"
_MARGIN = 20
_NOTE = (
    "One seed, the robot's scribbles, one slice a round. The picture shows the slice most wrong after "
    "the first round; a scribble of the later rounds may have mended it."
)


def _cut_off(phantom: Phantom) -> Phantom:
    """An export that kept 0 to 60 HU alone: whatever is brighter is 60."""
    return replace(phantom, volume=np.clip(phantom.volume, 0, 60).astype(np.int16))


CASES: dict[str, Callable[[], Phantom]] = {
    "fresh blood, for comparison": lambda: generate("lobar"),
    "blood 5 HU above gray matter": lambda: generate("lobar", blood_hu=42.0),
    "blood as dense as gray matter": lambda: generate("lobar", blood_hu=37.0),
    "thin collection": lambda: generate("extraaxial", seed=1),
    "thin collection, little contrast": lambda: generate("extraaxial", seed=1, blood_hu=46.0),
    "three times the noise": lambda: generate("multifocal", noise_hu=10.5),
    "everything above 60 HU cut off": lambda: _cut_off(generate("deep")),
}


class _Case(NamedTuple):
    name: str
    phantom: Phantom
    masks: list[np.ndarray]


def find(arguments: argparse.Namespace) -> Findings:
    """Table and picture of phantoms and their masks after each round."""
    from ICHHPINetLib.weights.loading import load_network

    network = load_network(arguments.weights, device=arguments.device)
    cases = [_scribbled(network, name, make()) for name, make in CASES.items()]
    rows = []
    for name, phantom, masks in cases:
        row = [name, _milliliters(phantom.mask > 0, phantom)]
        for mask in (masks[number - 1] for number in _ROUNDS):
            row += [evaluate_mask(mask, phantom.mask, phantom.spacing).dice, _milliliters(mask, phantom)]
        rows.append(row)
    return Findings(
        columns=("Phantom", "mL", *(f"{what} {number}" for number in _ROUNDS for what in ("Dice", "mL"))),
        rows=rows,
        notes=[_NOTE],
        draw=lambda figure: _draw(figure, cases),
        size=(2.2 * len(cases), 2.2 * (1 + len(_ROUNDS))),
    )


def _scribbled(network, name: str, phantom: Phantom) -> _Case:
    from ICHHPINetLib.interaction.session import InteractiveSession

    rng = np.random.default_rng(0)
    truth = phantom.mask > 0
    session = InteractiveSession(network, phantom.volume, phantom.spacing)
    masks = []
    for number in range(max(_ROUNDS)):
        index = None if number else first_slice(truth, rng)
        session.refine(next_scribbles(truth, session.mask > 0, phantom.spacing, rng, index))
        masks.append(session.mask > 0)
    return _Case(name, phantom, masks)


def _milliliters(mask: np.ndarray, phantom: Phantom) -> float:
    return float(mask.sum() * np.prod(phantom.spacing) / 1000)


def _draw(figure: Any, cases: list[_Case]) -> None:
    axes = figure.subplots(1 + len(_ROUNDS), len(cases), squeeze=False)
    for column, (name, phantom, masks) in zip(axes.T, cases, strict=True):
        truth = phantom.mask > 0
        index = int((masks[0] != truth).sum((1, 2)).argmax())
        shown = [(truth[index], _TRUTH, name)]
        shown += [(masks[number - 1][index], _RESULT, f"after round {number}") for number in _ROUNDS]
        rows, columns = np.nonzero(phantom.volume[index] > -200)
        box = (
            slice(max(0, rows.min() - _MARGIN), rows.max() + _MARGIN),
            slice(max(0, columns.min() - _MARGIN), columns.max() + _MARGIN),
        )
        for ax, (mask, color, title) in zip(column, shown, strict=True):
            ax.imshow(phantom.volume[index][box], cmap="gray", vmin=_WINDOW_HU[0], vmax=_WINDOW_HU[1])
            if mask.any():
                ax.contour(mask[box], [0.5], colors=color, linewidths=1.2)
            ax.set_title(title, fontsize=8)
            ax.set_axis_off()
    figure.suptitle("Green: truth. Red: result.", fontsize=9)
