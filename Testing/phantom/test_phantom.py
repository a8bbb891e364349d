"""The generated head: known volumes, plausible HU, the same voxels for the same seed."""

import functools

import numpy as np
import pytest
from scipy import ndimage

from ICHHPINetLib import phantom

COARSE = (5.0, 2.5, 2.5)


@functools.cache
def make(kind: str, seed: int) -> phantom.Phantom:
    return phantom.generate(kind, seed, COARSE)


def mask_ml(head: phantom.Phantom) -> float:
    return head.mask.sum() * float(np.prod(head.spacing)) / 1000.0


@pytest.mark.parametrize("kind", phantom.KINDS)
def test_mask_has_the_stated_volume(kind):
    head = make(kind, 0)
    assert head.volume.dtype == np.int16
    assert head.mask.dtype == np.uint8
    assert head.volume.shape == head.mask.shape
    assert mask_ml(head) == pytest.approx(head.volume_ml, rel=0.08)


def test_default_geometry_holds_the_whole_head():
    coarse = make("deep", 0)
    assert coarse.volume.shape == (32, 90, 77)
    border = np.concatenate([coarse.volume[:, [0, -1]].ravel(), coarse.volume[:, :, [0, -1]].ravel()])
    assert border.max() < -900
    assert coarse.volume[-2].max() > 100  # the vertex is in the scan
    assert coarse.name == "phantom-deep-0"


@pytest.mark.parametrize("kind", ["deep", "multifocal"])
def test_closed_form_volume_can_be_chosen(kind):
    head = phantom.generate(kind, 3, COARSE, slices=20, volume_ml=12.5)
    assert head.volume_ml == pytest.approx(12.5, rel=1e-6)


def test_chosen_volume_of_an_irregular_bleed_is_rough():
    small, large = (phantom.generate("lobar", 2, COARSE, slices=28, volume_ml=size) for size in (10.0, 30.0))
    assert small.volume_ml < large.volume_ml


def test_finer_slices_leave_the_closed_form_volume():
    thick, thin = (phantom.generate("deep", 4, (step, 2.5, 2.5), int(72 / step)) for step in (6.0, 3.0))
    assert thick.volume_ml == thin.volume_ml
    assert mask_ml(thin) == pytest.approx(thin.volume_ml, rel=0.03)


@pytest.mark.parametrize("seed", range(2))
def test_multifocal_foci_are_three_slices_apart(seed):
    head = make("multifocal", seed)
    touched = np.flatnonzero(head.mask.any(axis=(1, 2)))
    assert np.diff(touched).max() - 1 >= 3
    assert ndimage.label(head.mask, np.ones((3, 3, 3)))[1] >= 2


def test_intraventricular_blood_settles_at_the_back():
    head = make("intraventricular", 0)
    rows = np.nonzero(head.mask)[1]
    assert rows.mean() > head.mask.shape[1] / 2 + 5


def test_extraaxial_blood_lies_along_bone_and_is_thin():
    head = make("extraaxial", 0)
    near_bone = ndimage.binary_dilation(head.volume > 300, iterations=6)
    assert (near_bone & (head.mask > 0)).sum() > 0.9 * head.mask.sum()
    depth = ndimage.distance_transform_edt(head.mask, sampling=head.spacing)
    assert depth.max() < 8.0


@pytest.mark.parametrize("kind", phantom.KINDS)
def test_tissue_values_are_those_of_a_head_ct(kind):
    head = make(kind, 0)
    inside = head.volume[(head.volume > 15) & (head.volume < 55) & (head.mask == 0)]
    assert 28 < np.median(inside) < 38
    core = ndimage.binary_erosion(head.mask, np.ones((1, 3, 3)))
    if core.any():
        assert 52 < head.volume[core].mean() < 66
    assert head.volume.min() >= -1024
    assert head.volume.max() > 1000


def test_partial_volume_dims_the_end_slices():
    head = make("deep", 0)
    means = [head.volume[z][head.mask[z] > 0].mean() for z in np.flatnonzero(head.mask.any(axis=(1, 2)))]
    assert max(means) - min(means[0], means[-1]) > 3


def test_noise_is_chosen_and_correlated():
    silent, noisy = (
        phantom.generate("deep", 0, (5.0, 0.5, 0.5), slices=12, shape=(64, 96), noise_hu=sd)
        for sd in (0.0, 6.0)
    )
    noise = noisy.volume.astype(float) - silent.volume
    assert noise.std() == pytest.approx(6.0, rel=0.25)
    neighbors = np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1]
    assert neighbors > 0.1


def test_the_density_of_the_blood_is_chosen():
    bright, dark = (
        phantom.generate("deep", 0, (5.0, 1.5, 1.5), slices=12, noise_hu=0.0, blood_hu=hu) for hu in (59, 37)
    )
    core = ndimage.binary_erosion(bright.mask, iterations=2)
    assert core.any()
    assert np.array_equal(bright.mask, dark.mask)
    assert bright.volume[core].mean() - dark.volume[core].mean() == pytest.approx(22, abs=1)


def test_same_seed_same_voxels_other_seed_others():
    first, other = make("multifocal", 0), make("multifocal", 1)
    again = phantom.generate("multifocal", 0, COARSE)
    np.testing.assert_array_equal(first.volume, again.volume)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert not np.array_equal(first.volume, other.volume)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "subarachnoid"}, "choose one of"),
        ({"kind": "extraaxial", "volume_ml": 20.0}, "leave volume_ml out"),
        ({"kind": "multifocal", "slices": 6}, "ask for more slices"),
    ],
)
def test_impossible_requests_say_what_to_do(arguments, words):
    with pytest.raises(ValueError, match=words):
        phantom.generate(spacing=COARSE, **arguments)
