"""Each layout gives the same kind of cases; folders laid out otherwise are explained."""

import numpy as np
import pytest

from ICHHPINetLib import InputFileError
from ICHHPINetLib.datasets import find_cases, read_case
from Testing.datasets import lookalikes
from Testing.datasets.lookalikes import labels, volume, write, write_table

LAYOUTS = {
    "pairs": ["a", "b"],
    "ct_ich": ["049", "100"],
    "bhsd": ["ID_05331dc6_ID_47213b7e2e", "ID_089596a9_ID_ea71b57820"],
    "mbh_seg": ["ID_90ae3af3_ID_8d77fcb5d2"],
    "instance": ["001", "002"],
    "nnunet": ["ICH_001", "ICH_002"],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_recognized_and_read(layout, tmp_path):
    cases = find_cases(getattr(lookalikes, layout)(tmp_path))
    assert [case.name for case in cases] == LAYOUTS[layout]
    first = read_case(cases[0])
    assert np.array_equal(first.ct.hu, volume())
    assert first.ct.spacing == pytest.approx(lookalikes.SPACING)
    assert first.mask.dtype == np.uint8
    assert first.mask.max() == 1
    assert first.mask.any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_folder_above_will_do(layout, tmp_path):
    getattr(lookalikes, layout)(tmp_path / "unpacked" if layout not in ("bhsd", "instance") else tmp_path)
    assert [case.name for case in find_cases(tmp_path)] == LAYOUTS[layout]


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_pairs_may_be_of_any_format(ending, tmp_path):
    a, b = find_cases(lookalikes.pairs(tmp_path, ending))
    assert a.mask.name == f"a_mask{ending}"
    assert a.labeled
    assert b.mask is None
    assert b.bleed_free
    assert read_case(b).mask is None


def test_the_table_of_pairs_tells_types_and_forgotten_masks(tmp_path):
    lookalikes.pairs(tmp_path)
    header = ["id", "slices", "bleed_slices", "bleed_voxels"]
    header += ["intraventricular", "intraparenchymal", "subarachnoid", "epidural", "subdural"]
    rows = [header, ["a", 4, 1, 3, 0, 2, 0, 0, 1], ["b", 4, 2, 9, 1, 0, 0, 0, 0]]
    write_table(tmp_path / "cases.csv", rows)
    a, b = find_cases(tmp_path)
    assert a.bleed_types == ("intraparenchymal", "subdural")
    assert not b.labeled
    assert "no mask" in b.notes[0]


def test_ids_that_a_spreadsheet_changed_are_named(tmp_path):
    write(tmp_path / "050_ct.nii.gz", volume())
    write_table(tmp_path / "cases.csv", [["id", "bleed_slices"], ["50", 4]])
    with pytest.raises(InputFileError, match="calls case 050 '50'"):
        find_cases(tmp_path)


def test_ct_ich_takes_types_ages_and_notes_from_its_tables(tmp_path):
    first, second = find_cases(lookalikes.ct_ich(tmp_path))
    assert first.bleed_types == ("intraparenchymal", "epidural")
    assert first.notes == ("A child of 0.5 years.",)
    assert second.bleed_types == ()
    assert second.notes == ("Motion",)
    assert read_case(first).bleed_types == first.bleed_types


def test_ct_ich_goes_on_without_its_tables_or_a_mask(tmp_path):
    lookalikes.ct_ich(tmp_path)
    (tmp_path / "masks" / "100.nii").unlink()
    assert find_cases(tmp_path)[1].bleed_free
    (tmp_path / "hemorrhage_diagnosis_raw_ct.csv").unlink()
    first, second = find_cases(tmp_path)
    assert first.bleed_types is None
    assert not second.labeled
    assert "no mask" in second.notes[0]


def test_a_table_without_its_columns_is_named(tmp_path):
    lookalikes.ct_ich(tmp_path)
    write_table(tmp_path / "hemorrhage_diagnosis_raw_ct.csv", [["PatientNumber", "Epidural"], [49, 1]])
    with pytest.raises(InputFileError, match=r"raw_ct\.csv has no column Intraventricular, Intraparenchymal"):
        find_cases(tmp_path)


def test_nnunet_may_lack_channels_and_description(tmp_path):
    lookalikes.nnunet(tmp_path, channel="")
    assert [case.name for case in find_cases(tmp_path)] == ["ICH_001", "ICH_002"]


@pytest.mark.parametrize("channels", [{"0": "MR", "1": "CT"}, ["MR", "CT"]])
def test_nnunet_takes_the_channel_of_the_ct(tmp_path, channels):
    described = {
        "name": "Two",
        "channel_names": channels,
        "labels": {"background": 0, "ICH": 1},
    }
    lookalikes.nnunet(tmp_path, described)
    for name in ("ICH_001", "ICH_002"):
        write(tmp_path / "imagesTr" / f"{name}_0001.nii.gz", volume())
    cases = find_cases(tmp_path)
    assert [case.ct.name for case in cases] == ["ICH_001_0001.nii.gz", "ICH_002_0001.nii.gz"]
    assert cases[0].dataset == "Two"
    assert not cases[1].labeled


def test_nnunet_files_of_several_channels_are_one_case(tmp_path):
    lookalikes.nnunet(tmp_path)
    write(tmp_path / "imagesTr" / "ICH_001_0001.nii.gz", volume())
    assert [case.name for case in find_cases(tmp_path)] == ["ICH_001", "ICH_002"]


def test_mislaid_folders_are_explained(tmp_path):
    with pytest.raises(InputFileError, match="is not a folder"):
        find_cases(tmp_path / "nowhere")
    (tmp_path / "ct_scans").mkdir()
    write(tmp_path / "ct_scans" / "049.nii", volume())
    with pytest.raises(InputFileError) as caught:
        find_cases(tmp_path)
    text = str(caught.value)
    for expected in ("masks/NNN.nii", "ground truths", "label_annot_", "train_2", "labelsTr", "<id>_mask"):
        assert expected in text
    assert "Found there: ct_scans" in text


def test_a_part_of_a_data_set_leads_to_the_whole(tmp_path):
    lookalikes.ct_ich(tmp_path)
    with pytest.raises(InputFileError, match=r"name the folder above, .* CT-ICH of PhysioNet"):
        find_cases(tmp_path / "masks")


def test_several_data_sets_are_listed(tmp_path):
    lookalikes.nnunet(tmp_path / "Dataset001_A")
    lookalikes.nnunet(tmp_path / "Dataset002_B")
    with pytest.raises(InputFileError, match=r"Dataset001_A \(nnU-Net\), .*Dataset002_B \(nnU-Net\)"):
        find_cases(tmp_path)


def test_masks_named_unlike_the_cts_are_no_missing_masks(tmp_path):
    lookalikes.instance(tmp_path)
    for path in (tmp_path / "train_2" / "label").iterdir():
        path.rename(path.with_name(f"seg-{path.name}"))
    with pytest.raises(InputFileError, match=r"None of the 2 CTs .*seg-001.*the same name"):
        find_cases(tmp_path)


def test_one_missing_mask_is_noted(tmp_path):
    lookalikes.instance(tmp_path)
    (tmp_path / "train_2" / "label" / "002.nii.gz").unlink()
    first, second = find_cases(tmp_path)
    assert first.labeled
    assert not second.labeled
    assert not second.bleed_free


def test_two_files_of_a_case_are_refused(tmp_path):
    lookalikes.pairs(tmp_path)
    write(tmp_path / "a_ct.nii", volume())
    with pytest.raises(InputFileError, match=r"two files for case a, a_ct\.nii and a_ct\.nii\.gz"):
        find_cases(tmp_path)


def test_copies_left_by_a_mac_are_no_cases(tmp_path):
    lookalikes.instance(tmp_path)
    (tmp_path / "train_2" / "data" / "._001.nii.gz").write_bytes(b"")
    assert len(find_cases(tmp_path)) == 2


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        # A value that the description does not name counts as blood, as any value above 0 does elsewhere.
        ({"background": 0, "hematoma": 1, "edema": 2}, [1, 3]),
        ({"0": "background", "1": "brain hemorrhage", "2": "perihematomal edema", "3": "IVH"}, [1, 3]),
        ({"background": 0, "whole": [1, 2], "hematoma": 1, "PHE": 2, "ignore": 3}, [1]),
        ({"background": 0, "lesion": 1, "other": 2}, [1, 2, 3]),
        ({"background": 0, "ICH": 1, "brain bleeds": 2, "bone": 3}, [1, 2]),
        ({"background": 0, "hematoma": 1, "SDHs": 2, "contusion": 3}, [1, 2, 3]),
        ({"background": 0, "brain hemorrhages": 1, "calcification": 2}, [1, 3]),
        ({}, [1, 2, 3]),
    ],
)
def test_labels_beside_blood_are_left_out(written, expected, tmp_path):
    lookalikes.nnunet(tmp_path, {"labels": written}, labels(1, 2, 3))
    mask = read_case(find_cases(tmp_path)[0]).mask
    assert np.array_equal(mask, np.isin(labels(1, 2, 3), expected))


def test_a_description_without_blood_is_refused(tmp_path):
    lookalikes.nnunet(tmp_path, {"labels": {"background": 0, "edema": 1}})
    with pytest.raises(InputFileError, match="None of the labels"):
        find_cases(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"labels": {"blood": "one"}}', '{"labels": 3}'])
def test_a_broken_description_is_named(text, tmp_path):
    lookalikes.nnunet(tmp_path)
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(InputFileError, match=r"dataset\.json"):
        find_cases(tmp_path)
