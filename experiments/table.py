"""The table of experiments: what each is called, trains or evaluates, and says about its figures."""

from __future__ import annotations

from pathlib import Path

from ICHHPINetLib import ablations
from ICHHPINetLib.phantom import KINDS
from ICHHPINetLib.simulation.users import USERS

from . import attention, failures, methods, paper, same_scribbles, similarity
from .experiment import Experiment
from .options import ALL_FOLDS, DEVICE, NETWORK, TRAINING, some_of
from .trained import Setting, trained

# With episodes of VIM alone the parts that are compared would be trained less than VIM.
WHOLE = {"volume_alone": 0.0}

# Of the finer ablation the paper tells a loss of Dice alone.
_PUBLISHED_PARTS = {
    **paper.TABLE_2,
    **{name: paper.OURS.dice[0] - loss for name, loss in paper.LOSS_OF_DICE.items()},
}
_PARTS = {
    ablations.VOLUME_PRO: "Volume-Pro",
    ablations.SLICE_PRO: "Slice-Pro",
    ablations.WITHOUT_MEMORY: "w/o memory",
    ablations.WITHOUT_AFFINITY: "w/o affinity",
    ablations.WITHOUT_FUSION: "w/o fusion",
    ablations.WITHOUT_CUES: "w/o cues",
    ablations.FULL: "ours",
}

PARTS = [
    Setting(name, label, variant=name, recipe=WHOLE, published=_PUBLISHED_PARTS.get(name))
    for name, label in _PARTS.items()
]
# The paper's pairs add up to 2, its text has shares of 0.5 each: both are the same here.
SHARES = [
    Setting(
        f"ce{entropy}_dice{dice}",
        f"CE {entropy} : Dice {dice}",
        recipe=WHOLE,
        losses={"cross_entropy": entropy / 2, "dice": dice / 2},
        published=row,
    )
    for (entropy, dice), row in paper.TABLE_3.items()
]
WEIGHTS = [
    Setting(
        "_".join(map(str, weights)),
        " : ".join(map(str, weights)),
        recipe=WHOLE,
        losses=dict(zip(("volume", "slice", "convert"), map(float, weights), strict=True)),
        published=row,
    )
    for weights, row in paper.TABLE_4.items()
]
RECIPE = [
    Setting("recipe", "the recipe"),
    Setting("from_scratch", "no pretraining", pretrained=False),
    Setting("real_alone", "real bleeds alone", recipe={"mixture": {"real": 1.0}}),
    Setting("fresh_alone", "real bleeds at their own density", recipe={"mixture": {"aged": 0.0}}),
    Setting("own_heads", "real bleeds in their own heads alone", recipe={"mixture": {"moved": 0.0}}),
    Setting("no_hard", "no hard negatives", recipe={"mixture": {"hard": 0.0}}),
    Setting("one_round", "episodes of one round", recipe={"longest": 1}),
    Setting("prompted", "no guess without scribbles", recipe={"unprompted": 0.0}),
    Setting("volume_never_alone", "VIM never trained alone", recipe={"volume_alone": 0.0}),
    Setting("volume_shown", "volume branch never hidden", recipe={"volume_hidden": 0.0}),
    Setting("robot_alone", "the robot's scribbles alone", recipe={"varied_scribbles": False}),
    Setting("adam", "Adam for all parameters", recipe={"kernel_steps": False}),
]

EXPERIMENTS = {
    "table1": Experiment(
        "Table 1: methods under the same scribbles",
        "the network, the paper's other methods and classical ones under the same scribbles, with tests",
        {
            **ALL_FOLDS,
            "--methods": {
                "nargs": "+",
                "type": same_scribbles.method,
                "default": list(same_scribbles.METHODS),
                "metavar": "NAME[:WEIGHTS]",
                "help": f"of {', '.join(same_scribbles.METHODS)} (default: all); a name alone of those that "
                "need weights stands in the table as not run; {fold} in WEIGHTS stands for the fold",
            },
        },
        same_scribbles.find,
    ),
    "table2": trained(
        "Table 2: propagation, memory, affinity and fusion",
        "propagation strategies and parts left out, trained with one small budget",
        PARTS,
        ablations.FULL,
        " ".join(f"{label}: {ablations.VARIANTS[name]}." for name, label in _PARTS.items()),
        "The paper tells of the ablations of affinity and fusion a loss of Dice alone (6.7 % and 8.9 %) "
        "and no data set; their rows are the Dice of the public one less that many points. It does not "
        "say either how the parts were left out: the sentence above is how they are here. It has no "
        "cues. Unlike in the recipe of the shipped weights, no episode trains VIM alone.",
    ),
    "table3": trained(
        "Table 3: cross-entropy and Dice",
        "shares of Dice and cross-entropy, trained with one small budget",
        SHARES,
        "ce1.0_dice1.0",
        "The pairs of the table are halved for training, so that 1.0 : 1.0 is the 0.5 each of the "
        "paper's text. Unlike in the recipe of the shipped weights, no episode trains VIM alone. Our "
        "cross-entropy gives half of its weight to the hardest 2 % of the voxels, the paper's does not.",
    ),
    "table4": trained(
        "Table 4: weights of the three losses",
        "weights of the three losses, trained with one small budget",
        WEIGHTS,
        "5_1_4",
        "Rows are lambda_1 (volume) : lambda_2 (slice) : lambda_3 (feature convert). The authors' code "
        "permutes the three; these follow the paper. Unlike in the recipe of the shipped weights, no "
        "episode trains VIM alone, which the weights would have no part in. Our optimizer does not heed "
        "the size of a gradient, so that they matter where gradients of several losses meet, in VIM and "
        "FCM.",
    ),
    "table5": Experiment(
        "Table 5: accuracy by round",
        "accuracy by round, from results of `ichhpinet evaluate`",
        {
            "results": {
                "type": Path,
                "nargs": "+",
                "metavar": "RESULT",
                "help": "files of `ichhpinet evaluate -o` or of table1; folds of one method are joined",
            }
        },
        methods.by_round,
    ),
    "recipe": trained(
        "The recipe of the training, one thing changed a row",
        "the training with one thing changed each, one small budget",
        RECIPE,
        "recipe",
        "The first row is the recipe of `ichhpinet train`; every other row changes one thing of it, the "
        "last one its seed.",
    ),
    "similarity": Experiment(
        "Similarity of volume and slice features",
        "how alike VIM's and the slices' features are over training; measured on bleeding cases of the fold "
        "(at most five) where --cases is given, otherwise on generated phantoms",
        {
            **TRAINING,
            "--weights": {
                "nargs": "+",
                "metavar": "FILE",
                "help": "measure at these weights, in this order, instead of training anew for --steps",
            },
            "--fold": {
                "type": int,
                "default": 0,
                "metavar": "N",
                "help": "held out of training (default: 0)",
            },
            **DEVICE,
        },
        similarity.find,
    ),
    "attention": Experiment(
        "Figure 3: attention to the scribbled slice",
        "where the memory is looked at (figure 3), on the generated phantom",
        {
            "--kind": {"choices": KINDS, "default": "deep", "help": "of the phantom (default: deep)"},
            **NETWORK,
        },
        attention.find,
    ),
    "failures": Experiment(
        "What goes wrong, on generated phantoms",
        "pictures of what goes wrong, on generated phantoms",
        NETWORK,
        failures.find,
    ),
    "prompt_shift": Experiment(
        "Prompt shift",
        "other ways of scribbling than the one of training",
        {**ALL_FOLDS, "--users": some_of(USERS, "NAME")},
        methods.other_users,
    ),
}
