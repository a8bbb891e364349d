"""Published figures: Tao et al., ICH-HPINet, Scientific Reports 2025, tables 1 to 5 and the text.

Rows on the public data set (CT-ICH of PhysioNet) where the paper has them. Its HD is computed on the
rows of mask matrices, has no physical unit, and stands beside none of ours.
"""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """Mean and SD over five folds."""

    dice: tuple[float, float]
    jaccard: tuple[float, float]
    mae: tuple[float, float]


def _row(*values: float) -> Published:
    return Published((values[0], values[1]), (values[2], values[3]), (values[4], values[5]))


OURS = _row(0.7467, 0.024, 0.6094, 0.021, 0.0022, 0.0003)

TABLE_1 = {
    "SAMed": _row(0.4146, 0.041, 0.3406, 0.035, 0.0145, 0.0021),
    "SAM-Med2D": _row(0.6495, 0.031, 0.5280, 0.028, 0.0059, 0.0007),
    "SAM2-UNet": _row(0.4363, 0.038, 0.3439, 0.032, 0.0036, 0.0005),
    "SAMIHS": _row(0.5819, 0.033, 0.4546, 0.029, 0.0035, 0.0004),
    "MedSAM": _row(0.5292, 0.036, 0.3978, 0.031, 0.0185, 0.0023),
    "MedSAM2": _row(0.6978, 0.027, 0.5987, 0.024, 0.0055, 0.0007),
    "ICH-HPINet": OURS,
}

# By the names of ablations.VARIANTS. The finer ablation is told in the text as a loss of Dice alone.
TABLE_2 = {
    "full": OURS,
    "volume_pro": _row(0.6351, 0.029, 0.5152, 0.025, 0.0180, 0.0021),
    "slice_pro": _row(0.4587, 0.035, 0.3728, 0.030, 0.0148, 0.0018),
    "without_memory": _row(0.6598, 0.028, 0.5381, 0.024, 0.0052, 0.0006),
}
LOSS_OF_DICE = {"without_affinity": 0.067, "without_fusion": 0.089}

# By the weights of cross-entropy and Dice; they add up to 2, as the table has them.
TABLE_3 = {
    (0.2, 1.8): _row(0.7069, 0.028, 0.5271, 0.025, 0.0041, 0.0005),
    (0.4, 1.6): _row(0.6907, 0.029, 0.5160, 0.026, 0.0042, 0.0005),
    (0.6, 1.4): _row(0.7141, 0.027, 0.5601, 0.024, 0.0033, 0.0004),
    (0.8, 1.2): _row(0.7290, 0.026, 0.5748, 0.023, 0.0030, 0.0004),
    (1.0, 1.0): OURS,
    (1.2, 0.8): _row(0.7197, 0.026, 0.5717, 0.023, 0.0031, 0.0004),
    (1.4, 0.6): _row(0.6710, 0.030, 0.5438, 0.026, 0.0037, 0.0005),
    (1.6, 0.4): _row(0.6989, 0.028, 0.5548, 0.024, 0.0033, 0.0004),
    (1.8, 0.2): _row(0.6715, 0.030, 0.5199, 0.027, 0.0040, 0.0005),
}

# By lambda_1 (volume), lambda_2 (slice) and lambda_3 (feature convert).
TABLE_4 = {
    (1, 1, 8): _row(0.6464, 0.031, 0.5046, 0.027, 0.0047, 0.0006),
    (1, 3, 6): _row(0.6328, 0.032, 0.4915, 0.028, 0.0045, 0.0006),
    (1, 5, 4): _row(0.6043, 0.034, 0.4692, 0.030, 0.0049, 0.0006),
    (1, 7, 2): _row(0.6096, 0.033, 0.4672, 0.029, 0.0071, 0.0009),
    (3, 1, 6): _row(0.6983, 0.028, 0.5487, 0.024, 0.0035, 0.0004),
    (3, 3, 4): _row(0.7126, 0.027, 0.5724, 0.023, 0.0031, 0.0004),
    (3, 5, 2): _row(0.6842, 0.029, 0.5319, 0.025, 0.0038, 0.0005),
    (5, 1, 4): OURS,
    (5, 3, 2): _row(0.7238, 0.026, 0.5836, 0.022, 0.0028, 0.0004),
    (7, 1, 2): _row(0.6622, 0.030, 0.5076, 0.026, 0.0043, 0.0005),
}

# By round, 1 to 8; its last Dice is near the one of the private data in table 1, not the public one.
TABLE_5 = {
    "dice": (0.6133, 0.7763, 0.7770, 0.7831, 0.7820, 0.7856, 0.7868, 0.7865),
    "jaccard": (0.4499, 0.6471, 0.6469, 0.6537, 0.6527, 0.6567, 0.6583, 0.6580),
    "mae": (0.0065, 0.0043, 0.0043, 0.0043, 0.0042, 0.0042, 0.0042, 0.0042),
}

SIMILARITY = {"early training": (0.58, 0.07), "final training": (0.82, 0.04)}

OTHER_PROTOCOL = (
    "Figures of the paper are copied from it (Scientific Reports 2025, Physionet columns). They are of the "
    "same public source (CT-ICH of PhysioNet, cases with at least three bleeding slices), but of more "
    "patients, of another release, and of another protocol: their folds, prompts and rounds are not "
    "published in a form that could be repeated, and their code scores 16 central slices or single slices. "
    "Compare the order of rows and the size of steps, not the second decimal. Their HD has no physical unit "
    "and is left out; our HD95 is in mm."
)
