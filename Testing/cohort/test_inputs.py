"""Which CTs a folder, a pattern or a table names."""

from pathlib import Path

import pytest

from ICHHPINetLib.cohort.inputs import find_cases
from ICHHPINetLib.errors import InputFileError
from Testing.imaging.dicom_cases import write_slices


def names(given):
    return [case.id for case in find_cases(str(given))[0]]


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


def test_a_folder_holds_cts_and_no_segmentations(tmp_path):
    touch(tmp_path, "x.nii.gz", "x_mask.nii.gz", "x.seg.nrrd", "deep/y.mha", "notes.txt", ".z.nrrd")
    touch(tmp_path, "x_scribbles2.nrrd", "X-Label.nii", "deep/labels of y.mha")
    assert names(tmp_path) == ["x", "deep_labels of y", "deep_y"]


def test_a_folder_of_dicom_files_is_one_ct(tmp_path):
    (tmp_path / "p1" / "series").mkdir(parents=True)
    write_slices(tmp_path / "p1" / "series")
    touch(tmp_path, "p1/readme.txt")
    (case,), _ = find_cases(str(tmp_path))
    assert (case.id, case.ct) == ("p1_series", tmp_path / "p1" / "series")


def test_a_pattern_takes_what_it_matches(tmp_path):
    touch(tmp_path, "p1/ct.nii.gz", "p2/ct.nii.gz", "p2/ct_mask.nii.gz", "p3/other.nii.gz")
    assert names(tmp_path / "*" / "ct*") == ["p1_ct", "p2_ct"]


def test_a_table_of_a_spreadsheet_is_read_with_its_paths(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text('\ufeffID;CT;Scribbles\r\n7;a b.nii;"1.nrrd; /s/2.nrrd"\r\n;;\r\n', encoding="utf-8")
    (case,), notes = find_cases(str(table))
    assert not notes
    assert case.ct == tmp_path / "a b.nii"
    assert case.scribbles == (tmp_path / "1.nrrd", Path("/s/2.nrrd").absolute())
    assert case.source == "scribbles"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,ct\n1,a\n", "`id`"),
        ("id,ct\n1,\n", "line 2, lacks the ct"),
        ("id,ct,mask,scribbles\n1,a,b,c\n", "has a mask"),
        ("id,ct\n1,a,b\n", "more cells"),
        ("id,ct\n../x,a\n", "cannot name a folder"),
        ("id,ct\nA,a\na,b\n", "same id"),
        ("id,ct\n", "no CT"),
    ],
)
def test_a_line_that_leaves_doubts_is_named(tmp_path, text, told):
    table = tmp_path / "t.csv"
    table.write_text(text)
    with pytest.raises(InputFileError, match=told):
        find_cases(str(table))


@pytest.mark.parametrize("name", ["nothing", "*.nii", "ct.nii.gz", "."])
def test_where_there_is_no_cohort_one_line_says_so(tmp_path, name):
    (tmp_path / "folder").mkdir()
    touch(tmp_path / "folder", "notes.txt")
    touch(tmp_path, "ct.nii.gz")
    with pytest.raises(InputFileError):
        find_cases(str(tmp_path / ("folder" if name == "." else name)))
