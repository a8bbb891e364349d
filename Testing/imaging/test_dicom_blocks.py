"""Thin slices at the skull base and thick ones above: each counts with its own thickness, and it is said."""

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.imaging.ct_files import read_ct
from ICHHPINetLib.imaging.scribble_files import read_scribbles
from Testing.imaging.dicom_cases import ORIGIN, head_hu, numbers, write_slices


def positions(*parts):
    """Places of blocks: (count, step), then gap, then (count, step) and so on."""
    gaps = []
    for part in parts:
        gaps += [part[1]] * (part[0] - 1) if isinstance(part, tuple) else [part]
    return np.cumsum([0.0, *gaps])


def thicknesses(*parts):
    return [part[1] for part in parts if isinstance(part, tuple) for _ in range(part[0])]


def write_blocks(folder, *parts, **more):
    z = positions(*parts)
    write_slices(folder, head_hu(len(z)), z, **{"thickness": thicknesses(*parts), **more})
    return z


@pytest.mark.parametrize("gap", [0.25, 1.08, 5.0])
@pytest.mark.parametrize("tilt", [0.0, 18.5])
@pytest.mark.parametrize("turned", [False, True])
def test_every_slice_has_its_own_thickness(tmp_path, gap, tilt, turned):
    parts = [(7, 4.0), gap, (6, 7.0)]
    parts = parts[::-1] if turned else parts
    z = write_blocks(tmp_path, *parts, tilt=tilt)
    ct = read_ct(tmp_path)
    shown = np.bincount(numbers(ct)) * ct.spacing[0]
    border = parts[0][0]
    own = np.array(thicknesses(*parts))
    inside = [index for index in range(13) if index not in (border - 1, border)]
    np.testing.assert_allclose(shown[inside], own[inside], rtol=0.01)
    # Between the blocks nothing is lost, and what overlaps counts once; each of the two slices keeps a share.
    assert shown.sum() == pytest.approx(z[-1] + 0.5 * (own[0] + own[-1]), abs=0.51)
    assert (shown[[border - 1, border]] > 0.25 * own[[border - 1, border]]).all()
    # Every plane is one acquired slice, and lies in or next to it.
    assert (np.diff(numbers(ct)) >= 0).all()
    along = ct.geometry.image.GetOrigin()[2] - 30 + ct.spacing[0] * np.arange(len(ct.hu))
    assert np.abs(along - z[numbers(ct)]).max() <= 0.5 * max(own) + 0.6
    words = " ".join(ct.warnings)
    for part in (f"{parts[0][0]} slices of {parts[0][1]:g} mm", f"{gap:g} mm apart", "own thickness"):
        assert part in words
    assert ("tilted by 18.5 degrees" in words) == bool(tilt)
    assert ct.geometry.sheared_mm == pytest.approx(z[-1] * np.tan(np.radians(tilt)), abs=0.1)


@pytest.mark.parametrize(
    "parts", [[(9, 2.5), 5.0, (12, 5.0)], [(9, 2.5), 2.5, (12, 5.0)], [(6, 5.0), 2.5, (9, 2.5)]]
)
@pytest.mark.parametrize("said", [True, False])
def test_a_gap_may_be_a_distance_of_either_block(tmp_path, parts, said):
    def change(index, dataset):
        if not said:
            del dataset.SliceThickness

    z = write_blocks(tmp_path, *parts, change=change)
    ct = read_ct(tmp_path)
    own = np.array(thicknesses(*parts))
    shown = np.bincount(numbers(ct)) * ct.spacing[0]
    assert shown.sum() == pytest.approx(z[-1] + 0.5 * (own[0] + own[-1]), abs=0.51)
    border = parts[0][0]
    far = [index for index in range(len(own)) if not border - 2 <= index <= border + 1]
    np.testing.assert_allclose(shown[far], own[far], rtol=0.01)
    if said:
        assert f"{border} slices of {parts[0][1]:g} mm" in ct.warnings[0]


def test_three_blocks(tmp_path):
    write_blocks(tmp_path, (4, 1.25), 2.0, (5, 2.5), 4.0, (6, 5.0))
    shown = np.bincount(numbers(ct := read_ct(tmp_path))) * ct.spacing[0]
    assert shown[[1, 6, 12]] == pytest.approx([1.25, 2.5, 5.0], rel=0.01)


@pytest.mark.parametrize(
    ("parts", "thickness", "words"),
    [
        ([(5, 4.0), 8.0, (4, 4.0), 1.08, (5, 7.0)], None, "3 blocks .5 slices 4.00 mm apart.*8.00 mm above"),
        ([(5, 4.0), 14.0, (5, 7.0)], None, "2 blocks.*14.00 mm above.*Export.*copy each block"),
        ([(5, 5.0), 10.0, (5, 10.0)], 5.0, "slices 10.00 mm apart say that they are 5 mm thick"),
        ([(3, 2.0), 3.0, (3, 4.0), 5.0, (3, 6.0), 7.0, (3, 8.0), 9.0, (3, 10.0)], None, "5 blocks.*too many"),
        ([(5, 4.0), 6.0, (2, 7.0)], None, "too few slices"),
        ([(5, 5.0), 2.5, (5, 5.0)], None, "not evenly spaced .irregular distances"),
        ([(5, 5.0), 15.0, (5, 5.0)], None, "not evenly spaced .2 missing"),
    ],
)
def test_blocks_that_do_not_go_together_are_named(tmp_path, parts, thickness, words):
    more = {} if thickness is None else {"thickness": thickness}
    write_blocks(tmp_path, *parts, **more)
    with pytest.raises(InputFileError, match=words):
        read_ct(tmp_path)


def test_positions_rounded_to_a_tenth_of_a_millimeter_are_even(tmp_path):
    write_slices(tmp_path / "fine", head_hu(40), np.round(0.625 * np.arange(40), 1), 0.625)
    assert read_ct(tmp_path / "fine").spacing[0] == pytest.approx(0.625, abs=0.01)
    write_slices(tmp_path / "odd", head_hu(6), np.cumsum([0, 0.625, 0.625, 1.0, 0.625, 0.625]), 0.625)
    with pytest.raises(InputFileError, match="not evenly spaced"):
        read_ct(tmp_path / "odd")


@pytest.mark.parametrize("tilt", [0.0, 18.5])
def test_scribbles_drawn_on_the_series_as_others_load_it(tmp_path, tilt):
    """With one plane a slice, all at one distance: the scribble lies on the slice that it was drawn on."""
    write_blocks(tmp_path, (7, 4.0), 1.08, (6, 7.0), tilt=tilt)
    ct = read_ct(tmp_path)
    drawn = np.zeros((13, *ct.hu.shape[1:]), np.uint8)
    drawn[9, 12, 8:12], drawn[2, 10, 8:12] = 1, 2
    image = sitk.GetImageFromArray(drawn)
    image.SetSpacing((0.5, 0.5, 4.98))
    image.SetOrigin(ORIGIN.tolist())
    sitk.WriteImage(image, str(tmp_path / "drawn.nrrd"))
    read = read_scribbles(tmp_path / "drawn.nrrd", ct)
    assert {numbers(ct)[plane] for plane in read.foreground.any(axis=(1, 2)).nonzero()[0]} == {9}
    assert {numbers(ct)[plane] for plane in read.background.any(axis=(1, 2)).nonzero()[0]} == {2}
    assert read.foreground.sum() == 4 * 7 and read.background.sum() == 4 * 4


def test_a_real_ct_of_two_blocks(real_cases):
    folder = real_cases / "dicom-ge-tilt"
    if not folder.is_dir():
        pytest.skip(f"'{real_cases}' holds no dicom-ge-tilt")
    ct = read_ct(folder)
    shown = np.array(ct.geometry.repeats) * ct.spacing[0]
    np.testing.assert_allclose(shown[:13], 4.0, rtol=0.002)
    np.testing.assert_allclose(shown[15:], 7.0, rtol=0.002)
    assert shown.sum() == pytest.approx(13 * 4.0 + 1.08 + 13 * 7.0 + 5.5, abs=0.51)
    assert ct.geometry.slices == "14 x 4 mm, 14 x 7 mm, 1.08 mm where they meet, gantry 18.5°"
