"""The scene without the application serves slicer.util and leaves nothing behind."""

import subprocess
import sys

import numpy as np


def test_slicer_util_works_inside(scene):
    import slicer

    node = slicer.util.addVolumeFromArray(np.ones((3, 4, 5), np.int16))
    assert slicer.util.getNode(node.GetID()) is node
    assert slicer.mrmlScene is scene
    assert slicer.app.applicationLogic().GetMRMLScene() is scene


def test_globals_come_and_go_with_the_block(scene):
    import slicer

    from ICHHPINetLib.scene.headless import headless_scene

    with headless_scene() as inner:
        assert slicer.mrmlScene is inner
    assert slicer.mrmlScene is scene


def test_a_real_application_keeps_its_scene(scene, monkeypatch):
    import slicer

    from ICHHPINetLib.scene.headless import headless_scene

    application = object()
    monkeypatch.setattr(slicer, "app", application)
    with headless_scene() as inner:
        assert slicer.mrmlScene is scene is not inner
        assert slicer.app is application


def test_without_slicer_the_error_names_the_package(repository):
    code = (
        "import sys; sys.modules['slicer'] = None\n"
        "import ICHHPINetLib.scene\n"
        "from ICHHPINetLib.errors import MissingPackageError\n"
        "try:\n"
        "    ICHHPINetLib.scene.SceneAdapter\n"
        "except MissingPackageError as error:\n"
        "    assert 'slicer-core' in str(error), error\n"
        "else:\n"
        "    raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=repository)
