"""A quick look at unseen cases while training runs; the real evaluation is ``ichhpinet evaluate``."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import torch

from ..imaging.windowing import windowed
from ..imaging.working_grid import MULTIPLE, PIXEL_MM
from ..interaction.propagation import run_round
from ..interaction.scribbles import Scribbles
from ..networks.blocks import fold_standardization
from ..networks.hpinet import HPINet
from ..simulation.robot import first_slice, next_scribbles
from .packed import PackedCase

_ROUNDS = 5


@torch.inference_mode()
def validate(network: HPINet, cases: Iterable[PackedCase], device: torch.device) -> list[float]:
    """Mean Dice after each of five rounds of the robot on ``cases``, all bleeding, on the working grid."""
    network = fold_standardization(copy.deepcopy(network)).eval()
    scores = [_rounds(network, case, device) for case in cases]
    return np.mean(scores, axis=0).tolist()


def _rounds(network: HPINet, case: PackedCase, device: torch.device) -> list[float]:
    rng = np.random.default_rng(0)
    pads = [(0, 0)] + [(0, -n % MULTIPLE) for n in case.codes.shape[1:]]
    truth = np.pad(case.fraction, pads) > 127
    image = (
        torch.from_numpy(windowed(np.pad(case.hu(), pads, constant_values=-200))).transpose(0, 1).to(device)
    )
    spacing = (case.slice_mm, PIXEL_MM, PIXEL_MM)
    scribbles, mask = Scribbles.empty(truth.shape), np.zeros(truth.shape, bool)
    scores = []
    with torch.autocast(device.type, torch.bfloat16):
        slices = network.encode_slices(image)
        for number in range(_ROUNDS):
            index = first_slice(truth, rng) if number == 0 else None
            scribbles = scribbles.merged(next_scribbles(truth, mask, spacing, rng, index))
            channels = (
                torch.from_numpy(np.stack([scribbles.foreground, scribbles.background], 1)).float().to(device)
            )
            previous = torch.from_numpy(mask).unsqueeze(1).float().to(device)
            mask = (run_round(network, image, slices, channels, previous) > 0.5).squeeze(1).cpu().numpy()
            scores.append(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
    return scores
