"""Whatever a hospital calls a series, its scene can be saved and opened again."""

from dataclasses import replace

import numpy as np
import pytest

from Testing.scene.builders import SHAPE, add_ct, drawn, marks, result, write

NAMES = [
    "HEAD & NECK",
    "a;b&amp;c &#x1; <!-- ]]> &",
    "CT <HEAD> \"5.0\" 'x'",
    "tab\tline\nreturn\r\nbreak",
    "bell\x07 null-like\x01 escape\x1b$B delete\x7f c1\x85",
    "not a character \ufffe\uffff",
    "Sch\udce4del",
    "lone \ud800 surrogate",
    "../../up/down\\side|a:b*?",
    "Schädel \U0001f9e0 \u982d\u90e8 \u202e",
    "%26 %0A %s {} $HOME ;",
    "..",
    "  ",
    "x&" * 200,
    "\U0001f9e0" * 90,
    "\x1b",
]


def work(scene, name, device="cpu"):
    from ICHHPINetLib.scene import SceneAdapter

    adapter = SceneAdapter(scene, add_ct(scene, name))
    adapter.write_scribbles(drawn())
    mask = marks(SHAPE, np.s_[2:4, 3:9, 5:12]).astype(np.uint8)
    write(adapter, replace(result(mask), device=device), drawn())
    return adapter


def check(scene, adapter, count):
    assert np.array_equal(adapter.read_mask(), marks(SHAPE, np.s_[2:4, 3:9, 5:12]))
    assert np.array_equal(adapter.read_scribbles().foreground, drawn().foreground)
    assert np.array_equal(np.unique(adapter.read_ct()[0]), np.arange(np.prod(SHAPE)))
    assert (adapter.rounds(), len(adapter.rounds_rows())) == (1, 1)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2 * count


@pytest.mark.parametrize("names", [NAMES[first::4] for first in range(4)], ids=range(4))
def test_a_scene_of_any_name_is_opened_again(scene, tmp_path, names):
    from ICHHPINetLib.scene import SceneAdapter, load_mrb, save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    # Two series often have one name.
    adapters = [work(scene, name, device) for name in names for device in ("cuda", "cpu")]
    row = adapters[0].rounds_rows()[0]
    names = [adapter.ct.GetName() for adapter in adapters]
    path = save_mrb(scene, tmp_path / "case.mrb")
    with headless_scene() as fresh:
        cts = load_mrb(fresh, path)
        assert [ct.GetName() for ct in cts] == names
        for ct in cts:
            later = SceneAdapter(fresh, ct)
            assert later.node("scribbles").GetName() == adapters[cts.index(ct)].node("scribbles").GetName()
            check(fresh, later, len(adapters))
        assert SceneAdapter(fresh, cts[0]).rounds_rows()[0] == pytest.approx(row)


@pytest.mark.parametrize("name", ["HEAD & NECK", "bell\x07", "<>"])
def test_a_ct_that_somebody_else_named_is_opened_again(scene, tmp_path, name):
    from ICHHPINetLib.scene import SceneAdapter, load_mrb, save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    ct = add_ct(scene)
    ct.SetName(name)
    add_ct(scene).SetName(f"other series {name}")
    SceneAdapter(scene, ct).write_scribbles(drawn())
    path = save_mrb(scene, tmp_path / "case.mrb")
    with headless_scene() as fresh:
        later = SceneAdapter(fresh, load_mrb(fresh, path)[0])
        assert np.array_equal(later.read_scribbles().background, drawn().background)


@pytest.mark.parametrize("text", ["a\tb\nc", 'C:\\d & e\\<w>".safetensors', "bell\x07"])
def test_names_of_networks_are_kept_in_the_table(scene, tmp_path, text):
    from ICHHPINetLib.scene import SceneAdapter, load_mrb, save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    adapter = SceneAdapter(scene, add_ct(scene))
    mask = np.zeros(SHAPE, np.uint8)
    write(adapter, replace(result(mask), model=text, device=text))
    rows, parameters = adapter.rounds_rows(), scene.GetSingletonNode("ICHHPINet", "vtkMRMLScriptedModuleNode")
    weights = "C:\\a & b\\<w> 'x' %26.safetensors"
    parameters.SetParameter("weights", weights)
    path = save_mrb(scene, tmp_path / "case.mrb")
    with headless_scene() as fresh:
        assert SceneAdapter(fresh, load_mrb(fresh, path)[0]).rounds_rows() == rows
        loaded = fresh.GetSingletonNode("ICHHPINet", "vtkMRMLScriptedModuleNode")
        assert loaded.GetParameter("weights") == weights
