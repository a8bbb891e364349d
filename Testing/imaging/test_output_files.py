"""A file appears whole or not at all, on a full disk, too; nobody else's file is touched."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from ICHHPINetLib.errors import OutputError
from ICHHPINetLib.imaging import output_files
from ICHHPINetLib.imaging.output_files import check_writable, whole_file, write_bytes, write_json
from ICHHPINetLib.imaging.writing import write_image, write_labelmap, write_segmentation
from Testing.imaging.images import as_ct, ct_image

CT = as_ct(ct_image(spacing=(5.0, 0.45, 0.45), angle=20.0))
MASK = (np.random.default_rng(0).random(CT.hu.shape) < 0.5).astype(np.uint8)


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def write_weights(path):
    export = pytest.importorskip("ICHHPINetLib.training.export")
    from ICHHPINetLib.networks.hpinet import HPINet, HPINetConfig

    small = {"volume_widths": (8, 8, 8, 8), "slice_widths": (8, 8, 8), "key_channels": 8}
    export.export(HPINet(HPINetConfig("tiny", **small)), path)


def write_checkpoint(path):
    checkpoint = pytest.importorskip("ICHHPINetLib.training.checkpoint")
    import torch

    checkpoint.write_checkpoint(path, {"network": {"x": torch.rand(2000)}, "step": 1})


def write_scene(path):
    pytest.importorskip("slicer_core")
    from ICHHPINetLib.scene import add_ct_image, headless_scene, save_mrb

    with headless_scene() as scene:
        add_ct_image(scene, CT.geometry.image, "CT")
        save_mrb(scene, path)


# Each writes some 2 kB or more.
WRITERS = {
    "a.seg.nrrd": lambda path: write_segmentation(path, MASK, CT),
    "a.nrrd": lambda path: write_labelmap(path, MASK, CT),
    "a.nii": lambda path: write_labelmap(path, MASK, CT),
    "a.nii.gz": lambda path: write_labelmap(path, MASK, CT),
    "a.mha": lambda path: write_labelmap(path, MASK, CT),
    "ct.nrrd": lambda path: write_image(path, CT.geometry.image),
    "a.json": lambda path: write_json(path, {"values": list(range(1000))}),
    "a.png": lambda path: write_bytes(path, b"\x89PNG" * 1000),
    "a.safetensors": write_weights,
    "a.pt": write_checkpoint,
    "a.mrb": write_scene,
}


@pytest.mark.skipif(sys.platform == "win32", reason="no limit to the size of a file")
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_old_file(tmp_path, name):
    """Behind a limit of a file's size, libraries see what they see on a full disk."""
    import resource

    path = tmp_path / name
    WRITERS[name](path)
    size = path.stat().st_size
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 100, size // 2, size - 1):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
            with pytest.raises(OutputError) as error:
                WRITERS[name](path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert name in str(error.value)
        assert path.read_bytes() == b"old"
        assert names(tmp_path) == [name]
    WRITERS[name](path)
    assert path.stat().st_size == pytest.approx(size, abs=64)


def test_what_does_not_read_back_is_not_taken(tmp_path):
    (tmp_path / "a.json").write_text("old")
    with (
        pytest.raises(OutputError, match="whole"),
        whole_file(tmp_path / "a.json", lambda draft: False) as draft,
    ):
        draft.write_text("new")
    assert (tmp_path / "a.json").read_text() == "old"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_interrupted_writing_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "report.seg.nrrd"
    path.write_text("old")
    with pytest.raises(error), whole_file(path, lambda draft: True) as draft:
        assert draft.name == path.name
        draft.write_text("half")
        raise error
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == [path.name]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.json"
    with whole_file(path, lambda draft: True) as first, whole_file(path, lambda draft: True) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"
    assert names(tmp_path) == ["a.json"]


def test_nobody_elses_file_is_touched(tmp_path):
    theirs = ["a.tmp", "a.json.part", f".a.{os.getpid()}.part.json", ".saving-a", ".ichhpinet-notes.part"]
    for name in theirs:
        (tmp_path / name).write_text("mine")
    write_json(tmp_path / "a.json", {})
    assert names(tmp_path) == sorted([*theirs, "a.json"])
    assert all((tmp_path / name).read_text() == "mine" for name in theirs)


def test_what_killed_runs_left_is_swept_and_what_running_ones_use_is_not(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "from ICHHPINetLib.imaging.output_files import whole_file\n"
        "with whole_file(Path(sys.argv[1]), bool) as draft:\n"
        "    draft.write_text('half'); print('ready', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", script, str(tmp_path / "a.json")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, **pipes) as killed:
        killed.stdout.readline()
        (left,) = names(tmp_path)
        write_json(tmp_path / "b.json", {})
        assert names(tmp_path) == sorted([left, "b.json"]), "it still runs"
        killed.kill()
    check_writable(tmp_path / "b.json")
    assert names(tmp_path) == ["b.json"]


def test_a_folder_of_another_computer_is_left_until_it_is_old(tmp_path):
    with output_files.drafts_folder(tmp_path) as folder:
        name = folder.name
    foreign = tmp_path / name.replace(output_files._COMPUTER, "00000000")
    foreign.mkdir()
    write_json(tmp_path / "b.json", {})
    assert foreign.exists()
    os.utime(foreign, (0, 0))
    write_json(tmp_path / "b.json", {})
    assert names(tmp_path) == ["b.json"]


def test_long_names_are_written_and_too_long_ones_found_before_the_work(tmp_path):
    longest = tmp_path / ("x" * 250 + ".json")
    check_writable(longest)
    write_json(longest, {})
    assert json.loads(longest.read_text()) == {}
    with pytest.raises(OutputError, match="cannot be written"):
        check_writable(tmp_path / ("x" * 251 + ".json"))
    with pytest.raises(OutputError, match="be written"):
        check_writable(tmp_path.joinpath(*["x" * 200] * 25, "a.json"))


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes are of POSIX")
def test_links_and_permissions_stay(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.json").write_text("old")
    (tmp_path / "real" / "a.json").chmod(0o600)
    (tmp_path / "a.json").symlink_to(tmp_path / "real" / "a.json")
    write_json(tmp_path / "a.json", {})
    assert (tmp_path / "a.json").is_symlink()
    assert (tmp_path / "real" / "a.json").read_text() == "{}\n"
    assert (tmp_path / "real" / "a.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_what_is_no_file_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(OutputError, match="not a file"):
        check_writable(tmp_path / "a.json")
    with pytest.raises(OutputError, match="not a file"):
        write_json(tmp_path / "a.json", {})
