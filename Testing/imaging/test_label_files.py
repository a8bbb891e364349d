"""Masks and scribbles are what their content says, or are refused; nothing in them is skipped."""

import struct

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib import InputFileError, cli, measure
from ICHHPINetLib.datasets import find_cases, read_case
from ICHHPINetLib.errors import ICHHPINetError, InvalidVolumeError
from ICHHPINetLib.imaging.ct_files import read_ct
from ICHHPINetLib.imaging.label_files import read_labels
from ICHHPINetLib.imaging.scribble_files import read_scribbles
from ICHHPINetLib.training import pack
from Testing.datasets.lookalikes import pairs
from Testing.imaging.images import as_ct, ct_image
from Testing.imaging.test_read_scribbles import NAMES, labelmap, segmentation


@pytest.fixture
def ct():
    return as_ct(ct_image())


@pytest.fixture
def two(ct):
    """Two marks (Z, Y, X) that do not touch: 12 and 5 voxels of 1.25 mm3."""
    one, other = np.zeros((2, *ct.hu.shape), np.uint8)
    one[2, 5:8, 4:8] = 1
    other[4, 3:8, 17] = 1
    return one, other


def noisy(path, image, slope):
    """Write labels as programs do that scale them: 1 comes back as ``slope``."""
    sitk.WriteImage(sitk.Cast(image, sitk.sitkInt16), str(path))
    content = bytearray(path.read_bytes())
    struct.pack_into("<ff", content, 112, slope, 0.0)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("slope", [1.0000153, 0.9999847, 1.0039, 0.9961])
def test_rounding_noise_changes_nothing_for_any_reader(tmp_path, ct, two, slope, capsys):
    path = noisy(tmp_path / "a_mask.nii", labelmap(ct, two[0] + 2 * two[1]), slope)
    assert np.array_equal(read_labels(path).label_map(), two[0] + 2 * two[1])
    assert np.array_equal(read_scribbles(path, ct).background, two[1].astype(bool))
    assert cli.main(["measure", str(path), "--label", "2"]) == 0
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert values.max() != 2
    assert measure(values, (5.0, 0.5, 0.5)).volume_ml == pytest.approx(17 * 1.25e-3)


def test_a_label_beside_blood_is_none_with_rounding_noise(tmp_path, ct, two):
    (tmp_path / "imagesTr").mkdir()
    (tmp_path / "labelsTr").mkdir()
    sitk.WriteImage(ct.geometry.image, str(tmp_path / "imagesTr" / "x_0000.nii"))
    noisy(tmp_path / "labelsTr" / "x.nii", labelmap(ct, two[0] + 2 * two[1]), 1.0000153)
    text = '{"labels": {"background": 0, "hemorrhage": 1, "edema": 2}}'
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    assert np.array_equal(read_case(find_cases(tmp_path)[0]).mask, two[0])


@pytest.mark.parametrize("wrong", [0.3, 0.98, np.nan, np.inf, 1e12, -1.0])
def test_what_is_no_label_is_refused_by_every_reader(tmp_path, ct, two, wrong):
    values = two[0].astype(np.float32)
    values[3, 3] = wrong
    for ending in (".nrrd", ".nii.gz"):
        path = tmp_path / f"m{ending}"
        sitk.WriteImage(labelmap(ct, values), str(path))
        with pytest.raises(ICHHPINetError, match=r"no mask|not finite"):
            read_scribbles(path, ct)
        assert cli.main(["measure", str(path)]) == 2
    with pytest.raises(ICHHPINetError, match=r"m\.nii\.gz"):
        pack.build(pairs(tmp_path / "cases"), tmp_path, tmp_path / "pack.npz")


@pytest.mark.parametrize("low", [-1000, 0])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_a_ct_is_no_mask(tmp_path, ct, low, dtype, capsys):
    sitk.WriteImage(labelmap(ct, np.maximum(ct.hu, low).astype(dtype)), str(tmp_path / "ct.nii.gz"))
    assert cli.main(["measure", str(tmp_path / "ct.nii.gz")]) == 2
    assert "looks like a CT" in capsys.readouterr().err
    with pytest.raises(InvalidVolumeError, match="looks like a CT"):
        measure(ct.hu, ct.spacing)


def test_an_atlas_of_many_labels_is_a_mask(tmp_path, ct):
    z, y, x = np.indices(ct.hu.shape)
    atlas = (1 + z + 6 * (y // 5) + 24 * (x // 5)).astype(np.int16)
    sitk.WriteImage(labelmap(ct, atlas), str(tmp_path / "atlas.nrrd"))
    assert np.array_equal(read_labels(tmp_path / "atlas.nrrd").label_map(), atlas)


def test_segments_that_name_no_layer_share_the_only_one(tmp_path, ct, two):
    path = segmentation(
        tmp_path / "s.seg.nrrd", labelmap(ct, two[0] + 2 * two[1]), [(NAMES[0], None, 1), (NAMES[1], None, 2)]
    )
    scribbles = read_scribbles(path, ct)
    assert np.array_equal(scribbles.foreground, two[0].astype(bool))
    assert np.array_equal(scribbles.background, two[1].astype(bool))


@pytest.mark.parametrize("name", ["s.seg.nrrd", "s.nrrd"])
@pytest.mark.parametrize("stack", ["values", "fourth axis"])
def test_layers_are_read_whatever_the_file_is_called(tmp_path, ct, two, name, stack, capsys):
    images = [labelmap(ct, one) for one in two]
    image = sitk.Compose(images) if stack == "values" else sitk.JoinSeries(images)
    path = segmentation(tmp_path / name, image, [(NAMES[0], 0, 1), (NAMES[1], 1, 1)])
    scribbles = read_scribbles(path, ct)
    assert np.array_equal(scribbles.background, two[1].astype(bool))
    assert np.array_equal(read_labels(path).label_map(), two[0] + 2 * two[1])
    assert cli.main(["measure", str(path)]) == 0
    assert "added up: 1 (Hemorrhage scribble), 2 (Background scribble)" in capsys.readouterr().out
    with pytest.raises(InputFileError, match="is a segmentation, not a CT"):
        read_ct(path)


def test_of_segments_that_overlap_one_has_to_be_chosen(tmp_path, ct, two, capsys):
    both = two[0] | two[1]
    image = sitk.Compose([labelmap(ct, one) for one in (two[0], both)])
    path = segmentation(tmp_path / "s.nrrd", image, [("Clot", 0, 1), ("All", 1, 1)])
    assert cli.main(["measure", str(path)]) == 2
    assert "overlap: 1 (Clot), 2 (All)" in capsys.readouterr().err
    report = tmp_path / "r.json"
    assert cli.main(["measure", str(path), "--label", "2", "--report", str(report)]) == 0
    assert f'"volume_ml": {17 * 1.25e-3:.4f}'[:-1] in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("segments", "complaint"),
    [
        ([("a", 0, 1)], "label 2 belongs to no segment"),
        ([("a", 0, 1), ("b", 1, 2)], "in layer 1"),
        ([("a", 0, 1), ("b", -1, 2)], "in layer -1"),
        ([("a", 0, 1), ("b", 0, 1)], "belongs to more than one"),
        ([("a", 0, 1), ("b", 0, 0)], "has the label 0"),
        ([("a", 0, 1), ("b", 0, "x")], "damaged"),
    ],
)
def test_a_list_of_segments_that_leaves_doubts_is_refused(tmp_path, ct, two, segments, complaint):
    path = segmentation(tmp_path / "s.nrrd", labelmap(ct, two[0] + 2 * two[1]), segments)
    with pytest.raises(InputFileError, match=complaint):
        read_labels(path)


def test_a_segmentation_of_a_part_of_the_ct_is_measured_and_learned_from(tmp_path, ct, two):
    sitk.WriteImage(ct.geometry.image, str(tmp_path / "a_ct.nii.gz"))
    part = sitk.Flip(labelmap(ct, two[0] + 2 * two[1])[3:20, 2:12, 2:5], (False, True, False), False)
    path = segmentation(tmp_path / "a_mask.seg.nrrd", part, [("Hematoma", 0, 1), ("Edema", 0, 2)])
    read = read_case(find_cases(tmp_path)[0])
    assert np.array_equal(read.mask, two[0])
    assert "Segments not counted as blood: Edema." in read.notes
    report = tmp_path / "r.json"
    given = ["--label", "1", "--ct", str(tmp_path / "a_ct.nii.gz"), "--report", str(report)]
    assert cli.main(["measure", str(path), *given]) == 0
    assert f'"hu_mean": {ct.hu[two[0] > 0].mean(dtype=float):.6f}' in report.read_text(encoding="utf-8")


def test_the_named_mask_is_read_and_a_cut_one_is_not(tmp_path, ct, two, capsys):
    sitk.WriteImage(labelmap(ct, two[0]), str(tmp_path / "m.nii"))
    sitk.WriteImage(labelmap(ct, two[1]), str(tmp_path / "m.nii.gz"))
    for ending, marks in ((".nii", two[0]), (".nii.gz", two[1])):
        assert np.array_equal(read_labels(tmp_path / f"m{ending}").label_map(), marks)
    for name in ("m.nii", "m.nii.gz"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-20])
        assert cli.main(["measure", str(tmp_path / name)]) == 2
        with pytest.raises(InputFileError, match="cut off"):
            read_scribbles(tmp_path / name, ct)


@pytest.mark.parametrize(("ending", "field"), [("nrrd", b"space directions"), ("mha", b"ElementSpacing")])
def test_a_place_without_a_size_of_voxels_is_doubted(tmp_path, ending, field):
    path = tmp_path / f"mask.{ending}"
    image = sitk.GetImageFromArray(np.eye(6, dtype=np.uint8)[None].repeat(3, 0))
    image.SetOrigin((1.0, 2.0, 3.0))
    sitk.WriteImage(image, str(path))
    assert not read_labels(path).warnings
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(line for line in lines if not line.startswith(field)))
    assert "not stated" in " ".join(read_labels(path).warnings)
