"""A CT with strokes on the network's grid, for experiments that look inside the network."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputFileError
from ..evaluation.robot import next_scribbles
from ..imaging.ct import CT
from ..imaging.windowing import windowed
from ..imaging.working_grid import WorkingGrid

if TYPE_CHECKING:
    import torch

    from ..networks.hpinet import HPINet

_AIR_HU, _OUTSIDE_HU = -1000.0, -200.0


@dataclass(frozen=True)
class Sample:
    """One CT on the working grid.

    image (Z, 2, Y, X) and strokes (Z, 2, Y, X) as the network takes them; hu, truth (0 to 1)
    and head (bool) are (Z, Y, X); ``scribbled`` is the slice with the strokes.
    """

    image: torch.Tensor
    strokes: torch.Tensor
    hu: np.ndarray
    truth: np.ndarray
    head: np.ndarray
    scribbled: int


def sample(ct: CT, truth: np.ndarray) -> Sample:
    """The CT with the robot's first strokes on the slice with the most bleed.

    ``truth`` is (Z, Y, X).
    """
    import torch

    hu, spacing = ct.network_hu, ct.spacing
    grid = WorkingGrid.fit(hu, spacing)
    index = int(truth.astype(bool).sum(axis=(1, 2)).argmax())
    drawn = next_scribbles(truth, np.zeros_like(truth), spacing, np.random.default_rng(0), index)
    lowered = grid.on_working_grid(hu, fill=_AIR_HU)
    strokes = grid.scribbles_on_working_grid(drawn.foreground, drawn.background)
    return Sample(
        image=torch.from_numpy(windowed(lowered)).transpose(0, 1),
        strokes=torch.from_numpy(strokes).float(),
        hu=lowered,
        truth=grid.on_working_grid(truth.astype(np.float32)),
        head=lowered > _OUTSIDE_HU,
        scribbled=index // grid.group,
    )


def compact_network(weights: str | Path, arguments: argparse.Namespace) -> HPINet:
    """The network of a weights file on ``arguments.device``.

    Raises
    ------
    InputFileError
        If it is not of the compact configuration, whose maps correspond in scale.
    WeightsError, DeviceError
    """
    from ..networks.hpinet import HPINetConfig
    from ..weights.loading import load_network

    network = load_network(weights, arguments.device)
    if not isinstance(network.config, HPINetConfig):
        raise InputFileError(
            f"{weights} holds the paper's configuration, whose modules share no scales. Name weights of the "
            "compact network."
        )
    return network
