"""A scene without the Slicer application, on the ``slicer-core`` package.

The package has MRML and the module logics but nothing that ties them together: the
application does that at start-up. This is that part of it, as far as segmentations,
volumes, tables, archives and ``slicer.util`` need it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from ..imaging.output_files import drafts_folder
from ._mrml import slicer, vtk

# Name of the module as Slicer knows it: class of its logic. Units and colors come first,
# for the display nodes that the others make.
_LOGICS = {
    "Units": "vtkSlicerUnitsLogic",
    "Colors": "vtkSlicerColorLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
}
_GLOBALS = ("mrmlScene", "app", "modules")


@contextmanager
def headless_scene() -> Iterator:
    """An empty ``vtkMRMLScene`` that works, saves and loads as in Slicer.

    Inside the ``with`` block ``slicer.mrmlScene``, ``slicer.modules.<name>.logic()`` and
    ``slicer.app.applicationLogic()`` lead to it, unless they belong to the real
    application. The scene is emptied at the end of the block.

    Raises
    ------
    MissingPackageError
        On import of this module, where neither Slicer nor ``slicer-core`` is there.

    >>> with headless_scene() as scene:
    ...     adapter = SceneAdapter(scene, add_ct_image(scene, image, "CT"))
    """
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    # What archives hold is unpacked there: a killed run must not leave it for good.
    with drafts_folder(Path(tempfile.gettempdir())) as folder:
        _give_storage(scene, application, str(folder))
        logics = _give_logics(scene, application)
        with _as_slicer_globals(scene, application, logics):
            try:
                yield scene
            finally:
                scene.Clear(True)


def _give_storage(scene, application, folder: str) -> None:
    """What an archive needs to be unpacked: a cache folder and those who look after it."""
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(folder)
    manager = slicer.vtkDataIOManager()
    manager.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(manager)
    application.SetTemporaryPath(folder)
    scene.SetRootDirectory(folder)


def _give_logics(scene, application) -> dict:
    logics = {}
    # The package comes without the application's color and terminology files, which the
    # logics report as errors though they do without.
    warn = vtk.vtkObject.GetGlobalWarningDisplay()
    vtk.vtkObject.GlobalWarningDisplayOff()
    try:
        for name, class_name in _LOGICS.items():
            logic = getattr(slicer, class_name)()
            logic.SetMRMLApplicationLogic(application)
            logic.SetMRMLScene(scene)
            application.SetModuleLogic(name, logic)
            logics[name.lower()] = logic
    finally:
        vtk.vtkObject.SetGlobalWarningDisplay(warn)
    return logics


@contextmanager
def _as_slicer_globals(scene, application, logics: dict) -> Iterator[None]:
    before = {name: getattr(slicer, name, None) for name in _GLOBALS}
    if before["app"] is not None and not isinstance(before["app"], SimpleNamespace):
        yield
        return
    slicer.mrmlScene = scene
    slicer.app = SimpleNamespace(applicationLogic=lambda: application)
    slicer.modules = SimpleNamespace(
        **{name: SimpleNamespace(logic=lambda logic=logic: logic) for name, logic in logics.items()}
    )
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                delattr(slicer, name)
            else:
                setattr(slicer, name, value)
