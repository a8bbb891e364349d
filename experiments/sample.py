"""A CT with scribbles on the network's grid, for experiments that look inside the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.imaging.ct import CT
from ICHHPINetLib.imaging.windowing import windowed
from ICHHPINetLib.imaging.working_grid import WorkingGrid
from ICHHPINetLib.simulation.robot import next_scribbles

if TYPE_CHECKING:
    import torch

    from ICHHPINetLib.networks.hpinet import HPINet

_AIR_HU, _OUTSIDE_HU = -1000.0, -200.0


@dataclass(frozen=True)
class Sample:
    """One CT on the working grid.

    image (Z, 2, Y, X) and scribbles (Z, 2, Y, X) as the network takes them; hu, truth (0 to 1)
    and head (bool) are (Z, Y, X); ``scribbled`` is the slice with the scribbles.
    """

    image: torch.Tensor
    scribbles: torch.Tensor
    hu: np.ndarray
    truth: np.ndarray
    head: np.ndarray
    scribbled: int


def sample(ct: CT, truth: np.ndarray) -> Sample:
    """The CT with the robot's first scribbles on the slice with the most bleed.

    ``truth`` is (Z, Y, X).
    """
    import torch

    hu, spacing = ct.network_hu, ct.spacing
    grid = WorkingGrid.fit(hu, spacing)
    index = int(truth.astype(bool).sum(axis=(1, 2)).argmax())
    drawn = next_scribbles(truth, np.zeros_like(truth), spacing, np.random.default_rng(0), index)
    lowered = grid.on_working_grid(hu, fill=_AIR_HU)
    scribbles = grid.scribbles_on_working_grid(drawn.foreground, drawn.background)
    return Sample(
        image=torch.from_numpy(windowed(lowered)).transpose(0, 1),
        scribbles=torch.from_numpy(scribbles).float(),
        hu=lowered,
        truth=grid.on_working_grid(truth.astype(np.float32)),
        head=lowered > _OUTSIDE_HU,
        scribbled=index // grid.group,
    )


def compact_network(weights: str | Path, device: str) -> HPINet:
    """The network of a weights file.

    Raises
    ------
    InputFileError
        If it is not of the compact configuration, whose maps correspond in scale.
    WeightsError, DeviceError
    """
    from ICHHPINetLib.networks.hpinet import HPINetConfig
    from ICHHPINetLib.weights.loading import load_network

    network = load_network(weights, device)
    if not isinstance(network.config, HPINetConfig):
        raise InputFileError(
            f"{weights} holds the paper's configuration, whose modules share no scales. Name weights of the "
            "compact network."
        )
    return network
