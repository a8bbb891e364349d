"""As much of Qt, PythonQt and Slicer's effect classes as the effect touches, on real MRML nodes."""

import sys
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock


class ComboBox:
    """A combo box that remembers what it shows."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.items, self.index = [], -1

    def addItem(self, text, data):
        self.items.append((text, data))

    def setCurrentIndex(self, index):
        self.index = index

    @property
    def currentData(self):
        return self.items[self.index][1] if self.index >= 0 else None

    @property
    def currentText(self):
        return self.items[self.index][0] if self.index >= 0 else None

    def blockSignals(self, block):
        return False

    def setToolTip(self, text):
        self.toolTip = text

    def connect(self, signal, slot):
        self.slot = slot


class ScriptedEffect:
    """``qSlicerSegmentEditorScriptedEffect`` on the nodes and the logic of an ``Editor``."""

    def __init__(self, editor):
        self.editor = editor
        self.optionsWidgets = []
        self.parameters = {}
        self.references = {}

    def parameterSetNode(self):
        return self.editor.node if self.editor.node.GetScene() else None

    def parameter(self, name):
        return self.parameters[name]

    def parameterDefined(self, name):
        return name in self.parameters

    def setParameter(self, name, value):
        self.parameters[name] = str(value)
        # The Segment Editor shows every change of its node at once.
        self.effect.updateGUIFromMRML()

    def setCommonParameter(self, name, value):
        self.parameters[name] = str(value)

    def setParameterDefault(self, name, value):
        self.parameters.setdefault(name, str(value))

    def nodeReference(self, role):
        return self.references.get(role)

    def setCommonNodeReference(self, role, node):
        self.references[role] = node

    def addOptionsWidget(self, widget):
        self.optionsWidgets.append(widget)

    def addLabeledOptionsWidget(self, label, widget):
        self.optionsWidgets.append(widget)

    def sourceVolumeImageData(self):
        return self.editor.source_image()

    def saveStateForUndo(self):
        self.editor.logic.SaveStateForUndo()

    def modifySegmentByLabelmap(self, segmentation, segment_id, labelmap, mode):
        self.editor.logic.ModifySegmentByLabelmap(segmentation, segment_id, labelmap, mode, False, False)


class AutoCompleteEffect:
    """What the effect inherits from ``AbstractScriptedSegmentEditorAutoCompleteEffect``."""

    def __init__(self, scriptedEffect):
        self.scriptedEffect = scriptedEffect
        self.delayedAutoUpdateTimer = MagicMock()
        self.selectedSegmentIds = None
        self.observing = False

    def setupOptionsFrame(self):
        for name in ("previewButton", "cancelButton", "applyButton"):
            button = SimpleNamespace(
                enabled=None,
                setToolTip=lambda text: None,
                connect=lambda signal, slot: None,
                disconnect=lambda signal, slot: None,
            )
            button.setEnabled = lambda enabled, button=button: setattr(button, "enabled", enabled)
            setattr(self, name, button)

    def setMRMLDefaults(self):
        self.scriptedEffect.setParameterDefault("AutoUpdate", "1")

    def getPreviewNode(self):
        return self.scriptedEffect.nodeReference("SegmentationResultPreview")

    def updateGUIFromMRML(self):
        self.observeSegmentation(self.getPreviewNode() is not None)

    def observeSegmentation(self, observe):
        # Slicer's own asks every watched segment for changes as soon as one is painted.
        assert not observe or self.selectedSegmentIds is not None
        self.observing = observe

    def setPreviewOpacity(self, opacity):
        segmentation = self.scriptedEffect.parameterSetNode().GetSegmentationNode()
        segmentation.GetDisplayNode().SetOpacity(1.0 - opacity)
        self.getPreviewNode().GetDisplayNode().SetOpacity(opacity)

    def setPreviewShow3D(self, show):
        self.show3D = show

    def getPreviewShow3D(self):
        return self.show3D

    def reset(self):
        import slicer

        node = self.getPreviewNode()
        if node is not None:
            self.scriptedEffect.setCommonNodeReference("SegmentationResultPreview", None)
            slicer.mrmlScene.RemoveNode(node)
        segmentation = self.scriptedEffect.parameterSetNode().GetSegmentationNode()
        segmentation.GetDisplayNode().SetOpacity(1.0)
        self.selectedSegmentIds = None
        self.updateGUIFromMRML()

    def cleanup(self):
        self.delayedAutoUpdateTimer.disconnect()


class error_display:
    """``slicer.util.tryWithErrorDisplay`` in testing mode: lets the error through."""

    def __init__(self, message, waitCursor=False):
        pass

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        return False


def install(monkeypatch, folder, installed):
    """Make ``import qt`` and the like work; ``installed`` is called where packages would be installed."""
    import slicer

    qt = ModuleType("qt")
    qt.QComboBox, qt.QIcon = ComboBox, MagicMock()
    qt.QLabel = qt.QProgressBar = qt.QTimer = MagicMock
    i18n = ModuleType("slicer.i18n")
    i18n.tr = lambda text: text
    effects = ModuleType("SegmentEditorEffects")
    effects.AbstractScriptedSegmentEditorAutoCompleteEffect = AutoCompleteEffect
    support = ModuleType("ICHHPINetSupport")
    support.PackageInstaller = SimpleNamespace(missingRequirements=list, install=installed)
    for module in (qt, i18n, effects, support):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(slicer.util, "tryWithErrorDisplay", error_display)
    monkeypatch.setattr(
        slicer,
        "qSlicerSegmentEditorAbstractEffect",
        SimpleNamespace(ModificationModeSet=slicer.vtkSlicerSegmentEditorLogic.ModificationModeSet),
        raising=False,
    )
    for name in [name for name in sys.modules if name.startswith("ICHHPINetEffect")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(folder))
