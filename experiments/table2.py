"""Table 2 and the finer ablation: parts of the method left out."""

from __future__ import annotations

import argparse

from ICHHPINetLib.networks import variants

from . import budget, paper
from .settings import Experiment, Setting

_LABELS = {
    variants.VOLUME_PRO: "Volume-Pro",
    variants.SLICE_PRO: "Slice-Pro",
    variants.WITHOUT_MEMORY: "w/o memory",
    variants.WITHOUT_AFFINITY: "w/o affinity",
    variants.WITHOUT_FUSION: "w/o fusion",
    variants.WITHOUT_CUES: "w/o cues",
    variants.FULL: "ours",
}
# With episodes of VIM alone the parts that are compared would be trained less than VIM.
WHOLE = {"volume_alone": 0.0}
SETTINGS = [
    Setting(
        name,
        label,
        variant=name,
        recipe=WHOLE,
        published=paper.TABLE_2.get(name),
        published_dice=paper.OURS.dice[0] - paper.LOSS_OF_DICE[name] if name in paper.LOSS_OF_DICE else None,
    )
    for name, label in _LABELS.items()
]
_NOTES = (
    " ".join(f"{label}: {variants.VARIANTS[name]}." for name, label in _LABELS.items()),
    (
        "The paper tells of the ablations of affinity and fusion a loss of Dice alone (6.7 % and 8.9 %) and "
        "no data set; their rows are the Dice of the public one less that many points. It does not say "
        "either how the parts were left out: the sentence above is how they are here. It has no cues. Unlike "
        "in the recipe of the shipped weights, no episode trains VIM alone."
    ),
)
EXPERIMENT = Experiment(
    "table2", "Table 2: propagation, memory, affinity and fusion", SETTINGS, variants.FULL, _NOTES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the experiment."""
    budget.add_arguments(parser, EXPERIMENT)


def run(arguments: argparse.Namespace) -> None:
    """Run the experiment; ICHHPINetError on bad input."""
    budget.run(arguments, EXPERIMENT)
