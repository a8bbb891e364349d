"""Options that several experiments have, by flag."""

from __future__ import annotations

from pathlib import Path

from ICHHPINetLib.cohort.pool import OPTIONS as WORKERS
from ICHHPINetLib.commands.numbers import one_or_more, zero_or_more

_FOLDER = {"type": Path, "metavar": "FOLDER"}
_FILE = {"type": Path, "metavar": "FILE"}
_NUMBER = {"type": int, "metavar": "N"}

DEVICE = {
    "--device": {"default": "auto", "metavar": "NAME", "help": "auto, cpu, cuda, mps (default: %(default)s)"}
}
NETWORK = {
    "--weights": {"default": "default", "metavar": "NAME|FILE", "help": "network (default: %(default)s)"},
    **DEVICE,
}
# Of experiments that run the robot, or another user, on cases.
PROTOCOL = {
    "--folds": {**_NUMBER, "nargs": "+", "default": [0], "help": "folds to evaluate on (default: 0)"},
    "--rounds": {**_NUMBER, "default": 8, "help": "rounds a run (default: %(default)s)"},
    "--seeds": {**_NUMBER, "default": 3, "help": "runs a case (default: %(default)s)"},
    "--min-slices": {
        **_NUMBER,
        "default": 3,
        "help": "leave out cases with fewer bleeding slices (default: %(default)s, as in the paper)",
    },
    **DEVICE,
    **WORKERS,
}
# The same with networks that were trained before, a fold each.
ALL_FOLDS = {
    "--cases": {**_FOLDER, "required": True, "help": "cases with masks"},
    "--weights": {
        "metavar": "PATTERN",
        "help": "weights that held a fold out, as 'fold{fold}.safetensors' (default: the shipped ones)",
    },
    **PROTOCOL,
    "--folds": {
        **PROTOCOL["--folds"],
        "default": list(range(5)),
        "help": "folds to evaluate on (default: 0 1 2 3 4)",
    },
}
TRAINING = {
    "--cases": {**_FOLDER, "help": "cases to train and to evaluate on"},
    "--shapes": {**_FOLDER, "help": "masks of bleeds without images (*.nii.gz)"},
    "--pack": {**_FILE, "help": "a training pack made earlier"},
    "--steps": {
        "type": one_or_more,
        "default": 1500,
        "metavar": "N",
        "help": "steps of each training (default: %(default)s)",
    },
    "--start": {
        **_FILE,
        "help": "checkpoint of `ichhpinet train --pretrain` that every training begins with",
    },
    "--minutes": {
        "type": float,
        "default": float("inf"),
        "metavar": "N",
        "help": "stop after so long in one training, to be resumed by the same command",
    },
    "--seed": {"type": zero_or_more, "default": 0, "metavar": "N", "help": "of all trainings (default: 0)"},
}


def some_of(names, metavar: str) -> dict:
    """An option that names some of ``names``, all by default."""
    names = list(names)
    text = f"of {', '.join(names)} (default: all)"
    return {"nargs": "+", "choices": names, "default": names, "metavar": metavar, "help": text}
