import struct

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.imaging.ct import CT, FileGeometry
from ICHHPINetLib.imaging.registration import Alignment
from ICHHPINetLib.measurement import measure
from ICHHPINetLib.measurement.comparison import Side, compare

pytest.importorskip("matplotlib")

from ICHHPINetLib.reporting import comparison_picture as page

SPACING = (5.0, 1.0, 1.0)


def case(depth=9, bleeding=range(3, 7), spacing=SPACING):
    volume = np.full((depth, 40, 32), -1000, np.int16)
    volume[:, 5:35, 5:27] = 35
    mask = np.zeros(volume.shape, np.uint8)
    mask[list(bleeding), 12:20, 10:18] = 1
    volume[mask > 0] = 65
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing(spacing[::-1])
    return CT.of_array(volume, spacing, FileGeometry(image)), mask


def drawn(one, other, alignment, name="a"):
    sides = [Side(name, measure(mask, ct.spacing), (0.5, 9.0)) for ct, mask in (one, other)]
    found = compare(*sides)
    png = page.comparison_picture(found, (one[0], other[0]), (one[1], other[1]), alignment, name)
    assert png.startswith(b"\x89PNG")
    return struct.unpack(">II", png[16:24])


def test_the_followup_is_shown_where_it_lay_on_the_baseline():
    one, other = case(), case(bleeding=range(2, 8))
    shift = sitk.Euler3DTransform()
    shift.SetTranslation((3.0, 0.0, 5.0))
    volumes, marks, _, rows = page.side_by_side((one[0], other[0]), (one[1], other[1]), Alignment(shift))
    assert (marks[1][1:7] == (other[1][2:8] != 0)[:, :, np.r_[3:32, 31, 31, 31]]).all()
    assert volumes[1][8].max() == -1000.0
    assert all(first == second for first, second in rows)


def test_each_ct_is_shown_in_its_own_slices_where_they_are_not_registered():
    one, other = case(), case(depth=14, bleeding=range(8, 13), spacing=(3.0, 1.0, 1.0))
    refused = Alignment(None, reason="The two CTs could not be registered.")
    assert drawn(one, other, refused)
    _, _, _, rows = page.side_by_side((one[0], other[0]), (one[1], other[1]), refused)
    assert all(one[1][first].any() and other[1][second].any() for first, second in rows)


@pytest.mark.parametrize(("depth", "bleeding"), [(2, [0]), (9, [8])])
def test_low_volumes_and_bleeds_at_their_ends_can_be_drawn(depth, bleeding):
    one, other = case(depth, bleeding), case(depth, [])
    assert drawn(one, other, Alignment(sitk.Euler3DTransform(), 0.0, 0.0, 1.0), r"$\frac$_^")
