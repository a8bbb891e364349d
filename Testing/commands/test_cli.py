import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ICHHPINetLib import __version__, cli
from ICHHPINetLib.errors import InputFileError

COMMANDS = ("segment", "demo", "measure", "evaluate", "train")


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS) and "not a medical device" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code == 0
    assert f"ichhpinet {name}" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("argv", [[], ["segment"], ["segmnt"], ["demo", "--kind", "none"]])
def test_wrong_use_is_exit_code_2(argv):
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2


@pytest.mark.parametrize(
    "argv", [["segment"], ["demo", "--seed", "-1"], ["segment", "ct.nrrd", "-o", "x.seg.nrrd", "--nonsense"]]
)
def test_wrong_words_are_told_in_one_line(argv, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(argv)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ichhpinet: error: ")
    assert "--help" in line


def test_deliberate_error_is_one_line_and_exit_code_2(monkeypatch, capsys):
    def fail(arguments):
        raise InputFileError("'a' cannot be read.\nChoose\n  another file.")

    monkeypatch.setattr("ICHHPINetLib.evaluation.demo.run", fail)
    assert cli.main(["demo"]) == 2
    assert capsys.readouterr().err == "ichhpinet: error: 'a' cannot be read. Choose another file.\n"


def test_interruption_is_reported_without_a_traceback(monkeypatch, capsys):
    def stop(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("ICHHPINetLib.evaluation.demo.run", stop)
    assert cli.main(["demo"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_programming_errors_are_not_hidden(monkeypatch):
    def fail(arguments):
        raise ZeroDivisionError

    monkeypatch.setattr("ICHHPINetLib.evaluation.demo.run", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["demo"])


def test_module_runs_like_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "ICHHPINetLib", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"ichhpinet {__version__}"


def test_a_terminal_without_unicode_is_no_error(tmp_path):
    import SimpleITK as sitk

    image = sitk.GetImageFromArray([[[1, 1], [0, 1]], [[1, 1], [1, 1]]])
    sitk.WriteImage(image, str(tmp_path / "mask.nrrd"))
    words = [sys.executable, "-m", "ICHHPINetLib", "measure", "mask.nrrd", "--ct", "mask.nrrd"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(words, check=True, cwd=tmp_path, env=environment, capture_output=True)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "memory"),
        (PermissionError(13, "Permission denied", "folder"), "'folder' cannot be used (Permission denied)"),
        (OSError(36, "File name too long", "x" * 5000), "File name too long"),
        (OSError("odd"), "odd"),
        (
            RuntimeError("CUDA error: the card is gone\nException raised from ...\nframe 1\nframe 2"),
            "the card",
        ),
        (RuntimeError("Exception thrown in ITK\nitkImage.cxx:1\nno such axis"), "no such axis"),
        (RuntimeError(), "RuntimeError"),
        (RecursionError("maximum recursion depth exceeded"), "recursion"),
    ],
)
def test_what_nobody_foresaw_is_one_line_too(monkeypatch, capsys, error, words):
    def fail(arguments):
        raise error

    monkeypatch.setattr("ICHHPINetLib.evaluation.demo.run", fail)
    assert cli.main(["demo"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ichhpinet: error: ") and words in line and len(line) < 600


def test_a_name_that_is_no_text_ends_no_process(tmp_path, capsys):
    """Of bytes in another encoding, as Python passes them on; SimpleITK aborts at them."""
    assert cli.main(["measure", os.fsdecode(os.fsencode(tmp_path) + b"/m\xe4sk.nrrd")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "m?sk.nrrd" in line and "Rename" in line


@pytest.mark.parametrize("command", ["demo", "evaluate", "train", "reproduce", "benchmark"])
def test_what_is_for_research_explains_itself_where_it_is_not_installed(command, tmp_path):
    library = Path(cli.__file__).parent
    laboratory = shutil.ignore_patterns("simulation", "datasets", "training", "evaluation", "__pycache__")
    shutil.copytree(library, tmp_path / library.name, ignore=laboratory)
    done = subprocess.run(
        [sys.executable, "-m", library.name, command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"'{command}' is for research" in line and "checkout" in line
