"""DICOM segmentations are measured with their own geometry, or refused; never with 1 mm."""

import json
import sys

import numpy as np
import pytest

hd = pytest.importorskip("highdicom")

from pydicom import dcmread  # noqa: E402
from pydicom.sr.codedict import codes  # noqa: E402

from ICHHPINetLib import InputFileError, cli  # noqa: E402
from ICHHPINetLib.errors import MissingPackageError  # noqa: E402
from ICHHPINetLib.imaging.ct_files import read_ct  # noqa: E402
from ICHHPINetLib.imaging.label_files import read_labels  # noqa: E402
from ICHHPINetLib.imaging.scribble_files import read_scribbles  # noqa: E402
from Testing.imaging.images import ct_image, write_series  # noqa: E402

NAMES = ("Hemorrhage scribble", "Background scribble")


@pytest.fixture
def ct(tmp_path):
    """An oblique DICOM series of ten slices, whose files give a distance of 1 mm for 5."""
    write_series(tmp_path / "ct", ct_image((10, 20, 24), angle=15.0), "1.2.826.0.1.3680043.2")
    return read_ct(tmp_path / "ct")


@pytest.fixture
def marks(ct):
    """Two segments (Z, Y, X) in slices with gaps between them: 30 and 8 voxels of 1.25 mm3."""
    one, other = np.zeros((2, *ct.hu.shape), np.uint8)
    one[[2, 3, 7], 5:10, 4:6] = 1
    other[[3, 8], 12:16, 17] = 1
    return one, other


def write(path, ct, layers, kind="BINARY", change=None):
    """Write ``layers`` (Z, Y, X) as a SEG that leaves empty frames out."""
    sources = [dcmread(file) for file in (path.parent / "ct").iterdir()]
    sources.sort(key=lambda one: one.ImagePositionPatient[2])
    order = (
        slice(None)
        if np.array(ct.geometry.image.GetDirection()).reshape(3, 3)[2, 2] > 0
        else slice(None, None, -1)
    )
    for one in sources:
        one.PatientID, one.StudyID = "p", "s"
        for name in (
            "PatientName",
            "PatientBirthDate",
            "PatientSex",
            "AccessionNumber",
            "StudyDate",
            "StudyTime",
        ):
            setattr(one, name, "")
        one.ReferringPhysicianName = ""
        one.FrameOfReferenceUID = "1.2.3.9"
    descriptions = [
        hd.seg.SegmentDescription(
            number,
            name,
            codes.SCT.Tissue,
            codes.SCT.Tissue,
            hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, name in enumerate(NAMES[: len(layers)], 1)
    ]
    pixels = np.stack(layers, axis=3)[order]
    if kind == "FRACTIONAL":
        pixels = pixels * np.float32(0.5)
    seg = hd.seg.Segmentation(
        sources,
        pixels,
        kind,
        descriptions,
        series_instance_uid="1.2.3.5",
        series_number=2,
        sop_instance_uid="1.2.3.6",
        instance_number=1,
        manufacturer="m",
        manufacturer_model_name="m",
        software_versions="1",
        device_serial_number="1",
    )
    if change:
        change(seg)
    seg.save_as(path)
    return path


def measured(path, tmp_path, *options):
    report = tmp_path / "r.json"
    assert cli.main(["measure", str(path), "--report", str(report), *options]) == 0
    return json.loads(report.read_text(encoding="utf-8"))


def measures(seg):
    return seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


@pytest.mark.parametrize("name", ["s.dcm", "s"])
def test_segments_and_gaps_are_measured_in_their_own_geometry(tmp_path, ct, marks, name):
    path = write(tmp_path / name, ct, marks)
    both = measured(path, tmp_path)
    assert both["volume_ml"] == pytest.approx(38 * 1.25e-3)
    assert "1 (Hemorrhage scribble), 2 (Background scribble)" in both["warnings"][0]
    one = measured(path, tmp_path, "--label", "1", "--ct", str(tmp_path / "ct"))
    assert one["volume_ml"] == pytest.approx(30 * 1.25e-3)
    assert one["hu_mean"] == pytest.approx(ct.hu[marks[0] > 0].mean())
    assert one["slices"] == 3


def test_scribbles_in_a_seg_land_where_they_were_drawn(tmp_path, ct, marks):
    scribbles = read_scribbles(write(tmp_path / "s.dcm", ct, marks), ct)
    assert np.array_equal(scribbles.foreground, marks[0] > 0)
    assert np.array_equal(scribbles.background, marks[1] > 0)


def test_a_label_map_of_dicom_is_read_as_well(tmp_path, ct, marks):
    path = write(tmp_path / "s.dcm", ct, marks, "LABELMAP")
    assert measured(path, tmp_path, "--label", "2")["volume_ml"] == pytest.approx(8 * 1.25e-3)


def test_segments_that_overlap_are_not_added_up(tmp_path, ct, marks, capsys):
    path = write(tmp_path / "s.dcm", ct, [marks[0], marks[0] | marks[1]])
    assert cli.main(["measure", str(path)]) == 2
    assert "overlap: 1 (Hemorrhage" in capsys.readouterr().err
    assert measured(path, tmp_path, "--label", "2")["volume_ml"] == pytest.approx(38 * 1.25e-3)


def test_a_single_slice_is_as_thick_as_its_file_says_or_refused(tmp_path, ct, marks):
    def say(between, thick):
        def change(seg):
            for name, value in (("SpacingBetweenSlices", between), ("SliceThickness", thick)):
                delattr(measures(seg), name)
                if value:
                    setattr(measures(seg), name, value)

        return change

    only = np.zeros_like(marks[0])
    only[4, 5:10, 4:6] = 1
    for stated in ((5, 5), (None, 5), (5, None)):
        path = write(tmp_path / "s.dcm", ct, [only], change=say(*stated))
        assert measured(path, tmp_path)["volume_ml"] == pytest.approx(10 * 1.25e-3)
    for stated in ((None, None), (1, 5)):
        with pytest.raises(InputFileError, match="How far apart"):
            read_labels(write(tmp_path / "s.dcm", ct, [only], change=say(*stated)))


@pytest.mark.parametrize("between", [None, 1.0, 2.5, 7.0])
def test_slices_whose_distance_is_a_guess_are_refused(tmp_path, ct, marks, between):
    """Every second slice is marked, and nothing or something else is said of their distance."""

    def change(seg):
        measures(seg).SliceThickness = 5
        measures(seg).SpacingBetweenSlices = between
        if between is None:
            del measures(seg).SpacingBetweenSlices

    marks[0][3] = 0
    marks[0][[4, 8]] = marks[0][2]
    marks[0][7] = 0
    with pytest.raises(InputFileError, match=r"How far apart|no volume"):
        read_labels(write(tmp_path / "s.dcm", ct, marks[:1], change=change))


def test_fractions_and_other_dicom_are_refused(tmp_path, ct, marks, capsys):
    assert cli.main(["measure", str(write(tmp_path / "s.dcm", ct, marks[:1], "FRACTIONAL"))]) == 2
    assert "fractions" in capsys.readouterr().err
    with pytest.raises(InputFileError, match="modality CT, not a segmentation"):
        read_labels(next((tmp_path / "ct").iterdir()))


def test_a_cut_seg_is_refused(tmp_path, ct, marks):
    path = write(tmp_path / "s.dcm", ct, marks)
    content = path.read_bytes()
    for length in (len(content) - 20, len(content) // 2, 400):
        path.write_bytes(content[:length])
        with pytest.raises(InputFileError):
            read_labels(path)


def test_without_highdicom_the_package_is_named(tmp_path, ct, marks, monkeypatch):
    path = write(tmp_path / "s.dcm", ct, marks)
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'ichhpinet\[dicom\]'"):
        read_labels(path)
