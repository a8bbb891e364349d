"""Every way to store a volume comes to axial order and back, voxel by voxel."""

from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from ICHHPINetLib.errors import InvalidVolumeError
from ICHHPINetLib.imaging.orientation import to_canonical

STORED = np.arange(2 * 3 * 4).reshape(2, 3, 4)
ORIENTATIONS = [
    np.eye(3)[:, list(order)] * signs
    for order in permutations(range(3))
    for signs in product((1, -1), repeat=3)
]


def rotation(degrees, axis):
    angle = np.radians(degrees)
    matrix = np.eye(3)
    one, other = [index for index in range(3) if index != axis]
    matrix[one, one] = matrix[other, other] = np.cos(angle)
    matrix[one, other], matrix[other, one] = -np.sin(angle), np.sin(angle)
    return matrix


@pytest.mark.parametrize("direction", ORIENTATIONS)
def test_every_orientation_agrees_with_itk_and_comes_back(direction):
    image = sitk.GetImageFromArray(STORED.astype(np.int16))
    image.SetSpacing((1.0, 2.0, 5.0))
    if np.linalg.det(direction) > 0:
        image.SetDirection(direction.ravel().tolist())
        reference = sitk.DICOMOrient(image, "LPS")
        canonical, order = to_canonical(STORED, direction)
        np.testing.assert_array_equal(canonical, sitk.GetArrayFromImage(reference))
        assert order.spacing((5.0, 2.0, 1.0)) == reference.GetSpacing()[::-1]
    canonical, order = to_canonical(STORED, direction)
    np.testing.assert_array_equal(order.undo(canonical), STORED)
    assert canonical.shape == tuple(STORED.shape[axis] for axis in order.axes)


@pytest.mark.parametrize("direction", ORIENTATIONS)
def test_axes_point_to_head_back_and_left(direction):
    """A ramp along each patient axis ascends along the canonical one."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in STORED.shape], indexing="ij"))[::-1]
    left, back, up = np.tensordot(direction, index, axes=1)
    for axis, ramp in enumerate((up, back, left)):
        canonical, _ = to_canonical(ramp, direction)
        assert (np.diff(canonical, axis=axis) > 0).all()


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("direction", ORIENTATIONS[::7])
def test_oblique_by_20_degrees_takes_the_nearest_axes(direction, axis):
    _, straight = to_canonical(STORED, direction)
    canonical, oblique = to_canonical(STORED, rotation(20, axis) @ direction)
    assert oblique == straight
    np.testing.assert_array_equal(oblique.undo(canonical), STORED)


@given(st.floats(-180, 180), st.floats(-180, 180), st.floats(-180, 180))
def test_any_rotation_can_be_undone(one, two, three):
    direction = rotation(one, 0) @ rotation(two, 1) @ rotation(three, 2)
    canonical, order = to_canonical(STORED, direction)
    assert sorted(order.axes) == [0, 1, 2]
    np.testing.assert_array_equal(order.undo(canonical), STORED)
    np.testing.assert_array_equal(order.apply(STORED), canonical)


def test_nothing_is_copied():
    canonical, _ = to_canonical(STORED, -np.eye(3))
    assert np.shares_memory(canonical, STORED)


@pytest.mark.parametrize(
    ("array", "direction", "words"),
    [
        (STORED[0], np.eye(3), r"\(Z, Y, X\)"),
        (STORED, np.zeros((3, 3)), "geometry"),
        (STORED, np.eye(2), "geometry"),
        (STORED, np.full((3, 3), np.nan), "geometry"),
    ],
)
def test_no_geometry_is_refused(array, direction, words):
    with pytest.raises(InvalidVolumeError, match=words):
        to_canonical(array, direction)
