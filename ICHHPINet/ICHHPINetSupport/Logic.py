"""What the module does without its panel: for scripts, for tests, and for the panel."""

from typing import Annotated

import slicer
from ICHHPINetLib.errors import ICHHPINetError, RoundCancelled
from ICHHPINetLib.interaction.controller import Controller
from ICHHPINetLib.interaction.executor import ThreadExecutor
from ICHHPINetLib.interaction.round_job import RoundSettings
from ICHHPINetLib.interaction.session_factory import SessionFactory, torch_is_installed
from ICHHPINetLib.interaction.status import State
from ICHHPINetLib.scene import SceneAdapter
from slicer import (
    vtkMRMLLabelMapVolumeNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTableNode,
)
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from .Export import exportNode


@parameterNodeWrapper
class ICHHPINetParameterNode:
    """
    State of the work, saved with the scene.

    inputVolume - The CT.
    scribbles - The scribbles.
    hematoma - The result as a segmentation.
    hematomaLabelmap - The result as a label map in the CT's geometry.
    rounds - The table of rounds.
    device - Where rounds are computed.
    weights - Name of a shipped network or path of a .safetensors file.
    autoRefine - Start a round after every scribble.
    brushDiameter - In mm.
    opacity - Of the result's area in slice views.
    show3D - Show the result as a surface in the 3D views.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    scribbles: vtkMRMLSegmentationNode
    hematoma: vtkMRMLSegmentationNode
    hematomaLabelmap: vtkMRMLLabelMapVolumeNode
    rounds: vtkMRMLTableNode
    device: Annotated[str, Choice(["auto", "cpu", "cuda", "mps"])] = "auto"
    weights: str = "default"
    autoRefine: bool = False
    brushDiameter: Annotated[float, WithinRange(0.5, 30)] = 4.0
    opacity: Annotated[float, WithinRange(0, 1)] = 0.4
    show3D: bool = False


class ICHHPINetLogic(ScriptedLoadableModuleLogic):
    """Rounds on the nodes of a scene, without a panel.

    >>> logic = ICHHPINetLogic()
    >>> scribbles, foreground, background = logic.setCt(ct)
    >>> slicer.util.updateSegmentBinaryLabelmapFromArray(painted, scribbles, foreground, ct)
    >>> logic.refine()["Volume (mL)"]

    ``scene`` reads and writes the nodes, ``controller`` decides what happens when; both belong to
    the library and work in the axial order of its arrays.

    :param onStatus: called with the controller's status after every change, on the main thread
    :param openSession: makes a session from volume, spacing and settings; the shipped networks' if left out
    :param hasPackages: tells whether rounds can be computed; looks for PyTorch if left out
    """

    def __init__(self, onStatus=lambda status: None, openSession=None, hasPackages=None) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self.scene = SceneAdapter(slicer.mrmlScene)
        self.controller = Controller(
            self.scene,
            openSession or SessionFactory(),
            ThreadExecutor(),
            onStatus,
            hasPackages or torch_is_installed,
        )

    def getParameterNode(self) -> ICHHPINetParameterNode:
        """The typed parameter node of the scene, made where it is missing."""
        return ICHHPINetParameterNode(super().getParameterNode())

    def setCt(self, ct):
        """Work on ``ct`` from now on, None for none; a round on the former CT is ended.

        :return: the node to paint into and the IDs of its foreground and background segment; None without
            a CT that can be used, and then ``controller.status.error`` says why
        """
        self.controller.leave_ct()
        self.scene.ct = ct
        if ct is None:
            self.controller.ct_removed()
            return None
        self.controller.ct_chosen()
        return None if self.controller.status.error is not None else self.scene.ensure_scribbles()

    def applySettings(self, parameters: ICHHPINetParameterNode) -> None:
        """Take over network and device; they count from the next round on."""
        self.controller.settings = RoundSettings(
            weights=parameters.weights.strip() or "default", device=parameters.device
        )

    def refine(self, ct=None) -> dict:
        """Run one round with the scribbles in the scene and wait for its end.

        :param ct: the CT, where it is another one than so far
        :return: the new row of the table of rounds, by column name
        :raises ICHHPINetError: if something is missing or the round fails; the message says what to do
        """
        return self._run(self.controller.refine, ct)

    def guess(self, ct=None) -> dict:
        """Run a first round without scribbles and wait for its end.

        Parameters, result and errors are those of ``refine``; after scribbles or rounds an ICHHPINetError.
        """
        return self._run(self.controller.guess, ct)

    def _run(self, start, ct) -> dict:
        if ct is not None and ct != self.scene.ct:
            self.setCt(ct)
        self.applySettings(self.getParameterNode())
        if start():
            self.controller.wait()
        elif self.controller.status.state.is_busy:
            raise ICHHPINetError(_("A round is running. Wait for its end, or cancel it."))
        status = self.controller.status
        if status.error is not None:
            raise status.error
        if status.state == State.CANCELLED:
            raise RoundCancelled(
                _("The round was cancelled; the previous result and all scribbles are kept.")
            )
        return self.scene.rounds_rows()[-1]

    def undo(self) -> bool:
        """Take back the last round with its scribbles; False where there is none."""
        return self.controller.undo()

    def undoScribble(self) -> bool:
        """Take back the last scribble that no round has seen; False where there is none.

        A round that runs is cancelled: it may have seen the scribble.
        """
        self.scene.note_scribble()
        if not self.scene.can_undo_scribble():
            return False
        with self.controller.taking_back_scribbles(self.scene.can_undo_scribble):
            return self.scene.undo_scribble()

    def foci(self) -> list:
        """The separate parts of the result in the scene, the largest first; see ``find_foci``."""
        # Not at the top: scipy would be imported at every start of Slicer.
        from ICHHPINetLib.measurement.foci import find_foci

        mask = self.scene.read_mask()
        return [] if mask is None else find_foci(mask)

    def startOver(self) -> None:
        """Remove all scribbles and rounds of the CT."""
        self.controller.start_over()

    def export(self, role: str, path) -> None:
        """Write "hematoma" (.seg.nrrd), "hematomaLabelmap" (.nrrd, .nii.gz) or "rounds" (.csv) into a file.

        :raises OutputError: if there is no result or the file cannot be written
        """
        exportNode(self.scene.node(role), path)

    def close(self) -> None:
        """End the computing thread, and with it a running round."""
        self.controller.close()
