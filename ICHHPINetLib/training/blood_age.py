"""Real bleeds at another age: what is blood is then for the scribbles to say, not for the looks alone."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_BRAIN_HU = 32.0
_BONE_HU = 100.0
# Clot dissolves within weeks: denser than brain, then like it, then like fluid.
_OLD_HU = (5.0, 28.0)
_YOUNGER_HU = (34.0, 75.0)
_OLD = 0.5
# Below this contrast, density says nothing of how much blood a voxel holds.
_CONTRAST_HU = 15.0
_SMOOTH_PIXELS = 1.5


def aged(hu: np.ndarray, fraction: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The CT with its blood at the density of another age.

    Parameters
    ----------
    hu: HU (Z, Y, X).
    fraction: of blood in each voxel, 0..1 (Z, Y, X).

    Returns
    -------
    HU float32 (Z, Y, X). The outline keeps its share of brain and bone, and all voxels keep their noise.
    """
    blood = hu[(fraction > 0.7) & (hu < _BONE_HU)]
    if not blood.size:
        return hu
    now = float(np.median(blood))
    new = rng.uniform(*(_OLD_HU if rng.random() < _OLD else _YOUNGER_HU))
    share = ndimage.gaussian_filter(fraction, (0, 0.5, 0.5)) * (hu < _BONE_HU)
    if now - _BRAIN_HU > _CONTRAST_HU:
        smooth = ndimage.gaussian_filter(np.minimum(hu, _BONE_HU), (0, _SMOOTH_PIXELS, _SMOOTH_PIXELS))
        share = share * np.clip((smooth - _BRAIN_HU) / (now - _BRAIN_HU), 0, 1)
    return (hu + share * (new - now)).astype(np.float32)
