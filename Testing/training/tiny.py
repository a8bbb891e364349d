"""A network of next to no size, and a training of a few steps."""

from ICHHPINetLib.networks.hpinet import HPINetConfig
from ICHHPINetLib.training.loop import TrainingConfig
from ICHHPINetLib.training.recipe import Recipe
from ICHHPINetLib.training.sampling import Mixture

TINY = HPINetConfig("tiny", volume_widths=(8, 8, 8, 8), slice_widths=(8, 8, 8), key_channels=8)


def settings(folder, **changes):
    values = {"checkpoint": folder / "x.pt", "train": ["a", "b"], "validation": [], "steps": 4}
    return TrainingConfig(**{**values, "recipe": Recipe(Mixture(whole=0.0, voxels=6 * 48 * 48)), **changes})
