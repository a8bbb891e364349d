"""A saved scene goes on at the next round; a file is written whole or not at all."""

import base64
import functools
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from ICHHPINetLib.errors import InputFileError, OutputError
from Testing.inline_executor import InlineExecutor
from Testing.scene.builders import (
    SHAPE,
    FakeSession,
    add_ct,
    add_transform,
    marks,
    oblique,
    paint,
    rotation,
    voxels,
    write,
)

SCRIBBLES = [marks(SHAPE, np.s_[z, 6 + z, 5:12]) for z in range(1, 5)]


@pytest.fixture
def adapter(scene):
    from ICHHPINetLib.scene import SceneAdapter

    return SceneAdapter(scene, add_ct(scene))


def play(adapter, session, scribble):
    node, foreground, _ = adapter.ensure_scribbles()
    paint(node, foreground, scribble, oblique())
    result = session.refine(adapter.read_scribbles(), accumulate=False)
    write(adapter, result, session.log.scribbles)
    return result


def reloaded(path, name="CT"):
    """The adapter of one CT in a fresh scene."""
    import slicer

    from ICHHPINetLib.scene import SceneAdapter, load_mrb

    cts = {ct.GetName(): ct for ct in load_mrb(slicer.mrmlScene, path)}
    return SceneAdapter(slicer.mrmlScene, cts[name])


def test_the_next_round_after_loading_is_as_if_nothing_had_happened(adapter, tmp_path, scene):
    from ICHHPINetLib.scene import save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    session = FakeSession(adapter.geometry())
    for scribble in SCRIBBLES[:2]:
        play(adapter, session, scribble)
    path = save_mrb(scene, tmp_path / "case.mrb")
    expected = play(adapter, session, SCRIBBLES[2])
    rows = adapter.rounds_rows()

    with headless_scene():
        later = reloaded(path)
        assert np.array_equal(later.read_ct()[0], adapter.read_ct()[0])
        assert [row["Volume (mL)"] for row in later.rounds_rows()] == pytest.approx(
            [row["Volume (mL)"] for row in rows[:2]]
        )
        resumed = FakeSession(later.geometry())
        resumed.log = later.load_rounds()
        assert resumed.log.number == 2
        result = play(later, resumed, SCRIBBLES[2])
        assert result.round == 3
        assert np.array_equal(result.mask, expected.mask)
        assert np.array_equal(later.read_mask(), expected.mask)
        assert later.rounds_rows()[-1] == pytest.approx(rows[-1])
        assert later.node("hematoma").GetName() == "CT hematoma"
        assert later.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2


def test_scribbles_not_refined_yet_are_told_from_finished_ones(adapter, tmp_path, scene):
    from ICHHPINetLib.scene import save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    play(adapter, FakeSession(adapter.geometry()), SCRIBBLES[0])
    node, foreground, _ = adapter.ensure_scribbles()
    paint(node, foreground, SCRIBBLES[1], oblique())
    finished = adapter.load_rounds().scribbles.foreground
    path = save_mrb(scene, tmp_path / "case.mrb")
    with headless_scene():
        later = reloaded(path)
        assert np.array_equal(later.load_rounds().scribbles.foreground, finished)
        assert later.read_scribbles().foreground.sum() == finished.sum() + SCRIBBLES[1].sum()


def test_two_transformed_cts_come_back_each_with_its_own(adapter, tmp_path, scene):
    from ICHHPINetLib.scene import SceneAdapter, save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    other = SceneAdapter(scene, add_ct(scene, "Follow-up", array=voxels()[:, ::-1].copy()))
    other.ct.SetAndObserveTransformNodeID(add_transform(scene, rotation(15, 2)).GetID())
    first = play(adapter, FakeSession(adapter.geometry()), SCRIBBLES[0])
    session = FakeSession(other.geometry())
    for scribble in SCRIBBLES[1:]:
        second = play(other, session, scribble)
    path = save_mrb(scene, tmp_path / "two.mrb")
    with headless_scene():
        later = reloaded(path, "CT")
        assert np.array_equal(later.read_mask(), first.mask)
        assert later.rounds() == 1
        later = SceneAdapter(later.scene, later.scene.GetFirstNodeByName("Follow-up"))
        assert np.array_equal(later.read_mask(), second.mask)
        assert later.rounds() == 3
        assert later.node("hematomaLabelmap").GetTransformNodeID() == later.ct.GetTransformNodeID()


def test_a_scene_without_rounds_restores_nothing(adapter):
    adapter.ensure_scribbles()
    assert adapter.load_rounds().number == 0


def test_saving_replaces_an_older_file(adapter, tmp_path, scene):
    from ICHHPINetLib.scene import save_mrb

    path = tmp_path / "case.mrb"
    path.write_bytes(b"old")
    save_mrb(scene, path)
    assert path.stat().st_size > 1000
    assert [each.name for each in tmp_path.iterdir()] == ["case.mrb"]


def test_a_failed_save_leaves_the_older_file(adapter, tmp_path, scene, monkeypatch):
    from ICHHPINetLib.scene import archive

    path = tmp_path / "case.mrb"
    path.write_bytes(b"old")

    def fail(*paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.os, "replace", fail)
    with pytest.raises(OutputError, match="No space left"):
        archive.save_mrb(scene, path)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["case.mrb"]


@pytest.mark.parametrize(
    ("name", "message"), [("missing/case.mrb", "Choose another place"), ("case.nrrd", "Change the ending")]
)
def test_a_place_that_cannot_be_written_is_named(scene, tmp_path, name, message):
    from ICHHPINetLib.scene import save_mrb

    with pytest.raises(OutputError, match=message):
        save_mrb(scene, tmp_path / name)


def test_what_is_no_scene_cannot_be_loaded(scene, tmp_path):
    from ICHHPINetLib.scene import load_mrb

    with pytest.raises(InputFileError, match="does not exist"):
        load_mrb(scene, tmp_path / "case.mrb")
    (tmp_path / "case.mrb").write_bytes(b"not a zip file")
    with pytest.raises(InputFileError, match="no Slicer scene"):
        load_mrb(scene, tmp_path / "case.mrb")


def test_a_truncated_scene_is_an_error_and_moves_nobody(scene, tmp_path, monkeypatch):
    from ICHHPINetLib.scene import load_mrb

    with zipfile.ZipFile(tmp_path / "case.mrb", "w") as archive:
        archive.writestr("case/readme.txt", "no scene in here")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputFileError, match="cannot be read"):
        load_mrb(scene, "case.mrb")
    assert Path.cwd() == tmp_path


def test_damaged_state_is_ignored_and_not_trusted(adapter):
    play(adapter, FakeSession(adapter.geometry()), SCRIBBLES[0])
    node = adapter.node("scribbles")
    for text in ("@@", "AAAA", node.GetAttribute("ICHHPINet.finishedStrokes")[:-8]):
        node.SetAttribute("ICHHPINet.finishedStrokes", text)
        assert np.array_equal(adapter.load_rounds().scribbles.foreground, adapter.read_scribbles().foreground)
    adapter.node("hematoma").SetAttribute("ICHHPINet.round", "many")
    assert adapter.rounds() == 0


@pytest.mark.parametrize(
    "harm", ["scribbles", "bomb", "wrapped", "masks", "mask bomb", "round", "long round", "preview"]
)
def test_damaged_state_is_named_and_the_work_goes_on(adapter, harm):
    from ICHHPINetLib.interaction.controller import Controller

    first = play(adapter, FakeSession(adapter.geometry()), SCRIBBLES[0])
    drawn = adapter.read_scribbles().foreground
    assert not any("damaged" in doubt for doubt in adapter.check_ct())
    header = np.array([*adapter.geometry().stored_shape, 2], "<i8").tobytes()
    steps = np.array([5, -9], "<i8").tobytes()
    role, attribute, text = {
        "scribbles": ("scribbles", "finishedStrokes", "no base64"),
        "bomb": ("scribbles", "finishedStrokes", bomb(header)),
        "wrapped": ("scribbles", "finishedStrokes", packed(header + steps + b"\1\1")),
        "masks": ("hematoma", "masks", "AAAA,"),
        "mask bomb": ("hematoma", "masks", bomb(header)),
        "round": ("hematoma", "round", "many"),
        "long round": ("hematoma", "round", "9" * 30),
        "preview": ("hematoma", "preview", "AAAA"),
    }[harm]
    if harm == "preview":
        adapter.show(np.ones_like(first.mask), is_preview=True)
    adapter.node(role).SetAttribute(f"ICHHPINet.{attribute}", text)
    if "bomb" in harm:
        assert tracemalloc_peak(adapter.check_ct) < 20_000_000
    controller = Controller(adapter, FakeSession, InlineExecutor(), has_torch=lambda: True)
    controller.ct_chosen()
    assert controller.status.error is None
    assert any("damaged" in warning for warning in controller.status.warnings)
    assert np.array_equal(adapter.read_mask(), first.mask)
    assert np.array_equal(adapter.read_scribbles().foreground, drawn)
    assert controller.refine()
    assert controller.wait(5)
    assert controller.status.error is None
    assert not any("damaged" in doubt for doubt in adapter.check_ct())


@functools.cache
def bomb(header):
    return packed(header + bytes(50_000_000))


def packed(data):
    return base64.b64encode(zlib.compress(data)).decode()


def tracemalloc_peak(call):
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    "axes",
    [
        np.diag([-0.45, -0.45, 5.0]),
        np.diag([-0.45, -0.45, -5.0]),
        np.array([[0, 0, 5.0], [-0.45, 0, 0], [0, -0.45, 0]]),
        np.array([[0, 0, 5.0], [0, -0.45, 0], [0.45, 0, 0]]),
        rotation(17, 0)[:3, :3] @ np.diag([0.45, 0.45, 5.0]),
    ],
)
def test_whatever_lies_in_a_scene_can_be_saved(scene, tmp_path, axes):
    """What is compared afterwards must not be taken for lost where Slicer only stores it in another way."""
    import slicer
    import vtk

    from ICHHPINetLib.scene import SceneAdapter, add_ct_node, save_mrb

    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes, (-101.123456789, 77.7, 1203.3)
    voxels = np.random.default_rng(0).normal(30, 300, SHAPE)
    for name, dtype in (("HU", np.int16), ("half  HU\n", np.float32), ("fine", np.float64)):
        ct = add_ct_node(scene, name, voxels.astype(dtype), matrix)
        SceneAdapter(scene, ct).ensure_scribbles()
    scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "without voxels")
    picture = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "picture")
    image = vtk.vtkImageData()
    image.SetDimensions(4, 3, 2)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    image.GetPointData().GetScalars().Fill(7)
    picture.SetAndObserveImageData(image)
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "theirs")
    column = vtk.vtkDoubleArray()
    column.SetName("third")
    for value in (1 / 3, 1e-12, 1e20):
        column.InsertNextValue(value)
    table.AddColumn(column)
    scene.AddNewNodeByClass("vtkMRMLTableNode", "empty")
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "theirs")
    node.GetSegmentation().AddEmptySegment("a", "ä <&> b")
    scene.AddNode(slicer.vtkMRMLModelNode())
    save_mrb(scene, tmp_path / "case.mrb")


def test_a_scene_can_be_saved_after_its_hematoma_was_deleted(adapter, tmp_path, scene):
    from ICHHPINetLib.scene import save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    play(adapter, FakeSession(adapter.geometry()), SCRIBBLES[0])
    save_mrb(scene, tmp_path / "first.mrb")
    scene.RemoveNode(adapter.node("hematoma"))
    adapter.write_rounds(adapter.load_rounds().emptied())
    for name in ("second.mrb", "third.mrb"):
        path = save_mrb(scene, tmp_path / name)
    with headless_scene():
        later = reloaded(path)
        assert later.read_scribbles().foreground.any()
        assert later.read_mask() is None
