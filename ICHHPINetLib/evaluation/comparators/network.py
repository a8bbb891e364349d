"""What the networks that segment one slice have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional

from ...imaging.ct import CT
from .clips import Clip, slice_prompts
from .method import Method
from .prompts import Prompts
from .slice_session import SliceSession
from .slices import Square


class SliceNetwork(Method):
    """A method that segments one slice at a time.

    Attributes
    ----------
    prompted: whether it takes prompts; one that takes none segments every slice on its own.
    """

    prompted: ClassVar[bool] = True

    @abstractmethod
    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """What depends on the images alone, (n, ...), of gray values (n, 1, size, size)."""

    @abstractmethod
    def decode(self, features: torch.Tensor, prompts: Prompts | None, square: Square) -> torch.Tensor:
        """Logits (1, 1, h, w) of one image from its features (1, ...) and its prompts on the slice."""

    @abstractmethod
    def criterion(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The method's own loss of logits (1, 1, size, size) against a target of that shape."""

    def loss(
        self, features: torch.Tensor, prompts: Prompts | None, square: Square, target: torch.Tensor
    ) -> torch.Tensor:
        """Loss of one image; ``target`` float32 (1, 1, size, size), 0 or 1."""
        logits = self.decode(features, prompts, square)
        logits = functional.interpolate(logits, target.shape[-2:], mode="bilinear", align_corners=False)
        return self.criterion(logits, target)

    def batch_loss(self, clips: Sequence[Clip], rng: np.random.Generator) -> torch.Tensor:
        squares = [Square(clip.truth.shape[1:], self.size) for clip in clips]
        images = [square.image(clip.gray[[clip.center]]) for square, clip in zip(squares, clips, strict=True)]
        features = self.embed(torch.cat(images).to(self.device)).split(1)
        losses = []
        for clip, square, own in zip(clips, squares, features, strict=True):
            target = (square.mask(clip.truth[clip.center]) > 0.5).float().to(self.device)
            prompts = slice_prompts(clip, rng) if self.prompted else None
            losses.append(self.loss(own, prompts, square, target))
        return torch.stack(losses).mean()

    def session(self, ct: CT) -> SliceSession:
        return SliceSession(ct, self)
