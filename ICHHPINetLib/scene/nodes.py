"""The nodes that belong to one CT: how they are found again, made and referenced."""

from __future__ import annotations

import zlib

import numpy as np

from ..errors import InvalidVolumeError
from ..imaging.segment_kinds import HEMATOMA
from ..words import tr as _
from ._mrml import numpy_support, slicer
from .geometry import ijk_to_ras
from .names import keep_saveable, keep_scene_saveable
from .segments import find_segment, is_tagged, segment_voxels

MODULE_NAME = "ICHHPINet"

# Role in the parameter node: class, and suffix of the name behind the CT's name.
ROLES = {
    "scribbles": ("vtkMRMLSegmentationNode", "scribbles"),
    "hematoma": ("vtkMRMLSegmentationNode", "hematoma"),
    "hematomaLabelmap": ("vtkMRMLLabelMapVolumeNode", "hematoma labelmap"),
    "rounds": ("vtkMRMLTableNode", "hematoma rounds"),
}
ROLE_ATTRIBUTE = "ICHHPINet.role"
_CT_REFERENCE = "ICHHPINet.inputVolume"
_CT_FINGERPRINT = "ICHHPINet.inputVolumeFingerprint"
# Every so many voxels are looked at: it is done often, and two CTs differ nearly everywhere.
_FINGERPRINT_STRIDE = 61


class SceneNodes:
    """Finds and makes the nodes of the scene contract for one CT.

    A node is looked up through the module's parameter node (while that points to this
    CT), then by the marks it carries, then by its name. The marks keep the nodes of
    several CTs in one scene apart, and survive renaming, saving and loading. Nodes of a CT
    that was deleted are found again where the same CT is loaded anew, and by no other one of its name.
    """

    def __init__(self, scene, ct) -> None:
        self.scene = scene
        self.ct = ct

    def find(self, role: str):
        """The node of ``role``, or None."""
        return self._referenced(role) or self._marked(role) or self._named(role)

    def ensure(self, role: str):
        """The node of ``role``, which is made where it is missing."""
        self.check_ct()
        keep_saveable(self.ct)
        node = self.find(role)
        if node is None:
            node = self._make(role)
        self._claim(node, role)
        if node.IsA("vtkMRMLSegmentationNode"):
            node.SetReferenceImageGeometryParameterFromVolumeNode(self.ct)
        return node

    def check_ct(self) -> None:
        """InvalidVolumeError if the CT was removed from the scene."""
        if self.ct is None or self.ct.GetScene() is None:
            raise InvalidVolumeError(
                _("The CT is no longer in the scene. Load it again, or choose another CT.")
            )

    def show_alone(self) -> None:
        """Show scribbles and result of this CT, and hide those of others: views draw them over any CT."""
        for role in ("scribbles", "hematoma"):
            for node in self._of_class(role):
                display = node.GetDisplayNode()
                if node.GetAttribute(ROLE_ATTRIBUTE) == role and display is not None:
                    display.SetVisibility(node.GetNodeReferenceID(_CT_REFERENCE) == self.ct.GetID())

    def publish(self) -> None:
        """Point the module's parameter node to the CT and its nodes."""
        keep_scene_saveable(self.scene)
        parameters = self.parameter_node(create=True)
        nodes = {"inputVolume": self.ct, **{role: self.find(role) for role in ROLES}}
        for role in ROLES:
            # Of the same CT that was deleted before and loaded again.
            if nodes[role] is not None and nodes[role].GetAttribute(ROLE_ATTRIBUTE) == role:
                self._claim(nodes[role], role)
        modifying = parameters.StartModify()
        try:
            for role, node in nodes.items():
                # Slicer's parameterNodeWrapper takes a role without a parameter of the same name for
                # unset, and clears it.
                if not parameters.HasParameter(role):
                    parameters.SetParameter(role, "")
                parameters.SetNodeReferenceID(role, node.GetID() if node else None)
        finally:
            parameters.EndModify(modifying)

    def parameter_node(self, create: bool = False):
        """The module's singleton ``vtkMRMLScriptedModuleNode``, or None where there is none yet."""
        parameters = self.scene.GetSingletonNode(MODULE_NAME, "vtkMRMLScriptedModuleNode")
        if parameters is None and create:
            parameters = slicer.vtkMRMLScriptedModuleNode()
            parameters.SetSingletonTag(MODULE_NAME)
            parameters.SetName(MODULE_NAME)
            parameters = self.scene.AddNode(parameters)
        if parameters is not None:
            parameters.SetAttribute("ModuleName", MODULE_NAME)
        return parameters

    def _referenced(self, role: str):
        parameters = self.parameter_node()
        if parameters is None or parameters.GetNodeReferenceID("inputVolume") != self.ct.GetID():
            return None
        node = parameters.GetNodeReference(role)
        return node if self._fits(node, role) else None

    def _marked(self, role: str):
        for node in self._of_class(role):
            if (
                node.GetAttribute(ROLE_ATTRIBUTE) == role
                and node.GetNodeReferenceID(_CT_REFERENCE) == self.ct.GetID()
            ):
                return node
        return None

    def _named(self, role: str):
        for node in self._of_class(role):
            if node.GetName() == self.name(role) and self._fits(node, role) and not _is_foreign(node, role):
                return node
        return None

    def _fits(self, node, role: str) -> bool:
        """Whether the node has the class of ``role`` and belongs to no other CT."""
        if node is None or node.GetScene() is None or not node.IsA(ROLES[role][0]):
            return False
        owner, mark = node.GetNodeReference(_CT_REFERENCE), node.GetAttribute(ROLE_ATTRIBUTE)
        if owner is not None:
            return owner.GetID() == self.ct.GetID() and mark in (None, role)
        # Series of two patients often have one name.
        return mark is None or (mark == role and node.GetAttribute(_CT_FINGERPRINT) == _fingerprint(self.ct))

    def _claim(self, node, role: str) -> None:
        """Mark the node as the one of ``role`` of this CT."""
        node.SetAttribute(ROLE_ATTRIBUTE, role)
        node.SetAttribute(_CT_FINGERPRINT, _fingerprint(self.ct))
        node.SetNodeReferenceID(_CT_REFERENCE, self.ct.GetID())

    def _of_class(self, role: str) -> list:
        class_name = ROLES[role][0]
        return [
            self.scene.GetNthNodeByClass(index, class_name)
            for index in range(self.scene.GetNumberOfNodesByClass(class_name))
        ]

    def name(self, role: str) -> str:
        """Name that the contract gives to the node of ``role``."""
        return f"{self.ct.GetName()} {ROLES[role][1]}"

    def _make(self, role: str):
        node = self.scene.AddNewNodeByClass(ROLES[role][0], self.name(role))
        # First: Slicer looks for the item of a segmentation whenever its display or a segment changes.
        self._place_beside_ct(node)
        if node.IsA("vtkMRMLDisplayableNode"):
            node.SetAndObserveTransformNodeID(self.ct.GetTransformNodeID())
            node.CreateDefaultDisplayNodes()
        return node

    def _place_beside_ct(self, node) -> None:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)
        ct_item = hierarchy.GetItemByDataNode(self.ct) if hierarchy else 0
        if not ct_item:
            return
        parent = hierarchy.GetItemParent(ct_item)
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.SetItemParent(item, parent)
        else:
            hierarchy.CreateItem(parent, node)


def _fingerprint(ct) -> str | None:
    """Tells the CT's voxels and place from those of another one; None without voxels."""
    image = ct.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None:
        return None
    place = np.round(ijk_to_ras(ct), 3) + 0.0
    values = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(-1)
    voxels = np.ascontiguousarray(values[::_FINGERPRINT_STRIDE])
    return f"{zlib.crc32(voxels.data, zlib.crc32(place.data)):08x}"


def _is_foreign(node, role: str) -> bool:
    """Whether a node known by its name alone holds a hematoma that somebody else drew there."""
    if role != "hematoma" or node.GetAttribute(ROLE_ATTRIBUTE):
        return False
    segment_id = find_segment(node, HEMATOMA)
    return (
        segment_id is not None
        and not is_tagged(node, segment_id, HEMATOMA)
        and bool(segment_voxels(node, segment_id)[0].any())
    )
