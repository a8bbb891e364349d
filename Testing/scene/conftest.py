"""A fresh scene for every test."""

import pytest


@pytest.fixture
def scene():
    pytest.importorskip("slicer_core", reason="slicer-core is not installed")
    from ICHHPINetLib.scene.headless import headless_scene

    with headless_scene() as scene:
        yield scene
