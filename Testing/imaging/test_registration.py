"""Two CTs of one head are laid on each other, or it is said that they are not."""

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.imaging.registration import blood_outside_ml, register
from Testing.imaging.images import as_ct
from Testing.imaging.moved_heads import SHIFT_MM, TURN_DEGREES, head, image_of, moved_head, movement


@pytest.fixture(scope="module")
def found():
    return register(as_ct(head(20.0)[0]), as_ct(moved_head(28.0)[0]))


def test_a_turned_and_shifted_head_is_found_to_a_millimeter_and_a_degree(found):
    image = head(20.0)[0]
    truth = movement(image)
    assert found.turn_degrees == pytest.approx(TURN_DEGREES, abs=1.0)
    matrices = [np.array(one.GetMatrix()).reshape(3, 3) for one in (found.transform, truth)]
    left = np.degrees(np.arccos(np.clip((np.trace(matrices[0] @ matrices[1].T) - 1) / 2, -1, 1)))
    assert left < 1.0
    middle = np.array(truth.GetCenter())
    assert np.linalg.norm(np.array(truth.TransformPoint(middle)) - middle) == pytest.approx(SHIFT_MM)
    for away in ((0, 0, 0), (50, 0, 0), (0, 60, 0), (0, 0, 40)):
        place = (middle + away).tolist()
        apart = np.subtract(found.transform.TransformPoint(place), truth.TransformPoint(place))
        assert np.linalg.norm(apart) < 1.0


def test_same_cts_give_the_same_transform(found):
    again = register(as_ct(head(20.0)[0]), as_ct(moved_head(28.0)[0]))
    assert again.transform.GetParameters() == found.transform.GetParameters()


def test_what_is_no_head_is_not_registered():
    noise = np.random.default_rng(0).normal(35, 60, (12, 40, 40)).astype(np.int16)
    alignment = register(as_ct(image_of(noise)), as_ct(head(20.0)[0]))
    assert alignment.transform is None and "could not be registered" in alignment.reason


def test_blood_where_the_other_ct_has_no_slice_is_counted():
    image, mask = head(20.0)
    ct, marks = as_ct(image), sitk.GetArrayFromImage(mask)
    bleeding = np.flatnonzero(marks.any(axis=(1, 2)))
    half = int(bleeding[len(bleeding) // 2])
    same = sitk.Euler3DTransform()
    assert blood_outside_ml(marks, ct, ct, same) == 0.0
    outside = blood_outside_ml(marks, ct, as_ct(image[:, :, :half]), same)
    assert outside == pytest.approx(marks[half:].sum() * np.prod(ct.spacing) / 1000)
