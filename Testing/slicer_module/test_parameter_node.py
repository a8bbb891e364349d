"""The typed parameter node with Slicer's own wrapper.

The wrapper is not in slicer-core. Set SLICER_PYTHON_SOURCES to the folder Base/Python of a copy of
Slicer's sources to run these tests.
"""

import importlib.util
import os
import sys
import types
from pathlib import Path

import pytest


class _AnyWidgets(types.ModuleType):
    """qt and ctk, of which the wrapper wants the names of the classes only."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (), {})
        setattr(self, name, made)
        return made


@pytest.fixture
def logic_class(scene, monkeypatch):
    """ICHHPINetLogic, decorated by Slicer's own parameterNodeWrapper."""
    sources = os.environ.get("SLICER_PYTHON_SOURCES")
    if not sources:
        pytest.skip("SLICER_PYTHON_SOURCES names no copy of Slicer's Base/Python")
    import slicer

    for name in ("qt", "ctk"):
        monkeypatch.setitem(sys.modules, name, _AnyWidgets(name))
    for name in ("qMRMLNodeComboBox", "qMRMLSliderWidget", "qMRMLSpinBox", "qMRMLRangeWidget"):
        monkeypatch.setattr(slicer, name, type(name, (), {}), raising=False)
    package = "slicer.parameterNodeWrapper"
    folder = Path(sources) / "slicer" / "parameterNodeWrapper"
    spec = importlib.util.spec_from_file_location(
        package, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, package, module)
    monkeypatch.setattr(slicer, "parameterNodeWrapper", module)
    spec.loader.exec_module(module)
    from ICHHPINetSupport.Logic import ICHHPINetLogic

    yield ICHHPINetLogic
    for name in [name for name in sys.modules if name.startswith(package + ".")]:
        del sys.modules[name]


def test_defaults_and_limits(logic_class):
    parameters = logic_class().getParameterNode()
    assert (parameters.device, parameters.weights, parameters.autoRefine) == ("auto", "default", False)
    assert (parameters.brushDiameter, parameters.opacity) == (4.0, 0.4)
    assert parameters.inputVolume is None
    for name, value in (("device", "abacus"), ("brushDiameter", 0.0), ("opacity", 2.0)):
        with pytest.raises(ValueError, match=r"\S"):
            setattr(parameters, name, value)


def test_nodes_of_the_scene_contract_appear_in_it(logic_class, ct):
    logic = logic_class()
    parameters = logic.getParameterNode()
    logic.setCt(ct)
    assert parameters.inputVolume is ct
    assert parameters.scribbles is logic.scene.node("scribbles")
    assert parameters.hematoma is None
    logic.close()


def test_it_is_saved_with_the_scene(logic_class, scene, ct, tmp_path):
    from ICHHPINetLib.scene import load_mrb, save_mrb

    logic = logic_class()
    logic.setCt(ct)
    parameters = logic.getParameterNode()
    parameters.autoRefine, parameters.device = True, "cpu"
    save_mrb(scene, tmp_path / "scene.mrb")
    scene.Clear(True)
    load_mrb(scene, tmp_path / "scene.mrb")
    again = logic_class().getParameterNode()
    assert (again.autoRefine, again.device) == (True, "cpu")
    assert again.inputVolume.GetName() == "CT"
    assert again.scribbles.GetName() == "CT scribbles"
    logic.close()
