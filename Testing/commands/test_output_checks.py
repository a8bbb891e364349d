import json
import os
from pathlib import Path

import pytest

from ICHHPINetLib.commands.output_checks import check_outputs, check_suffix
from ICHHPINetLib.errors import OutputError
from ICHHPINetLib.imaging.output_files import write_json
from ICHHPINetLib.imaging.writing import LABELMAP_ENDINGS


def test_missing_folders_are_made(tmp_path):
    check_outputs([tmp_path / "new" / "deep" / "a.json"])
    assert (tmp_path / "new" / "deep").is_dir()
    assert not list((tmp_path / "new" / "deep").iterdir())


def test_a_folder_that_cannot_be_made_is_found(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Choose another folder"):
        check_outputs([tmp_path / "file" / "a.json"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_found(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Choose another folder"):
        check_outputs([locked / "a.json"])


def test_output_over_input_is_refused(tmp_path):
    with pytest.raises(OutputError, match="input"):
        check_outputs([tmp_path / "a.nrrd"], [tmp_path / "x" / ".." / "a.nrrd"])


def test_two_outputs_of_one_name_are_refused(tmp_path):
    with pytest.raises(OutputError, match="another output"):
        check_outputs([tmp_path / "a.json", tmp_path / "a.json"])


def test_folder_as_output_is_refused(tmp_path):
    with pytest.raises(OutputError, match="folder"):
        check_outputs([tmp_path])


def test_wrong_ending_is_named_with_the_right_ones():
    with pytest.raises(OutputError, match=r"\.mrb"):
        check_suffix(Path("scene.zip"), (".mrb",), "A scene")
    check_suffix(Path("scan.NII.GZ"), LABELMAP_ENDINGS, "A label map")


def test_file_is_written_whole(tmp_path):
    write_json(tmp_path / "a.json", {"volume": 1.5})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"volume": 1.5}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_values_that_strict_json_lacks_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"volume": float("nan")})
    assert not list(tmp_path.iterdir())
