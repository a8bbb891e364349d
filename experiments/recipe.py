"""The training itself: what each of its parts brings, one changed thing a row."""

from __future__ import annotations

import argparse

from . import budget
from .settings import Experiment, Setting

SETTINGS = [
    Setting("recipe", "the recipe"),
    Setting("from_scratch", "no pretraining", pretrained=False),
    Setting("real_alone", "real bleeds alone", recipe={"mixture": {"real": 1.0}}),
    Setting("fresh_alone", "real bleeds at their own density", recipe={"mixture": {"aged": 0.0}}),
    Setting("own_heads", "real bleeds in their own heads alone", recipe={"mixture": {"moved": 0.0}}),
    Setting("no_hard", "no hard negatives", recipe={"mixture": {"hard": 0.0}}),
    Setting("one_round", "episodes of one round", recipe={"longest": 1}),
    Setting("prompted", "no guess without strokes", recipe={"unprompted": 0.0}),
    Setting("volume_never_alone", "VIM never trained alone", recipe={"volume_alone": 0.0}),
    Setting("volume_shown", "volume branch never hidden", recipe={"volume_hidden": 0.0}),
    Setting("robot_alone", "the robot's strokes alone", recipe={"varied_strokes": False}),
    Setting("adam", "Adam for all parameters", recipe={"kernel_steps": False}),
]
_NOTES = (
    (
        "The first row is the recipe of `ichhpinet train`; every other row changes one thing of it, the last "
        "one its seed."
    ),
)
EXPERIMENT = Experiment(
    "recipe", "The recipe of the training, one thing changed a row", SETTINGS, "recipe", _NOTES
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the experiment."""
    budget.add_arguments(parser, EXPERIMENT)


def run(arguments: argparse.Namespace) -> None:
    """Run the experiment; ICHHPINetError on bad input."""
    budget.run(arguments, EXPERIMENT)
