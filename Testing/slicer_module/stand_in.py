"""What the module uses of Slicer's application and of Qt, on top of slicer-core's real scene.

The widgets here know only the properties and methods that Slicer's sources have for them, so that
a misspelt call fails in the tests, too.
"""

import importlib
import inspect
import sys
import types
import xml.etree.ElementTree as ET
from contextlib import contextmanager

PROPERTIES = {
    "QWidget": {"enabled": True, "visible": True, "toolTip": "", "name": ""},
    "QLabel": {"text": ""},
    "QLineEdit": {"text": ""},
    "QPushButton": {"text": "", "checked": False},
    "QToolButton": {"text": ""},
    "QCheckBox": {"text": "", "checked": False},
    "QComboBox": {"currentIndex": 0},
    "QProgressBar": {"value": 0},
    "ctkSliderWidget": {"value": 0.0},
    "ctkCollapsibleButton": {"text": "", "collapsed": True},
}


class Widget:
    """A widget of class ``kind`` with the properties of that class and no others."""

    def __init__(self, kind="QWidget", name=""):
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "slots", {})
        object.__setattr__(self, "checkable", False)
        for key, value in {**PROPERTIES["QWidget"], **PROPERTIES.get(kind, {}), "name": name}.items():
            object.__setattr__(self, key, value)

    def __setattr__(self, key, value):
        if key not in self.__dict__:
            raise AttributeError(f"{self.kind} has no property {key}")
        object.__setattr__(self, key, value)

    def connect(self, signal, slot):
        self.slots[signal] = slot

    def click(self):
        if self.enabled:
            if self.checkable:
                self.checked = not self.checked
            slot, checked = self.slots["clicked(bool)"], getattr(self, "checked", False)
            # PythonQt hands over no more arguments than the slot takes.
            slot(*[checked][: len(inspect.signature(slot).parameters)])


class TableView(Widget):
    def __init__(self, name):
        super().__init__("qMRMLTableView", name)
        object.__setattr__(self, "node", None)
        header = types.SimpleNamespace(visible=True, stretchLastSection=False)
        object.__setattr__(self, "horizontalHeader", lambda: header)
        object.__setattr__(self, "verticalHeader", lambda: header)

    def setMRMLTableNode(self, node):
        self.node = node

    def mrmlTableNode(self):
        return self.node


class ComboBox(Widget):
    def __init__(self, name):
        super().__init__("QComboBox", name)
        object.__setattr__(self, "items", [])

    def clear(self):
        self.items.clear()
        self.currentIndex = -1

    def addItem(self, text):
        self.items.append(text)
        self.currentIndex = max(self.currentIndex, 0)


class Panel(Widget):
    """A loaded .ui file."""

    def __init__(self, path):
        super().__init__("qMRMLWidget")
        object.__setattr__(self, "ui", types.SimpleNamespace())
        for element in ET.parse(path).iter("widget"):
            kind, name = element.get("class"), element.get("name")
            own = {"qMRMLTableView": TableView, "QComboBox": ComboBox}.get(kind)
            widget = own(name) if own else Widget(kind, name)
            widget.checkable = element.find("property[@name='checkable']/bool") is not None
            setattr(self.ui, name, widget)

    def setMRMLScene(self, scene):
        pass


class Timer:
    single = []  # noqa: RUF012 - what the event loop will call

    @staticmethod
    def singleShot(milliseconds, slot):
        Timer.single.append(slot)

    @staticmethod
    def runSingle():
        """What the event loop does next."""
        while Timer.single:
            Timer.single.pop(0)()

    def __init__(self):
        self.running, self.slot = False, None

    def setInterval(self, milliseconds):
        pass

    def connect(self, signal, slot):
        assert signal == "timeout()"
        self.slot = slot

    def start(self):
        self.running = True

    def stop(self):
        self.running = False


class Shortcut:
    alive = []  # noqa: RUF012 - what the main window owns

    def __init__(self, key, parent):
        self.key = key
        Shortcut.alive.append(self)

    def connect(self, signal, slot):
        self.slot = slot

    def disconnect(self, signal):
        self.slot = None

    def setParent(self, parent):
        Shortcut.alive.remove(self)


class Effect:
    def __init__(self, name):
        self.name = name
        self.parameters = {}

    def setParameter(self, name, value):
        self.parameters[name] = value

    setCommonParameter = setParameter

    def doubleParameter(self, name):
        return float(self.parameters[name])


class SegmentEditor:
    """qMRMLSegmentEditorWidget; the paint effects crash without views, as they do in Slicer."""

    hasViews = True

    def __init__(self):
        self.visible = True
        self.node = self.segmentation = self.volume = self.segmentId = self.effect = None

    def setParent(self, parent):
        assert parent is not None

    def setMaskingSectionVisible(self, visible):
        assert self.node is not None, "Slicer's log would say: Invalid segment editor parameter set node"

    def setMRMLScene(self, scene):
        assert self.node is not None, "the editor node has to be set before the scene"

    def segmentationNodeSelectorAddAttribute(self, nodeType, attributeName, attributeValue):
        self.filter = (nodeType, attributeName, attributeValue)

    def setMRMLSegmentEditorNode(self, node):
        self.node = node

    def mrmlSegmentEditorNode(self):
        return self.node

    def setSegmentationNode(self, node):
        self.segmentation = node

    def setSourceVolumeNode(self, node):
        self.volume = node

    def setCurrentSegmentID(self, segmentId):
        assert self.segmentation.GetSegmentation().GetSegment(segmentId) is not None
        self.segmentId = segmentId

    def setActiveEffect(self, effect):
        assert effect is None
        self.effect = None
        self.node.SetActiveEffectName("")

    def setActiveEffectByName(self, name):
        assert SegmentEditor.hasViews, "Slicer crashes here"
        self.effect = Effect(name)
        self.node.SetActiveEffectName(name)

    def activeEffect(self):
        return self.effect

    def removeViewObservations(self):
        pass


for _name in (
    "setMaximumNumberOfUndoStates",
    "setAutoShowSourceVolumeNode",
    "setSegmentationNodeSelectorVisible",
    "setSourceVolumeNodeSelectorVisible",
    "setSwitchToSegmentationsButtonVisible",
):
    setattr(SegmentEditor, _name, lambda self, value: None)


class NodeSelector:
    """What qMRMLNodeComboBox writes into ``inputVolume`` when the scene changes under it."""

    def __init__(self, wrapper):
        import slicer
        import vtk

        self.wrapper = wrapper
        scene = slicer.mrmlScene

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def removing(caller, event, node):
            # The row is removed, and the one before is the current one.
            if self.wrapper and not scene.IsClosing() and node == self.wrapper.inputVolume:
                volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
                index = volumes.index(node)
                self.wrapper.inputVolume = volumes[index - 1] if index else None

        def imported(caller, event):
            # All rows are removed and made anew.
            if self.wrapper:
                self.wrapper.inputVolume = None

        scene.AddObserver(scene.NodeAboutToBeRemovedEvent, removing, -10.0)
        scene.AddObserver(scene.EndImportEvent, imported, 1.0)


def parameterNodeWrapper(cls):
    """Typed properties on a parameter node, as far as the module needs them."""
    import slicer

    class Wrapper:
        __doc__ = cls.__doc__
        annotations = cls.__annotations__

        def __init__(self, node):
            object.__setattr__(self, "node", node)

        def __getattr__(self, name):
            kind = Wrapper.annotations[name]
            if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
                return self.node.GetNodeReference(name)
            kind = getattr(kind, "__origin__", kind)
            text = self.node.GetParameter(name)
            if not text:
                return getattr(cls, name)
            return text == "True" if kind is bool else kind(text)

        def __setattr__(self, name, value):
            kind = Wrapper.annotations[name]
            if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
                self.node.SetNodeReferenceID(name, value.GetID() if value else None)
                return
            for choice in getattr(kind, "__metadata__", ()):
                choice(value)
            self.node.SetParameter(name, str(value))

        def connectGui(self, ui):
            return NodeSelector(self)

        def disconnectGui(self, tag):
            tag.wrapper = None

        def AddObserver(self, event, method, priority=0.0):
            return self.node.AddObserver(event, method, priority)

        def RemoveObserver(self, tag):
            self.node.RemoveObserver(tag)

    return Wrapper


def _choice(choices):
    def check(value):
        if value not in choices:
            raise ValueError(value)

    return check


def _withinRange(low, high):
    def check(value):
        if not low <= value <= high:
            raise ValueError(value)

    return check


class ModuleBase:
    def __init__(self, parent):
        self.parent = parent


class LogicBase:
    def getParameterNode(self):
        import slicer

        node = slicer.mrmlScene.GetSingletonNode("ICHHPINet", "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag("ICHHPINet")
            node.SetAttribute("ModuleName", "ICHHPINet")
            node = slicer.mrmlScene.AddNode(node)
        return node


class WidgetBase:
    def __init__(self, parent):
        super().__init__()
        self.parent = parent
        self.layout = types.SimpleNamespace(addWidget=lambda widget: None)

    def setup(self):
        pass

    def resourcePath(self, name):
        return str(parentFolder() / "Resources" / name)


def parentFolder():
    from pathlib import Path

    return Path(__file__).resolve().parents[2] / "ICHHPINet"


@contextmanager
def application(monkeypatch, views=True):
    """Inside, the module can be imported and its widget be made on a headless scene."""
    import unittest

    import slicer

    from ICHHPINetLib.scene.headless import headless_scene

    i18n = types.ModuleType("slicer.i18n")
    i18n.tr = lambda text: text
    i18n.translate = lambda context, text: text
    base = types.ModuleType("slicer.ScriptedLoadableModule")
    base.ScriptedLoadableModule, base.ScriptedLoadableModuleWidget = ModuleBase, WidgetBase
    base.ScriptedLoadableModuleLogic = LogicBase
    base.ScriptedLoadableModuleTest = type(
        "ScriptedLoadableModuleTest", (unittest.TestCase,), {"delayDisplay": lambda self, message: None}
    )
    wrapper = types.ModuleType("slicer.parameterNodeWrapper")
    wrapper.parameterNodeWrapper = parameterNodeWrapper
    wrapper.Choice, wrapper.WithinRange = _choice, _withinRange
    qt = types.ModuleType("qt")
    qt.QTimer, qt.QShortcut, qt.QKeySequence = Timer, Shortcut, str
    for module in (i18n, base, wrapper, qt):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        if module is not qt:
            monkeypatch.setattr(slicer, module.__name__.split(".")[1], module, raising=False)
    monkeypatch.setattr(slicer, "qMRMLSegmentEditorWidget", SegmentEditor, raising=False)
    monkeypatch.setattr(SegmentEditor, "hasViews", views)
    monkeypatch.setattr(Shortcut, "alive", [])
    monkeypatch.setattr(Timer, "single", [])
    monkeypatch.syspath_prepend(str(parentFolder()))
    util = importlib.import_module("slicer.util")
    monkeypatch.setattr(util, "loadUI", Panel)
    monkeypatch.setattr(util, "childWidgetVariables", lambda panel: panel.ui)
    monkeypatch.setattr(util, "mainWindow", lambda: object() if views else None)
    monkeypatch.setattr(util, "setSliceViewerLayers", lambda **layers: None)
    monkeypatch.setattr(util, "confirmOkCancelDisplay", lambda *arguments: True)
    with headless_scene() as scene:
        layout = types.SimpleNamespace(resetThreeDViews=lambda: None)
        slicer.app.layoutManager = lambda: layout if views else None
        slicer.app.testingEnabled = lambda: True
        slicer.app.connect = lambda signal, slot: None
        try:
            yield scene
        finally:
            for name in [
                name for name in sys.modules if name.split(".")[0] in ("ICHHPINet", "ICHHPINetSupport")
            ]:
                del sys.modules[name]
