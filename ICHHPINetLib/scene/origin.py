"""What Slicer's subject hierarchy knows of the DICOM series behind a CT."""

from __future__ import annotations

from ..errors import InvalidVolumeError
from ..imaging import acquisition as rules
from ..imaging import acquisition_words as sentences
from ._mrml import slicer


def modality(scene, ct) -> str:
    """DICOM modality of the series that ``ct`` was loaded from, empty where it came from elsewhere."""
    return _attribute(
        scene, ct, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    )


def acquired(scene, ct) -> str:
    """When the series that ``ct`` was loaded from was taken, "2026-01-31 14:05"; empty where nobody knows."""
    prefix = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMAttributePrefix()
    date, time = (_attribute(scene, ct, f"{prefix}Series{part}").strip() for part in ("Date", "Time"))
    if len(date) != 8 or not date.isdecimal():
        return ""
    day = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return f"{day} {time[:2]}:{time[2:4]}" if time[:4].isdecimal() and len(time) >= 4 else day


def instance_uids(ct) -> list[str]:
    """UIDs of the DICOM objects that Slicer loaded ``ct`` from; none where it came from elsewhere."""
    return (ct.GetAttribute("DICOM.instanceUIDs") or "").split()


def identity(scene, ct) -> tuple[str, str, str]:
    """Patient's ID and date of birth, and UID of the series of ``ct``; each empty where it is not known."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(ct) if hierarchy else 0
    if not item:
        return "", "", ""
    names = slicer.vtkMRMLSubjectHierarchyConstants
    patient = hierarchy.GetItemAncestorAtLevel(item, names.GetDICOMLevelPatient())
    wanted = names.GetDICOMPatientIDAttributeName(), names.GetDICOMPatientBirthDateAttributeName()
    known, born = (hierarchy.GetItemAttribute(patient, name) or "" if patient else "" for name in wanted)
    study = hierarchy.GetItemAncestorAtLevel(item, names.GetDICOMLevelStudy())
    study_uid = hierarchy.GetItemUID(study, names.GetDICOMUIDName()) if study else ""
    if known == f"Patient-{study_uid}":
        # Slicer's own, where the files of a study have none: another one for each study of a patient.
        known = ""
    return known.strip(), born.strip(), hierarchy.GetItemUID(item, names.GetDICOMUIDName()) or ""


def _attribute(scene, ct, name: str) -> str:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(ct) if hierarchy else 0
    return hierarchy.GetItemAttribute(item, name) or "" if item else ""


def may_be_ct(scene, volume) -> bool:
    """Whether nothing says that ``volume`` is of another modality."""
    return rules.may_be_ct(modality(scene, volume))


def check_modality(scene, ct) -> None:
    """InvalidVolumeError if ``ct`` was loaded from a series that is no CT."""
    if not may_be_ct(scene, ct):
        words = sentences.modality_of_node(name=ct.GetName(), modality=modality(scene, ct))
        raise InvalidVolumeError(words)
