import json

import pytest
import SimpleITK as sitk

from ICHHPINetLib import cli, phantom

pytest.importorskip("skimage")


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """A folder with one coarse phantom."""
    folder = tmp_path_factory.mktemp("cases")
    made = phantom.generate("deep", seed=2, spacing=(5.0, 2.0, 2.0), slices=16)
    for name, array in (("ct", made.volume), ("mask", made.mask)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(made.spacing[::-1])
        sitk.WriteImage(image, str(folder / f"one_{name}.nii.gz"))
    return folder


def evaluate(*arguments):
    return cli.main(["evaluate", *map(str, arguments)])


def test_figures_by_round_are_printed_and_written(cases, tmp_path, capsys):
    output = tmp_path / "new" / "result.json"
    assert evaluate(cases, "--method", "threshold", "--rounds", 2, "--seeds", 2, "-o", output) == 0
    result = json.loads(output.read_text(encoding="utf-8"))
    assert [len(run["rounds"]) for run in result["cases"][0]["runs"]] == [2, 2]
    text = capsys.readouterr().out
    assert "Dice" in text and "threshold" in text and str(output.name) in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["--method", "no such method"],
        ["--method", "threshold", "--rounds", 0],
        ["--method", "threshold", "-o", "result.txt"],
        ["--method", "threshold", "--min-slices", 99],
        ["--method", "threshold", "--fold", 0],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(cases, arguments, capsys):
    assert evaluate(cases, *arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_folder_without_cases_is_named(tmp_path, capsys):
    assert evaluate(tmp_path, "--method", "threshold") == 2
    assert str(tmp_path) in capsys.readouterr().err
