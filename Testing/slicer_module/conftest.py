"""A widget of the module on a scene without the application."""

import types

import pytest

from Testing.slicer_module import stand_in


@pytest.fixture
def scene(monkeypatch):
    pytest.importorskip("slicer_core", reason="slicer-core is not installed")
    with stand_in.application(monkeypatch) as scene:
        yield scene


@pytest.fixture
def scene_without_views(monkeypatch):
    pytest.importorskip("slicer_core", reason="slicer-core is not installed")
    with stand_in.application(monkeypatch, views=False) as scene:
        yield scene


@pytest.fixture
def make_widget(monkeypatch):
    """Makes entered module widgets that compute with a stand-in for the network."""
    made = []

    def make(packages=True, open_session=None):
        from ICHHPINetSupport import Logic
        from ICHHPINetSupport.SelfTest import StandInSession

        from ICHHPINet import ICHHPINetWidget

        monkeypatch.setattr(Logic, "SessionFactory", lambda: open_session or StandInSession)
        monkeypatch.setattr(Logic, "torch_is_installed", lambda: packages)
        widget = ICHHPINetWidget(types.SimpleNamespace(isEntered=True))
        widget.setup()
        widget.enter()
        made.append(widget)
        return widget

    yield make
    for widget in made:
        widget.cleanup()


@pytest.fixture
def ct(scene):
    """A small CT in the scene."""
    from Testing.slicer_module.test_widget import add_ct

    return add_ct(scene, "CT")
