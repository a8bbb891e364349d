"""Two CTs of one head brought to lie on each other, rigidly.

Mutual information of clipped HU, three Euler angles and a shift, from the centers of the heads; SimpleITK.
One thread and a fixed seed: the same CTs give the same transform.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..words import tr as _
from .ct import CT
from .scribbles_grid import index_to_world

# Air is 0 and bone of one brightness: what lies between, the brain and its blood, keeps its contrast.
_CLIPPED_HU = (-100.0, 400.0)
_HEAD_HU = -50.0
_GRID_MM = 2.0
_SHRINK, _SMOOTH_MM, _SHARES = (2, 1), (2.0, 0.0), (0.5, 0.2)
_SEED, _BINS, _ITERATIONS = 1, 40, 100
_AROUND_MM = 6.0
# Beyond this, two heads do not lie on each other.
_LARGEST_TURN_DEGREES, _LARGEST_SHIFT_MM = 50.0, 150.0
_LEAST_SHARED, _LEAST_CORRELATION = 0.4, 0.65
_WORTH_TELLING_ML = 0.05


@dataclass(frozen=True)
class Alignment:
    """How the head of the follow-up lies to that of the baseline.

    Attributes
    ----------
    transform: LPS mm of the baseline to LPS mm of the follow-up; None where no plausible one was found.
    turn_degrees, shift_mm: of the head, the shift at its middle; None without a transform.
    correlation: of the clipped HU of both, 1 for alike.
    reason: why there is no transform, a sentence; empty where there is one.
    """

    transform: sitk.Euler3DTransform | None
    turn_degrees: float | None = None
    shift_mm: float | None = None
    correlation: float | None = None
    reason: str = ""


def hu_image(ct: CT) -> sitk.Image:
    """The calibrated HU of a CT, in canonical order, in its place; for CTs that come from a file or scene."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(ct.file_geometry.reorientation.undo(ct.hu)))
    image.CopyInformation(ct.file_geometry.image)
    return sitk.DICOMOrient(image, "LPS")


def mask_image(mask: np.ndarray, ct: CT) -> sitk.Image:
    """A mask (Z, Y, X) on the voxels of ``ct.hu`` as :func:`hu_image` gives the CT."""
    stored = np.ascontiguousarray(ct.file_geometry.reorientation.undo((mask != 0).astype(np.uint8)))
    image = sitk.GetImageFromArray(stored)
    image.CopyInformation(ct.file_geometry.image)
    return sitk.DICOMOrient(image, "LPS")


def register(baseline: CT, followup: CT) -> Alignment:
    """Find how the follow-up lies to the baseline; see :class:`Alignment` for what comes where that fails."""
    fixed, moving = _prepared(baseline), _prepared(followup)
    reason = ""
    start = sitk.CenteredTransformInitializerFilter
    for center in (start.MOMENTS, start.GEOMETRY):
        try:
            found = _judged(_optimized(fixed, moving, center), fixed, moving)
        except RuntimeError as error:
            cause = str(error).strip().splitlines()[-1].split("): ")[-1].rstrip(".")
            found = Alignment(
                None, reason=_("The two CTs could not be registered ({cause}).").format(cause=cause)
            )
        if found.transform is not None:
            return found
        reason = reason or found.reason
    return Alignment(None, reason=reason)


def _prepared(ct: CT) -> sitk.Image:
    """Clipped HU above air, float32, on pixels of about 2 mm; slices stay as they are."""
    image = sitk.Clamp(sitk.Cast(hu_image(ct), sitk.sitkFloat32), sitk.sitkFloat32, *_CLIPPED_HU)
    image -= _CLIPPED_HU[0]
    factors = [max(1, round(_GRID_MM / step)) for step in image.GetSpacing()]
    # Means of blocks, so that noise goes with the pixels.
    return sitk.BinShrink(image, factors) if max(factors) > 1 else image


def _optimized(fixed: sitk.Image, moving: sitk.Image, center: int) -> sitk.Euler3DTransform:
    initial = sitk.CenteredTransformInitializer(fixed, moving, sitk.Euler3DTransform(), center)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentagePerLevel(_SHARES, _SEED)
    method.SetMetricFixedMask(_around_head(fixed))
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=4.0, minStep=0.005, numberOfIterations=_ITERATIONS, relaxationFactor=0.7
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_SHRINK)
    method.SetSmoothingSigmasPerLevel(_SMOOTH_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(initial, inPlace=False)
    with _one_thread():
        result = method.Execute(fixed, moving)
    while result.GetName() == "CompositeTransform":
        result = sitk.CompositeTransform(result).GetNthTransform(0)
    return sitk.Euler3DTransform(result)


@contextmanager
def _one_thread() -> Iterator[None]:
    # Sums over threads come out in another order each time. The metric takes the number from here alone.
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def _head(image: sitk.Image) -> sitk.Image:
    return image > _HEAD_HU - _CLIPPED_HU[0]


def _around_head(image: sitk.Image) -> sitk.Image:
    radius = [max(1, round(_AROUND_MM / step)) for step in image.GetSpacing()]
    return sitk.BinaryDilate(_head(image), radius)


def _judged(transform: sitk.Euler3DTransform, fixed: sitk.Image, moving: sitk.Image) -> Alignment:
    """The transform, or why it cannot be that of one head."""
    moved = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkLinear, -1.0))
    head = sitk.GetArrayFromImage(_head(fixed)) > 0
    shared = head & (moved >= 0)
    share = int(shared.sum()) / max(1, int(head.sum()))
    values, others = sitk.GetArrayViewFromImage(fixed)[shared], moved[shared]
    varied = values.size > 1 and values.std() > 0 and others.std() > 0
    correlation = float(np.corrcoef(values, others)[0, 1]) if varied else 0.0
    matrix = np.array(transform.GetMatrix()).reshape(3, 3)
    turn = float(np.degrees(np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1))))
    middle = _middle(fixed, head)
    shift = float(np.linalg.norm(np.array(transform.TransformPoint(middle)) - middle))
    doubt = ""
    if turn > _LARGEST_TURN_DEGREES or shift > _LARGEST_SHIFT_MM:
        doubt = _("one head would be turned by {turn:.0f}° and moved by {shift:.0f} mm").format(
            turn=turn, shift=shift
        )
    elif share < _LEAST_SHARED:
        doubt = _("they share {share:.0%} of the head").format(share=share).replace("%", " %")
    elif correlation < _LEAST_CORRELATION:
        doubt = _("they are not alike, correlation {correlation:.2f}").format(correlation=correlation)
    if doubt:
        return Alignment(
            None, reason=_("The two CTs could not be registered plausibly ({doubt}).").format(doubt=doubt)
        )
    return Alignment(transform, turn, shift, correlation)


def _middle(image: sitk.Image, head: np.ndarray) -> np.ndarray:
    index = [float(np.mean(places)) for places in np.nonzero(head)][::-1]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(index))


def blood_outside_ml(mask: np.ndarray, ct: CT, other: CT, transform: sitk.Transform) -> float:
    """How much of a mask (Z, Y, X) of ``ct`` lies where ``other`` has no slice, mL.

    ``transform`` leads from ``ct`` to ``other``.
    """
    stored = np.argwhere(ct.file_geometry.reorientation.undo(mask != 0))
    if not len(stored):
        return 0.0
    own, target = index_to_world(ct.file_geometry.image), index_to_world(other.file_geometry.image)
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    turned = np.stack(
        [np.array(transform.TransformPoint(axis)) - origin for axis in np.eye(3).tolist()], axis=1
    )
    places = (stored[:, ::-1] @ own[:3, :3].T + own[:3, 3]) @ turned.T + origin
    index = np.linalg.solve(target[:3, :3], (places - target[:3, 3]).T).T
    outside = np.any((index < -0.5) | (index > np.array(other.file_geometry.image.GetSize()) - 0.5), axis=1)
    return float(np.count_nonzero(outside) * np.prod(ct.spacing) / 1000.0)


def unshared_blood(
    cts: tuple[CT, CT], masks: tuple[np.ndarray | None, np.ndarray | None], alignment: Alignment
) -> list[str]:
    """Sentences about blood of baseline or follow-up that lies where the other has no slice.

    ``masks`` are (Z, Y, X) on the voxels of ``cts``, None where they are not known.
    """
    transform = alignment.transform
    if transform is None:
        return [
            _("{reason} What part of the head only one of them shows is not known.").format(
                reason=alignment.reason
            )
        ]
    said = []
    names = _("baseline"), _("follow-up")
    for own, way in ((0, transform), (1, transform.GetInverse())):
        mask, other = masks[own], 1 - own
        lost = 0.0 if mask is None else blood_outside_ml(mask, cts[own], cts[other], way)
        if lost >= _WORTH_TELLING_ML:
            said.append(
                _(
                    "{lost:.1f} mL of the {own} lie where the {other} CT shows no part of the head: "
                    "the two volumes are not of the same place, and no definition can be judged by them."
                ).format(lost=lost, own=names[own], other=names[other])
            )
    return said
