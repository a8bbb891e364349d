"""When and of whom a CT was taken, as far as its files say so."""

from datetime import datetime

import pytest
import SimpleITK as sitk

from ICHHPINetLib.imaging.acquired import acquisition_of, acquisition_of_segmentation
from ICHHPINetLib.imaging.ct_files import read_ct
from Testing.imaging.images import as_ct, ct_image

dicom = pytest.importorskip("Testing.imaging.dicom_cases", reason="pydicom is not installed")


@pytest.mark.parametrize(
    ("tags", "when"),
    [
        ({"AcquisitionDateTime": "20260131083000.5+0100", "StudyDate": "20260130"}, "2026-01-31 08:30"),
        ({"AcquisitionDate": "20260131", "AcquisitionTime": "0830"}, "2026-01-31 08:30"),
        ({"SeriesDate": "20260131", "SeriesTime": "083000", "StudyDate": "20260130"}, "2026-01-31 08:30"),
        ({"StudyDate": "20260131"}, "2026-01-31"),
        ({"StudyDate": "20261399"}, ""),
        ({}, ""),
    ],
)
def test_the_moment_is_the_first_that_a_series_states(tmp_path, tags, when):
    def change(index, dataset):
        for name, value in tags.items():
            dataset.add_new(name, "LO", value)

    dicom.write_slices(tmp_path, change=change, tilt=10.0)
    known = acquisition_of(read_ct(tmp_path))
    assert known.when == when and known.series == "1.2.3.4"
    assert known.tilt_degrees == pytest.approx(10.0, abs=0.1) and known.step_mm == pytest.approx(5.0)
    assert known.extent_mm == pytest.approx((40.0, 12.0, 10.0))


def test_frames_tell_their_time(tmp_path):
    def change(dataset):
        content = type(dataset)()
        content.FrameAcquisitionDateTime = "20260131083000"
        dataset.PerFrameFunctionalGroupsSequence[0].FrameContentSequence = [content]

    dicom.write_frames(tmp_path / "ct.dcm", change=change)
    known = acquisition_of(read_ct(tmp_path / "ct.dcm"))
    assert known.moment == datetime(2026, 1, 31, 8, 30) and known.has_time


def test_a_file_made_of_dicom_may_have_kept_it(tmp_path):
    image = ct_image()
    assert acquisition_of(as_ct(image)).when == ""
    for tag, value in (("0008|0022", "20260131"), ("0008|0032", "083000 "), ("0010|0020", " 7 ")):
        image.SetMetaData(tag, value)
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    known = acquisition_of(read_ct(tmp_path / "ct.nrrd"))
    assert (known.when, known.patient) == ("2026-01-31 08:30", "7")


def test_of_a_segmentation_only_the_examination_counts(tmp_path):
    def change(index, dataset):
        dataset.StudyDate, dataset.SeriesDate, dataset.SeriesTime = "20260131", "20260205", "101010"
        dataset.PatientID = "7"

    dicom.write_slices(tmp_path, change=change)
    known = acquisition_of_segmentation(next(tmp_path.iterdir()))
    assert (known.when, known.patient, known.series) == ("2026-01-31", "7", "")
