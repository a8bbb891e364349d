"""Agreement of a mask with the truth, in figures that carry their units.

Distances follow MONAI's definitions (``monai.metrics``, ``use_subvoxels=False``), which
the tests compare against: the surface of a mask is its voxels with a face neighbor
outside, a voxel counts once whatever its shape, and distances run between voxel centers
in millimeters. The challenge variants of the surface Dice weight each voxel by the area
of its surface instead and come out lower on thick slices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from ..errors import InvalidVolumeError
from ..imaging.labels import check_mask

NSD_TOLERANCE_MM = 2.0
# Exactly 2 mm, five pixels of 0.4 mm, is within, however the coordinates are rounded.
_ROUNDING_MM = 1e-6


@dataclass(frozen=True)
class SegmentationMetrics:
    """Figures of one mask against the truth.

    Attributes
    ----------
    dice, jaccard: overlap, 0 to 1; 1 where both masks are empty.
    nsd_2mm: share of both surfaces that lies within 2 mm of the other one, 0 to 1;
        1 where both masks are empty, 0 where one is.
    hd95_mm: larger one of the two directed 95th percentiles of the surface distances;
        0 where both masks are empty, infinite where one is, so that medians stay honest.
    mae: mean absolute difference of the two masks over all voxels of the volume
        (the MAE of the paper's tables).
    volume_ml, truth_ml: volume of the mask and of the truth.
    volume_error_ml: mask minus truth.
    relative_volume_error: ``volume_error_ml / truth_ml``; 0 where both are empty,
        infinite where only the truth is.
    """

    dice: float
    jaccard: float
    nsd_2mm: float
    hd95_mm: float
    mae: float
    volume_ml: float
    truth_ml: float
    volume_error_ml: float
    relative_volume_error: float

    def as_dict(self) -> dict[str, float | None]:
        """The figures by name; infinite ones are None, which strict JSON can hold."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}


def evaluate_mask(prediction: np.ndarray, truth: np.ndarray, spacing: Sequence[float]) -> SegmentationMetrics:
    """Compare a mask with the truth.

    Parameters
    ----------
    prediction, truth: arrays (Z, Y, X); every voxel that is not 0 belongs to the mask.
    spacing: voxel size (z, y, x) in mm.

    Raises
    ------
    InvalidVolumeError
        If the two grids differ or are not three-dimensional, a spacing is not positive, or a mask
        holds fractions.
    """
    prediction, truth = check_mask(prediction), check_mask(truth)
    if prediction.ndim != 3 or prediction.shape != truth.shape:
        raise InvalidVolumeError(
            f"A mask of shape {prediction.shape} cannot be compared with a truth of shape {truth.shape}. "
            "Resample both to one grid (Z, Y, X)."
        )
    if len(spacing) != 3 or not all(math.isfinite(step) and step > 0 for step in spacing):
        raise InvalidVolumeError(
            f"The spacing is {tuple(spacing)}; give three positive numbers in mm, in the order z, y, x."
        )

    voxels = prediction.size
    crop = _bounding_box(prediction | truth)
    prediction, truth = prediction[crop], truth[crop]
    predicted, true = int(prediction.sum()), int(truth.sum())
    shared = int((prediction & truth).sum())
    union = predicted + true - shared
    nsd, hd95 = _surface_figures(prediction, truth, spacing)
    milliliters = math.prod(spacing) / 1000.0
    error = (predicted - true) * milliliters
    nothing_to_find = math.inf if predicted else 0.0
    return SegmentationMetrics(
        dice=2.0 * shared / (predicted + true) if union else 1.0,
        jaccard=shared / union if union else 1.0,
        nsd_2mm=nsd,
        hd95_mm=hd95,
        mae=(union - shared) / voxels,
        volume_ml=predicted * milliliters,
        truth_ml=true * milliliters,
        volume_error_ml=error,
        relative_volume_error=(predicted - true) / true if true else nothing_to_find,
    )


def _surface_figures(
    prediction: np.ndarray, truth: np.ndarray, spacing: Sequence[float]
) -> tuple[float, float]:
    """Surface Dice at 2 mm and 95th percentile Hausdorff distance in mm."""
    if not prediction.any() and not truth.any():
        return 1.0, 0.0
    if not prediction.any() or not truth.any():
        return 0.0, math.inf
    predicted_surface = _surface_points(prediction, spacing)
    true_surface = _surface_points(truth, spacing)
    # 32 points a leaf: the tree is built for one single query.
    to_truth = KDTree(true_surface, leafsize=32).query(predicted_surface)[0]
    to_prediction = KDTree(predicted_surface, leafsize=32).query(true_surface)[0]
    nsd = float(np.mean(np.concatenate([to_truth, to_prediction]) <= NSD_TOLERANCE_MM + _ROUNDING_MM))
    return nsd, float(max(np.percentile(to_truth, 95), np.percentile(to_prediction, 95)))


def _surface_points(mask: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """Centers (N, 3) in mm of the mask voxels with a face neighbor outside the mask or the grid."""
    return np.argwhere(mask & ~ndimage.binary_erosion(mask)) * np.asarray(spacing, dtype=float)


def _bounding_box(mask: np.ndarray) -> tuple[slice, slice, slice]:
    box = ndimage.find_objects(mask.astype(np.uint8))
    return box[0] if box else (slice(0, 0),) * 3
