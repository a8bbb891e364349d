"""What a PACS gets: the same voxels on the acquired slices, the same numbers, the same patient."""

import numpy as np
import pytest
import SimpleITK as sitk

hd = pytest.importorskip("highdicom")

import pydicom  # noqa: E402

from ICHHPINetLib.dicom_export.files import write_objects  # noqa: E402
from ICHHPINetLib.dicom_export.sc import make_sc  # noqa: E402
from ICHHPINetLib.dicom_export.seg import make_seg  # noqa: E402
from ICHHPINetLib.dicom_export.source import made_of, read_source  # noqa: E402
from ICHHPINetLib.dicom_export.sr import make_sr, read_sr  # noqa: E402
from ICHHPINetLib.errors import InputFileError, OutputError  # noqa: E402
from ICHHPINetLib.imaging.ct_files import read_ct  # noqa: E402
from ICHHPINetLib.imaging.label_files import read_labels  # noqa: E402
from ICHHPINetLib.imaging.scribbles_grid import on_grid  # noqa: E402
from ICHHPINetLib.measurement import measure  # noqa: E402
from ICHHPINetLib.measurement.finding import Finding  # noqa: E402
from Testing.imaging.dicom_cases import head_hu, write_frames, write_slices  # noqa: E402

SHA256 = "0123456789abcdef" * 4
BLOCKS = np.cumsum([0.0, *[4.0] * 6, 1.08, *[7.0] * 5])


def patient(index, dataset):
    dataset.PatientName, dataset.PatientID, dataset.PatientSex = "Müller^Änne", "4711", "F"
    dataset.PatientBirthDate, dataset.PatientAge = "19500102", "076Y"
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20260102", "101112", "A-9"
    dataset.FrameOfReferenceUID, dataset.StudyDescription = "1.2.3.9", "Head"


def blocks(folder, **more):
    write_slices(folder, head_hu(13), BLOCKS, thickness=[4.0] * 7 + [7.0] * 6, **more)


def unstated_blocks(folder):
    def change(index, dataset):
        del dataset.SliceThickness

    blocks(folder, change=change)


def from_the_head_down(folder):
    def change(index, dataset):
        dataset.ImageOrientationPatient = [1, 0, 0, 0, -1, 0]

    write_slices(folder, change=change)


SERIES = {
    "axial": write_slices,
    "from the head down": from_the_head_down,
    "tilted": lambda folder: write_slices(folder, tilt=18.5),
    "two blocks": blocks,
    "two blocks, tilted": lambda folder: blocks(folder, tilt=18.5),
    "two blocks of unstated thickness": unstated_blocks,
    "one file": lambda path: write_frames(path, order=[3, 0, 7, 5, 1, 6, 2, 4]),
}


def finding_on(ct, source, **more):
    """Bleed on the acquired slices 3 to 5 and 7, in an odd shape."""
    slices = np.zeros((len(source.slices), *source.slices[0].size[::-1]), np.uint8)
    slices[3:6, 7:12, 6:11] = slices[7, 8, 6:9] = 1
    slices[4, 12, 6] = 1
    mask = ct.geometry.reorientation.apply(np.repeat(slices, source.repeats, axis=0))
    words = {"rounds": 3, "interval_ml": (0.01, 0.5), "is_guess": False, "weights": "fake", "sha256": SHA256}
    return Finding(mask, measure(mask, ct.spacing, ct.hu), **{**words, **more}), slices


@pytest.fixture
def axial(tmp_path):
    """CT, source and finding of an axial series with a patient."""
    write_slices(tmp_path / "ct", change=patient)
    ct = read_ct(tmp_path / "ct")
    source = read_source(ct)
    return ct, source, finding_on(ct, source)[0]


@pytest.mark.parametrize("name", SERIES)
def test_the_voxels_come_back(tmp_path, name):
    SERIES[name](tmp_path / "ct")
    ct = read_ct(tmp_path / "ct")
    source = read_source(ct)
    finding, slices = finding_on(ct, source)
    write_objects({tmp_path / "seg.dcm": make_seg(ct, finding, source)})
    file = read_labels(tmp_path / "seg.dcm")
    back = on_grid(file.label_map() != 0, file.grid, ct.geometry.image)
    np.testing.assert_array_equal(ct.geometry.reorientation.apply(back), finding.mask)
    assert file.names == {1: "Hematoma"} and file.series == "1.2.3.4" and not file.is_guess
    seg = hd.seg.segread(tmp_path / "seg.dcm")
    if source.is_one_file:
        numbers = [one.frame + 1 for one in source.slices]
        frames = seg.get_pixels_by_source_frame(
            source.slices[0].uid, numbers, assert_missing_frames_are_empty=True
        )
    else:
        frames = seg.get_pixels_by_source_instance(
            [one.uid for one in source.slices], assert_missing_frames_are_empty=True
        )
    np.testing.assert_array_equal(frames[..., 0], slices)


def test_planes_of_one_slice_that_differ_are_settled_by_most(tmp_path):
    blocks(tmp_path / "ct")
    ct = read_ct(tmp_path / "ct")
    source = read_source(ct)
    start, count = sum(source.repeats[:9]), source.repeats[9]
    mask = np.zeros(ct.shape, np.uint8)
    mask[start : start + count // 2, 8, 8] = mask[start : start + count // 2 + 1, 9, 9] = 1
    marked = source.masks(ct, mask)
    assert marked.sum() == 1 + (count % 2 == 0) and marked[9, 9, 9]


def test_what_is_coded_in_the_segment(axial):
    seg = make_seg(axial[0], axial[2], axial[1])
    segment = seg.SegmentSequence[0]
    assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "50960005"
    assert segment.AnatomicRegionSequence[0].CodeValue == "12738006"
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC" and segment.TrackingUID and segment.TrackingID
    algorithm = segment.SegmentationAlgorithmIdentificationSequence[0]
    assert SHA256 in algorithm.AlgorithmParameters and "fake" in algorithm.AlgorithmVersion
    assert "research use" in seg.SeriesDescription and seg.SegmentationType == "BINARY"
    guess, _ = finding_on(axial[0], axial[1], is_guess=True)
    guessed = make_seg(axial[0], guess, axial[1])
    assert guessed.SegmentSequence[0].SegmentAlgorithmType == "AUTOMATIC"


def test_the_report_has_the_numbers_and_refers_to_segment_and_ct(axial, tmp_path):
    ct, source, finding = axial
    seg = make_seg(ct, finding, source)
    write_objects({tmp_path / "sr.dcm": make_sr(finding, source, seg)})
    numbers = finding.numbers.as_dict()
    expected = {name: numbers[name] for name in ("volume_ml", "abc2_ml", "hu_mean", "hu_sd", "foci")}
    expected |= {"rounds": 3, "likely_from_ml": 0.01, "likely_to_ml": 0.5}
    read = read_sr(tmp_path / "sr.dcm")
    assert read.numbers == pytest.approx(expected, abs=1e-6) and not read.is_guess
    report = pydicom.dcmread(tmp_path / "sr.dcm")
    named = {
        one.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    assert named == {seg.SOPInstanceUID, *(one.uid for one in source.slices)}
    assert report.VerificationFlag == "UNVERIFIED"


def test_nothing_marked_is_told_as_well(axial, tmp_path):
    ct, source, _ = axial
    mask = np.zeros(ct.shape, np.uint8)
    empty = Finding(mask, measure(mask, ct.spacing, ct.hu), 1, None, True, "fake", SHA256)
    seg = make_seg(ct, empty, source)
    write_objects({tmp_path / "seg.dcm": seg, tmp_path / "sr.dcm": make_sr(empty, source, seg)})
    read = read_labels(tmp_path / "seg.dcm")
    assert read.is_guess and not read.label_map().any()
    numbers = {"volume_ml": 0, "abc2_ml": 0, "foci": 0, "rounds": 1}
    assert read_sr(tmp_path / "sr.dcm") == (numbers, True)


def objects(ct, source, finding):
    seg = make_seg(ct, finding, source)
    picture = np.zeros((8, 6, 3), np.uint8)
    return seg, make_sr(finding, source, seg), make_sc(picture, 4, ct, finding, source)


def test_patient_and_study_are_the_source_s_own(axial):
    source = axial[1].headers[0]
    copied = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyInstanceUID")
    made = objects(*axial)
    for one in made:
        for keyword in (
            *copied,
            "StudyDate",
            "StudyTime",
            "StudyDescription",
            "AccessionNumber",
            "SpecificCharacterSet",
        ):
            assert str(one.get(keyword)) == str(source.get(keyword)), keyword
        assert "PatientIdentityRemoved" not in one and not one.get("InstitutionName")
        assert one.SeriesInstanceUID != source.SeriesInstanceUID
    assert len({one.SeriesInstanceUID for one in made}) == 3
    assert made[0].FrameOfReferenceUID == "1.2.3.9"
    assert made[2].SourceImageSequence[0].ReferencedSOPInstanceUID == axial[1].slices[4].uid


def test_the_letters_of_names_are_told_whatever_makes_an_object(axial):
    assert made_of(axial[1], "An object", pydicom.Dataset).SpecificCharacterSet == "ISO_IR 100"


@pytest.mark.parametrize(("stated", "told"), [("CTP", "CTP"), ("", "Not stated in the source series")])
def test_an_unknown_patient_stays_unknown(tmp_path, stated, told):
    def change(index, dataset):
        dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", stated

    write_slices(tmp_path / "ct", change=change)
    ct = read_ct(tmp_path / "ct")
    source = read_source(ct)
    for one in objects(ct, source, finding_on(ct, source)[0]):
        assert (one.PatientIdentityRemoved, one.DeidentificationMethod) == ("YES", told)
        assert not any(
            one.get(name) for name in ("PatientName", "PatientID", "PatientBirthDate", "StudyDate")
        )


def test_a_ct_that_is_not_from_dicom_is_refused(tmp_path):
    image = sitk.GetImageFromArray(head_hu())
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    with pytest.raises(InputFileError, match="not read from DICOM"):
        read_source(read_ct(tmp_path / "ct.nrrd"))


def test_slices_that_are_gone_or_another_are_named(tmp_path):
    write_slices(tmp_path / "ct", change=patient)
    ct = read_ct(tmp_path / "ct")
    first = ct.geometry.acquired[0].path
    dataset = pydicom.dcmread(first)
    dataset.SeriesInstanceUID = "1.2.3.77"
    dataset.save_as(first)
    with pytest.raises(InputFileError, match=rf"{first.name}' is not the slice any more"):
        read_source(ct)
    first.unlink()
    with pytest.raises(InputFileError, match=rf"{first.name}', a slice of the CT, is not there any more"):
        read_source(ct)


def test_a_series_without_identifiers_is_refused(tmp_path):
    def change(index, dataset):
        del dataset.StudyInstanceUID

    write_slices(tmp_path / "ct", change=change)
    with pytest.raises(InputFileError, match="does not state its study"):
        read_source(read_ct(tmp_path / "ct"))


def test_values_that_dicom_forbids_are_quoted(axial):
    ct, source, finding = axial
    source.headers[0].PatientSex = "U"
    with pytest.raises(OutputError, match=r"headers break a rule of DICOM .*'U'"):
        make_seg(ct, finding, source)


def test_all_files_or_none(axial, tmp_path):
    ct, source, finding = axial
    seg = make_seg(ct, finding, source)
    (tmp_path / "seg.dcm").write_bytes(b"older")
    (tmp_path / "sr.dcm").mkdir()
    with pytest.raises(OutputError):
        write_objects({tmp_path / "seg.dcm": seg, tmp_path / "sr.dcm": make_sr(finding, source, seg)})
    assert (tmp_path / "seg.dcm").read_bytes() == b"older"
    assert {path.name for path in tmp_path.iterdir()} == {"ct", "seg.dcm", "sr.dcm"}


def test_other_files_are_no_reports(axial, tmp_path):
    ct, source, finding = axial
    write_objects({tmp_path / "seg.dcm": make_seg(ct, finding, source)})
    with pytest.raises(InputFileError, match=r"no report of a hematoma .* modality SEG"):
        read_sr(tmp_path / "seg.dcm")
