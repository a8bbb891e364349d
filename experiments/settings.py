"""What an experiment that trains consists of: settings, one of which the others are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ICHHPINetLib.networks.variants import FULL

from . import paper


@dataclass(frozen=True)
class Setting:
    """One row: its folder's name, label, options of the training, and what the paper has for it.

    ``losses`` are keyword arguments of ``LossWeights``, ``recipe`` of ``Recipe``, with those of
    ``Mixture`` under "mixture"; ``pretrained`` is false where --start is not to be heeded;
    ``published_dice`` stands alone where the paper tells nothing but a Dice; ``seed`` is added to --seed.
    """

    name: str
    label: str
    variant: str = FULL
    losses: dict[str, float] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    pretrained: bool = True
    published: paper.Published | None = None
    published_dice: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Experiment:
    """Rows of a table, trained with one small budget; ``reference`` is the name of one of them.

    ``settings`` are those named by the one who made the experiment; ``rows`` has the reference once more,
    trained with another seed: what two trainings of one thing differ by, other differences must exceed.
    """

    name: str
    title: str
    settings: Sequence[Setting]
    reference: str
    notes: Sequence[str]

    @property
    def rows(self) -> list[Setting]:
        """All settings in the order of the table."""
        (one,) = (one for one in self.settings if one.name == self.reference)
        again = replace(
            one,
            name=f"{one.name}_again",
            label=f"{one.label}, another seed",
            published=None,
            published_dice=None,
            seed=1,
        )
        return [*self.settings, again]
