"""The panel's comparison of two finished CTs of a scene."""

import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import SimpleITK as sitk

from ICHHPINetLib.imaging.registration import Alignment
from Testing.scene.test_finished import finish


@pytest.fixture
def two(scene, make_widget, monkeypatch):
    """A panel on the second of two finished CTs, whose times DICOM tells."""
    import slicer.util

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    for name, time, voxels in (("First", "0800", 300), ("Second", "1430", 600)):
        volume = voxels * 1.25 / 1000
        doubt = SimpleNamespace(interval_ml=(0.9 * volume, 1.1 * volume), slices=[])
        finish(scene, name, voxels, guess=name == "Second", doubt=doubt)
        node = scene.GetFirstNodeByName(name)
        item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
        hierarchy.SetItemAttribute(item, "DICOM.SeriesDate", "20260131")
        hierarchy.SetItemAttribute(item, "DICOM.SeriesTime", time)
    monkeypatch.setattr(slicer.util, "tryWithErrorDisplay", _errors)
    widget = make_widget()
    from ICHHPINetSupport import CompareSection

    same = Alignment(sitk.Euler3DTransform(), 0.0, 0.0, 1.0)
    monkeypatch.setattr(CompareSection, "register", lambda *cts: same)
    widget._parameterNode.inputVolume = scene.GetFirstNodeByName("Second")
    return widget


@contextmanager
def _errors(message, waitCursor=False):
    yield


def open_section(widget):
    widget.ui.compareCollapsibleButton.collapsed = False
    widget.ui.compareCollapsibleButton.slots["contentsCollapsed(bool)"](False)


def test_what_changed_is_said_in_words_with_a_row_and_a_picture(two, scene, tmp_path, monkeypatch):
    from ICHHPINetSupport import CompareSection, Export

    ui = two.ui
    assert not ui.compareSelector.items
    open_section(two)
    assert ui.compareSelector.items == ["First 2026-01-31 08:00"]
    assert not ui.comparePictureButton.enabled
    ui.compareButton.click()
    lines = ui.compareResultLabel.text.splitlines()
    assert lines[0].startswith("Baseline 'First', 2026-01-31 08:00: ") and "(likely " in lines[0]
    assert lines[1].startswith("Follow-up 'Second'")
    assert "Time between: 6 h 30 min" in lines
    assert any(line.startswith("Growth by more than 6 mL or 33 %: met") for line in lines)
    assert any("follow-up is a first guess, on which nobody has scribbled" in line for line in lines)
    assert any("two segmentations of one CT" in line for line in lines)
    assert "not a medical device" in lines[-1]
    ui.compareButton.click()
    table = scene.GetFirstNodeByName("ICH-HPINet comparisons").GetTable()
    assert table.GetNumberOfRows() == 1
    assert table.GetValueByName(0, "followup_is_first_guess").ToString() == "yes"

    opened, path = [], tmp_path / "pair.png"
    desk = SimpleNamespace(openUrl=opened.append)
    monkeypatch.setattr(sys.modules["qt"], "QDesktopServices", desk, raising=False)
    monkeypatch.setattr(sys.modules["qt"], "QUrl", SimpleNamespace(fromLocalFile=str), raising=False)
    monkeypatch.setattr(Export, "askForPath", lambda *given: str(path))
    drawn = []
    monkeypatch.setattr(CompareSection, "comparison_picture", lambda *given: drawn.append(given) or b"png")
    ui.comparePictureButton.click()
    assert (path.read_bytes(), opened) == (b"png", [str(path)])
    assert drawn[0][3].transform is not None


def test_the_earlier_one_is_the_baseline_whichever_is_chosen(two, scene):
    two._parameterNode.inputVolume = scene.GetFirstNodeByName("First")
    open_section(two)
    assert two.ui.compareSelector.items == ["Second 2026-01-31 14:30"]
    two.ui.compareButton.click()
    assert two.ui.compareResultLabel.text.startswith("Baseline 'First'")


def test_two_patients_are_refused_in_the_panel(two, scene):
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    for name in ("First", "Second"):
        patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), name)
        hierarchy.SetItemAttribute(patient, "DICOM.PatientID", name)
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(scene.GetFirstNodeByName(name)), patient)
    open_section(two)
    two.ui.compareButton.click()
    assert "different patients" in two.ui.compareResultLabel.text
    assert not two.ui.comparePictureButton.enabled
    assert scene.GetFirstNodeByName("ICH-HPINet comparisons") is None


def test_an_unfinished_ct_is_told_what_to_do(two, scene):
    open_section(two)
    two.ui.startOverButton.click()
    assert "Refine this CT first" in two.ui.compareHintLabel.text
    assert not two.ui.compareButton.enabled
    two._parameterNode.inputVolume = scene.GetFirstNodeByName("First")
    assert "No other CT of this scene" in two.ui.compareHintLabel.text


def test_a_comparison_stays_when_the_background_has_looked_at_the_ct(two):
    open_section(two)
    two.ui.compareButton.click()
    text = two.ui.compareResultLabel.text
    two.timer.slot()
    assert text and two.ui.compareResultLabel.text == text
    assert two.ui.comparePictureButton.enabled
