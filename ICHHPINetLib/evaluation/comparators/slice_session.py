"""A session of a method that segments one slice at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ...imaging.ct import CT
from ..scribbled_session import ScribbledSession
from .prompts import Prompts, prompts_of
from .propagation import propagate
from .slices import Square, gray

if TYPE_CHECKING:
    from .network import SliceNetwork


class SliceSession(ScribbledSession):
    """Slice by slice; what depends on a slice's image alone is computed once.

    A method without prompts segments every slice in the first round; later scribbles change their own
    voxels alone.
    """

    needs_background = False

    def __init__(self, ct: CT, network: SliceNetwork) -> None:
        super().__init__(ct)
        self._network = network.eval()
        self.name, self.device = network.name, str(network.device)
        self.needs_foreground = network.prompted
        self._gray = gray(self._hu)
        self._square = Square(self._hu.shape[1:], network.size)
        self._features: dict[int, torch.Tensor] = {}
        self._alone: np.ndarray | None = None

    def _segment(self, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
        if self._network.prompted:
            return propagate(foreground, background, self._mask[self._box] > 0, self._slice)
        if self._alone is None:
            self._alone = np.stack([self._decoded(index, None) for index in range(len(self._gray))])
        return self._alone

    def _slice(
        self, index: int, foreground: np.ndarray, background: np.ndarray, known: np.ndarray | None
    ) -> np.ndarray:
        prompts = prompts_of(foreground, background, known, self._spacing[1:])
        return foreground if prompts is None else self._decoded(index, prompts)

    @torch.inference_mode()
    def _decoded(self, index: int, prompts: Prompts | None) -> np.ndarray:
        if index not in self._features:
            image = self._square.image(self._gray[[index]]).to(self._network.device)
            self._features[index] = self._network.embed(image)
        features = self._features[index]
        if prompts is None:
            del self._features[index]
        return self._square.back(self._network.decode(features, prompts, self._square)) > 0
