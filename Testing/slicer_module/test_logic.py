"""The module's own self test and its installer, as far as they go without the application."""

import copy
import functools
import importlib.util
import os
import sys
import types

import numpy as np
import pytest

from ICHHPINetLib.errors import OutputError, RoundCancelled


@pytest.fixture(scope="module")
def phantoms():
    """Phantoms are made once and have few slices; volume and mask are the caller's own."""
    from ICHHPINetLib import phantom

    made = functools.cache(functools.partial(phantom.generate, slices=12))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantom, "generate", lambda *given, **options: copy.deepcopy(made(*given, **options)))
        yield


@pytest.fixture
def self_test(scene, phantoms, monkeypatch):
    """The self test class, on the library's archives instead of the application's."""
    import slicer
    import slicer.util
    from ICHHPINetSupport.SelfTest import ICHHPINetTest

    from ICHHPINetLib.scene import load_mrb, save_mrb

    monkeypatch.setattr(
        slicer.util, "tempDirectory", lambda: slicer.app.applicationLogic().GetTemporaryPath()
    )
    monkeypatch.setattr(slicer.util, "saveScene", lambda path: save_mrb(scene, path) or True)
    monkeypatch.setattr(slicer.util, "loadScene", lambda path: load_mrb(scene, path))
    return ICHHPINetTest


@pytest.mark.parametrize(
    "name",
    ["test_missingPyTorchIsExplained", "test_parameterNodeIsTyped", "test_roundsWithAStandInSession"],
)
def test_self_test(self_test, name):
    test = self_test(name)
    test.setUp()
    getattr(test, name)()
    test.tearDown()


def test_self_test_of_the_main_job(self_test, monkeypatch):
    """With a session that knows the truth in place of the trained network."""
    from ICHHPINetSupport import Logic, PackageInstaller
    from ICHHPINetSupport.SelfTest import StandInSession

    from ICHHPINetLib.phantom import generate

    truth = generate("deep", spacing=(5.0, 1.0, 1.0)).mask

    class Knowing(StandInSession):
        def __init__(self, *inputs):
            super().__init__(*inputs)
            self.log = self.log.with_mask(truth)

        def refine(self, *arguments, **options):
            self.log = self.log.with_mask(truth)
            return super().refine(*arguments, **options)

    monkeypatch.setattr(Logic, "SessionFactory", lambda: Knowing)
    monkeypatch.setattr(Logic, "torch_is_installed", lambda: True)
    monkeypatch.setattr(PackageInstaller, "missingRequirements", list)
    test = self_test("test_threeRoundsUndoSaveReloadRoundFour")
    test.setUp()
    test.test_threeRoundsUndoSaveReloadRoundFour()
    test.tearDown()


def test_phantom_is_registered_and_generated_without_a_network(scene, monkeypatch):
    import slicer.util
    from ICHHPINetSupport.PhantomSample import registerSampleData

    from ICHHPINetLib import phantom

    registered = []
    logic = types.SimpleNamespace(registerCustomSampleDataSource=lambda **source: registered.append(source))
    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic))
    monkeypatch.setattr(slicer.util, "tryWithErrorDisplay", lambda *arguments, **options: _nothing())
    monkeypatch.setattr(phantom, "generate", functools.partial(phantom.generate, slices=12, shape=(448, 48)))
    registerSampleData()
    assert registered[0]["uris"] == ""
    assert registered[0]["thumbnailFileName"].endswith("Resources/Icons/ICHHPINetPhantom.png")
    registered[0]["customDownloader"](None)
    volume = scene.GetFirstNodeByName("ICHHPINetPhantom")
    assert volume.GetSpacing() == (0.5, 0.5, 5.0)
    assert np.ptp(slicer.util.arrayFromVolume(volume)) > 1000


class _nothing:
    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False


def test_refine_raises_what_went_wrong(scene):
    from ICHHPINetSupport.Logic import ICHHPINetLogic
    from ICHHPINetSupport.SelfTest import StandInSession

    from ICHHPINetLib.scene import add_ct_node

    class Stopped(StandInSession):
        def refine(self, *arguments, **options):
            raise RoundCancelled("stopped")

    logic = ICHHPINetLogic(openSession=Stopped, hasPackages=lambda: True)
    ct = add_ct_node(scene, "CT", np.arange(256, dtype=np.int16).reshape(4, 8, 8), np.eye(4))
    with pytest.raises(ValueError, match="Paint a scribble"):
        logic.refine(ct)

    scribbles, foreground, _ = logic.scene.ensure_scribbles()
    import slicer.util

    slicer.util.updateSegmentBinaryLabelmapFromArray(np.ones((4, 8, 8), np.uint8), scribbles, foreground, ct)
    with pytest.raises(RoundCancelled):
        logic.refine()
    logic.close()


def test_export_says_what_to_do(scene, monkeypatch, tmp_path):
    import slicer.util
    from ICHHPINetSupport.Export import exportNode

    with pytest.raises(OutputError, match="Refine, then export"):
        exportNode(None, "x.nrrd")
    monkeypatch.setattr(slicer.util, "exportNode", lambda node, path, properties: False)
    with pytest.raises(OutputError, match="folder"):
        exportNode(scene.AddNewNodeByClass("vtkMRMLTableNode"), tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("hematoma", "a.seg.nrrd"),
        ("hematomaLabelmap", "a.nii.gz"),
        ("hematomaLabelmap", "a.nrrd"),
        ("rounds", "a.csv"),
    ],
)
def test_what_is_cut_off_replaces_no_older_file(scene, monkeypatch, tmp_path, role, name):
    import slicer
    import slicer.util
    from ICHHPINetSupport.Logic import ICHHPINetLogic
    from ICHHPINetSupport.SelfTest import StandInSession

    from ICHHPINetLib.scene import add_ct_node

    path, kept = tmp_path / name, [1.0]

    def exportNode(node, draft, properties):
        storage = node.CreateDefaultStorageNode()
        slicer.mrmlScene.AddNode(storage)
        storage.SetFileName(draft)
        assert storage.WriteData(node)
        slicer.mrmlScene.RemoveNode(storage)
        os.truncate(draft, int(kept[0] * os.path.getsize(draft)))
        return True

    monkeypatch.setattr(slicer.util, "exportNode", exportNode, raising=False)
    logic = ICHHPINetLogic(openSession=StandInSession, hasPackages=lambda: True)
    voxels = np.linspace(-1000, 1000, 256).astype(np.int16).reshape(4, 8, 8)
    ct = add_ct_node(scene, "CT", voxels, np.diag([-0.45, -0.45, 5.0, 1.0]))
    scribbles, foreground, _ = logic.setCt(ct)
    painted = np.zeros((4, 8, 8), np.uint8)
    painted[1:3, 2:5, 3:7] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, scribbles, foreground, ct)
    logic.refine()
    logic.export(role, path)
    path.write_text("old")
    for kept[0] in (0.0, 0.5, 0.9):
        with pytest.raises(OutputError, match=name):
            logic.export(role, path)
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == [name]
    logic.close()


def test_an_ending_that_is_added_replaces_no_file_unasked(scene, monkeypatch, tmp_path):
    import slicer
    from ICHHPINetSupport import Export

    typed, asked = [tmp_path / "case1"], []
    dialog = types.SimpleNamespace(getSaveFileName=lambda *arguments: str(typed[0]))
    monkeypatch.setattr(Export, "qt", types.SimpleNamespace(QFileDialog=dialog))
    monkeypatch.setattr(slicer.app, "defaultScenePath", str(tmp_path), raising=False)
    monkeypatch.setattr("slicer.util.confirmOkCancelDisplay", lambda text, title: asked.append(text))
    formats = [("NRRD", ".nrrd"), ("NIfTI", ".nii.gz")]
    assert Export.askForPath("Export", "2: HEAD", formats) == str(tmp_path / "case1.nrrd")
    assert not asked
    (tmp_path / "case1.nrrd").touch()
    assert Export.askForPath("Export", "2: HEAD", formats) == ""
    assert "case1.nrrd exists" in asked[0]
    typed[0] = tmp_path / "case1.nii.gz"
    assert Export.askForPath("Export", "2: HEAD", formats) == str(tmp_path / "case1.nii.gz")
    assert len(asked) == 1, "for a whole name the dialog has asked"


@pytest.fixture
def installer(scene, monkeypatch):
    """The installer outside testing mode, with torch not to be found and a pip that only takes notes."""
    import slicer
    from ICHHPINetSupport import PackageInstaller

    slicer.app.testingEnabled = lambda: False
    notes = types.SimpleNamespace(pip=[], missing={"torch"}, module=PackageInstaller)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in notes.missing else find(name)
    )
    monkeypatch.setattr("slicer.util.pip_install", notes.pip.append)
    monkeypatch.setattr(PackageInstaller, "torchBuild", lambda: "cu128")
    return notes


def test_nothing_is_installed_without_a_yes(installer, monkeypatch):
    questions = []
    monkeypatch.setattr("slicer.util.confirmOkCancelDisplay", lambda text, title: questions.append(text))
    assert not installer.module.install()
    assert installer.pip == []
    assert "torch>=2.3" in questions[0]
    assert "cu128" in questions[0]


def test_a_pytorch_that_is_too_old_counts_as_missing(installer, monkeypatch):
    from ICHHPINetLib.interaction.session_factory import torch_is_installed

    installer.missing.clear()
    for version, missing in (("2.2.1+cu118", ["torch>=2.3"]), ("2.10.0", []), ("2.3.0a0", []), ("dev", [])):
        monkeypatch.setattr("importlib.metadata.version", lambda name, version=version: version)
        assert installer.module.missingRequirements() == missing
        assert torch_is_installed() is not bool(missing)


def test_nothing_is_installed_in_testing_mode(installer):
    import slicer

    slicer.app.testingEnabled = lambda: True
    assert not installer.module.install()
    assert installer.pip == []


def test_gpu_build_by_pip_install(installer):
    installer.module.install()
    assert installer.pip == [["torch>=2.3", "--index-url", "https://download.pytorch.org/whl/cu128"]]


@pytest.mark.parametrize("has_pip_ensure", [True, False])
def test_build_of_pypi_by_pip_ensure_where_it_exists(installer, monkeypatch, has_pip_ensure):
    ensured = []
    packaging = types.ModuleType("slicer.packaging")
    packaging.pip_ensure = lambda packages, **options: ensured.append((packages, options["prompt_install"]))
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging if has_pip_ensure else None)
    monkeypatch.setattr(installer.module, "torchBuild", lambda: None)
    installer.module.install()
    assert ensured == ([(["torch>=2.3"], False)] if has_pip_ensure else [])
    assert installer.pip == ([] if has_pip_ensure else [["torch>=2.3"]])


@pytest.mark.parametrize("works", [True, False])
def test_pytorch_extension_is_preferred_and_not_relied_on(installer, monkeypatch, works):
    import slicer

    installed = []

    class Logic:
        def installTorch(self, **options):
            if not works:
                raise RuntimeError("light-the-torch is broken")
            installed.append(options)
            installer.missing.discard("torch")

    slicer.modules.pytorchutils = object()
    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=Logic))
    assert installer.module.install() is works
    assert len(installed) == works
    assert len(installer.pip) == (not works)


@pytest.mark.parametrize(
    ("platform", "driver", "build"),
    [
        ("darwin", None, None),
        ("linux", (13, 1), None),
        ("win32", (13, 1), "cu130"),
        ("win32", (12, 8), "cu128"),
        ("linux", (12, 6), "cu126"),
        ("linux", (11, 8), "cpu"),
        ("win32", (11, 8), None),
    ],
)
def test_build_fits_the_driver(scene, platform, driver, build):
    from ICHHPINetSupport.PackageInstaller import torchBuild

    assert torchBuild(platform, driver) == build
