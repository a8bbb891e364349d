"""How a network is trained, apart from data, length and seed: what experiments change one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

from .losses import LossWeights
from .sampling import PRETRAINING, Mixture


@dataclass(frozen=True)
class Recipe:
    """The recipe of the shipped weights, unless told otherwise.

    longest: rounds of the longest episode.
    unprompted: share of the episodes that begin with a guess without scribbles.
    volume_alone: share of the episodes in which VIM alone is trained.
    volume_hidden: share of the propagated slices that do not see the volume branch in training.
        Its answer is so good a start that the memory is otherwise never learned.
    varied_scribbles: points, shaky hands, other brushes and slices beside the robot's scribbles.
    kernel_steps: orthogonalized momentum for kernels; without it everything gets Adam's steps.
    """

    mixture: Mixture = field(default_factory=Mixture)
    weights: LossWeights = field(default_factory=LossWeights)
    longest: int = 8
    unprompted: float = 0.7
    volume_alone: float = 0.7
    volume_hidden: float = 0.25
    varied_scribbles: bool = True
    kernel_steps: bool = True


# Short episodes: what blood looks like, and how far one scribble reaches, is learned before corrections.
PRETRAINING_RECIPE = Recipe(mixture=PRETRAINING, longest=3, unprompted=1.0, volume_alone=0.7)
