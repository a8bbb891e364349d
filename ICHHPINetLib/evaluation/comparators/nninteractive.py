"""nnInteractive (Isensee et al. 2025): a 3D network that takes scribbles as they are.

Runs on its authors' own package, with the user's own download of their weights.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import torch
from nnInteractive.inference.inference_session import nnInteractiveInferenceSession

from ...imaging.ct import CT
from ..scribbled_session import ScribbledSession

NAME = "nninteractive"


def _quiet() -> contextlib.AbstractContextManager:
    """It speaks to its own users on the standard output, where our tables are."""
    return contextlib.redirect_stdout(io.StringIO())


class Model:
    """The authors' session with the weights in ``folder``, which all CTs share, one after the other.

    Raises whatever the package raises where the folder holds no such model.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        with _quiet():
            self.inner = nnInteractiveInferenceSession(
                device=device, torch_n_threads=torch.get_num_threads(), enable_undo=False
            )
            self.inner.initialize_from_trained_model_folder(str(folder))
        self.device = str(device)

    @property
    def parameters(self) -> int:
        return sum(one.numel() for one in self.inner.network.parameters())

    def session(self, ct: CT) -> Session:
        return Session(ct, self)


class Session(ScribbledSession):
    """Every round hands the new scribbles on, background first; earlier ones are remembered there."""

    name = NAME
    needs_background = False

    def __init__(self, ct: CT, model: Model) -> None:
        super().__init__(ct)
        # It looks for the region of interest itself.
        self._box = tuple(slice(0, side) for side in ct.shape)
        self.device = model.device
        self._inner = model.inner
        self._inner.set_image(np.ascontiguousarray(ct.network_hu, np.float32)[None])
        self._found = np.zeros(ct.shape, np.uint8)
        self._inner.set_target_buffer(self._found)
        self._given = (np.zeros(ct.shape, bool), np.zeros(ct.shape, bool))

    def _segment(self, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
        kinds = ((background, self._given[1], False), (foreground, self._given[0], True))
        new = [(now & ~before, is_blood) for now, before, is_blood in kinds]
        new = [(scribble, is_blood) for scribble, is_blood in new if scribble.any()]
        for number, (scribble, is_blood) in enumerate(new, start=1):
            with _quiet():
                self._inner.add_scribble_interaction(
                    scribble.astype(np.uint8), include_interaction=is_blood, run_prediction=number == len(new)
                )
        self._given = (foreground.copy(), background.copy())
        return self._found > 0
