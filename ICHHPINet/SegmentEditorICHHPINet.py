import os

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

# Slicer's test runner and the Self Tests module look for the test in the module's own script.
from ICHHPINetEffect.SelfTest import SegmentEditorICHHPINetTest

__all__ = ["SegmentEditorICHHPINet", "SegmentEditorICHHPINetTest"]


class SegmentEditorICHHPINet(ScriptedLoadableModule):
    """Hidden module that registers the Segment Editor effect ICH-HPINet."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Segment Editor ICH-HPINet")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations"]
        self.parent.contributors = ["The SlicerICHHPINet contributors"]
        self.parent.hidden = True
        self.parent.helpText = _("This hidden module registers the Segment Editor effect ICH-HPINet.")
        self.parent.acknowledgementText = _(
            "The effect follows Tao et al., ICH-HPINet, Scientific Reports, 2025. "
            "Research use only, not a medical device."
        )
        slicer.app.connect("startupCompleted()", self.registerEditorEffect)

    def registerEditorEffect(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        scriptedEffect = effects.qSlicerSegmentEditorScriptedEffect(None)
        effectFile = os.path.join(os.path.dirname(__file__), "ICHHPINetEffect", "SegmentEditorEffect.py")
        scriptedEffect.setPythonSource(effectFile.replace("\\", "/"))
        scriptedEffect.self().register()
