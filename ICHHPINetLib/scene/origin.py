"""What Slicer's subject hierarchy knows of the DICOM series behind a CT."""

from __future__ import annotations

from ..errors import InvalidVolumeError
from ..imaging.validation import CT_MODALITY, UNSAID_MODALITIES
from ._mrml import slicer


def modality(scene, ct) -> str:
    """DICOM modality of the series that ``ct`` was loaded from, empty where it came from elsewhere."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(ct) if hierarchy else 0
    if not item:
        return ""
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    return hierarchy.GetItemAttribute(item, name) or ""


def may_be_ct(scene, volume) -> bool:
    """Whether nothing says that ``volume`` is of another modality."""
    return modality(scene, volume) in (CT_MODALITY, *UNSAID_MODALITIES)


def check_modality(scene, ct) -> None:
    """InvalidVolumeError if ``ct`` was loaded from a series that is no CT."""
    if not may_be_ct(scene, ct):
        raise InvalidVolumeError(
            f"'{ct.GetName()}' is a series of modality {modality(scene, ct)}. Choose a head CT without "
            "contrast agent."
        )
