"""Phantoms of one head, of which one lies otherwise and may have a larger bleed."""

from functools import cache

import numpy as np
import SimpleITK as sitk

from ICHHPINetLib import phantom

SPACING = (5.0, 3.0, 3.0)
TURN_DEGREES, SHIFT_MM = 6.0, 7.0


def image_of(array, spacing=SPACING):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing[::-1])
    image.SetOrigin((-90.0, -110.0, 20.0))
    return image


@cache
def head(volume_ml):
    """CT and mask of a head that lies straight, SimpleITK images."""
    made = phantom.generate("deep", 0, SPACING, volume_ml=volume_ml)
    return image_of(made.volume), image_of(made.mask)


def movement(image):
    """Turn by TURN_DEGREES about an oblique axis and shift by SHIFT_MM, about the middle of the image."""
    middle = image.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in image.GetSize()])
    transform = sitk.VersorRigid3DTransform()
    transform.SetRotation((0.5, 0.3, 0.8), float(np.radians(TURN_DEGREES)))
    transform.SetCenter(middle)
    shift = np.array([4.0, -4.0, 4.0])
    transform.SetTranslation((shift * SHIFT_MM / np.linalg.norm(shift)).tolist())
    return transform


@cache
def moved_head(volume_ml):
    """The same head turned and shifted."""
    ct, mask = head(volume_ml)
    back = movement(ct).GetInverse()
    moved = sitk.Resample(ct, ct, back, sitk.sitkLinear, -1000.0)
    return moved, sitk.Resample(mask, mask, back, sitk.sitkNearestNeighbor, 0)
