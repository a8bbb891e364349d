"""The panel's exports for others: a page of PDF, and DICOM objects of the series that the CT came from."""

import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("highdicom")

from ICHHPINetLib.dicom_export.sr import read_sr
from ICHHPINetLib.imaging.label_files import read_labels
from Testing.imaging.dicom_cases import head_hu, write_slices
from Testing.slicer_module.test_widget import finish

BLOCKS = np.cumsum([0.0, *[4.0] * 6, 1.08, *[7.0] * 5])


@pytest.fixture
def desk(scene, monkeypatch, tmp_path):
    """What the user chooses, and what was opened for the user."""
    import slicer.util

    @contextmanager
    def errors(message, waitCursor=False):
        yield

    desk = SimpleNamespace(opened=[], pdf=tmp_path / "page.pdf", folder=tmp_path / "out")
    desk.folder.mkdir()
    qt = sys.modules["qt"]
    monkeypatch.setattr(slicer.util, "tryWithErrorDisplay", errors)
    for name, part in (
        ("QDesktopServices", SimpleNamespace(openUrl=desk.opened.append)),
        ("QUrl", SimpleNamespace(fromLocalFile=str)),
        ("QFileDialog", SimpleNamespace(getExistingDirectory=lambda *given: str(desk.folder))),
    ):
        monkeypatch.setattr(qt, name, part, raising=False)
    slicer.app.defaultScenePath = ""
    return desk


@pytest.fixture
def opened(scene, make_widget, monkeypatch, desk, tmp_path):
    """Makes a panel with a round on a series, as Slicer loads one: a plane a slice."""
    import slicer

    from ICHHPINetLib.scene import add_ct_node

    def make(count=8, loaded=True, **series):
        hu, folder = head_hu(count), tmp_path / "series"
        write_slices(folder, hu, **series)
        matrix = np.diag([-0.5, -0.5, 5.0, 1.0])
        matrix[:3, 3] = 10.0, 20.0, 30.0
        node = add_ct_node(scene, "2: HEAD", hu, matrix)
        if loaded:
            node.SetAttribute("DICOM.instanceUIDs", " ".join(f"1.2.3.4.{n + 1}" for n in range(count)))
        files = {f"1.2.3.4.{n + 1}": str(folder / f"slice_{(n * 7) % 31:03d}.dcm") for n in range(count)}
        database = SimpleNamespace(fileForInstance=lambda uid: files.get(uid, ""))
        monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
        widget = make_widget()
        paint(widget)
        widget.ui.refineButton.click()
        finish(widget)
        from ICHHPINetSupport import Export

        monkeypatch.setattr(Export, "askForPath", lambda *given: str(desk.pdf))
        return widget

    return make


def paint(widget, *slices):
    import slicer

    scribbles, foreground, _ = widget.logic.scene.ensure_scribbles()
    ct = widget.logic.scene.ct
    painted = np.zeros(slicer.util.arrayFromVolume(ct).shape, np.uint8)
    painted[list(slices or (3, 4, 5)), 9:14, 8:12] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, scribbles, foreground, ct)


def test_the_page_is_written_and_opened(opened, desk):
    widget = opened(loaded=False)
    assert not widget.ui.dicomButton.enabled
    assert "not loaded from DICOM" in widget.ui.reportLabel.text
    widget.ui.reportButton.click()
    assert desk.pdf.read_bytes().startswith(b"%PDF")
    assert desk.opened == [str(desk.pdf)]
    assert str(desk.pdf) in widget.ui.reportLabel.text


def test_before_a_round_there_is_nothing_to_export(scene, make_widget):
    widget = make_widget()
    assert not widget.ui.reportButton.enabled and not widget.ui.dicomButton.enabled
    assert "no result yet" in widget.ui.reportLabel.text


def test_dicom_objects_lie_on_the_slices_of_the_series(opened, desk):
    widget = opened()
    widget.ui.dicomButton.click()
    seg, sr, sc = (desk.folder / f"2_ HEAD hematoma {kind}.dcm" for kind in ("SEG", "SR", "SC"))
    assert sorted(desk.folder.iterdir()) == sorted([seg, sr, sc]), widget.ui.reportLabel.text
    file = read_labels(seg)
    assert file.series == "1.2.3.4" and file.label_map().sum() == 60
    assert read_sr(sr).numbers["volume_ml"] == pytest.approx(60 * 0.5 * 0.5 * 5 / 1000)
    assert "Written" in widget.ui.reportLabel.text


def test_slices_of_several_thicknesses_count_with_their_own(opened, desk):
    widget = opened(13, z=BLOCKS, thickness=[4.0] * 7 + [7.0] * 6)
    widget.ui.dicomButton.click()
    numbers = read_sr(desk.folder / "2_ HEAD hematoma SR.dcm").numbers
    assert numbers["volume_ml"] == pytest.approx(60 * 0.25 * 4 / 1000, rel=0.01)
    assert "wrong volumes" in widget.ui.reportLabel.text


@pytest.mark.parametrize("blocks", [False, True])
def test_work_goes_on_from_a_segmentation_of_the_series(opened, desk, monkeypatch, blocks):
    from ICHHPINetSupport import Export

    widget = opened(13, **({"z": BLOCKS, "thickness": [4.0] * 7 + [7.0] * 6} if blocks else {}))
    widget.ui.dicomButton.click()
    seg = desk.folder / "2_ HEAD hematoma SEG.dcm"
    monkeypatch.setattr(Export, "askForExistingPath", lambda *given: str(seg))
    mask = widget.logic.scene.read_mask()
    assert not widget.ui.goOnButton.enabled
    widget.ui.startOverButton.click()
    widget.ui.goOnButton.click()
    assert "shown as the hematoma" in widget.ui.reportLabel.text
    np.testing.assert_array_equal(widget.logic.scene.read_mask(), mask)
    asked = []
    monkeypatch.setattr("slicer.util.confirmOkCancelDisplay", lambda text, title: asked.append(text))
    widget.ui.goOnButton.click()
    assert len(asked) == 1
    paint(widget, 2)
    widget.ui.refineButton.click()
    finish(widget)
    assert widget.logic.scene.rounds() == 1 and not widget.ui.goOnButton.enabled
    assert widget.logic.scene.read_mask().sum() > mask.sum()
    widget.ui.undoRoundButton.click()
    np.testing.assert_array_equal(widget.logic.scene.read_mask(), mask)


def test_a_segmentation_of_another_series_is_refused(opened, desk, monkeypatch):
    import pydicom
    from ICHHPINetSupport import Export

    widget = opened()
    widget.ui.dicomButton.click()
    seg = desk.folder / "2_ HEAD hematoma SEG.dcm"
    other = pydicom.dcmread(seg)
    other.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3.5"
    other.save_as(seg)
    monkeypatch.setattr(Export, "askForExistingPath", lambda *given: str(seg))
    widget.ui.startOverButton.click()
    widget.ui.goOnButton.click()
    assert "drawn on another series (1.2.3.5)" in widget.ui.reportLabel.text
    assert widget.logic.scene.read_mask() is None


def refused(widget, desk):
    widget.ui.dicomButton.click()
    assert not list(desk.folder.iterdir())
    return widget.ui.reportLabel.text


def test_what_cannot_be_exported_is_said_in_the_panel_and_nothing_is_lost(opened, desk, tmp_path):
    import slicer

    widget = opened()
    volume = widget.ui.volumeLabel.text
    gone = tmp_path / "series" / "slice_007.dcm"
    content = gone.read_bytes()
    gone.unlink()
    assert "1 of the 8 slices of '2: HEAD'" in refused(widget, desk)
    gone.write_bytes(content)
    node = widget.logic.scene.ct
    slicer.util.arrayFromVolume(node)[2, 3, 4] += 30
    assert "is not, voxel by voxel, the DICOM series" in refused(widget, desk)
    slicer.util.arrayFromVolume(node)[2, 3, 4] -= 30
    (desk.folder / "2_ HEAD hematoma SR.dcm").mkdir()
    widget.ui.dicomButton.click()
    assert "SR.dcm" in widget.ui.reportLabel.text and len(list(desk.folder.iterdir())) == 1
    assert widget.ui.volumeLabel.text == volume and widget.logic.scene.rounds() == 1


def test_nothing_is_installed_or_written_without_a_yes(opened, desk, monkeypatch):
    import slicer
    from ICHHPINetSupport import PackageInstaller

    widget, asked, installed = opened(), [], []
    slicer.app.testingEnabled = lambda: False
    missing = {"matplotlib>=3.8"}
    monkeypatch.setattr(PackageInstaller, "_isMet", lambda requirement: requirement not in missing)
    monkeypatch.setattr(
        PackageInstaller, "_installFromPyPI", lambda one: installed.append(one) or missing.clear()
    )
    monkeypatch.setattr("slicer.util.confirmOkCancelDisplay", lambda text, title: asked.append(text))
    widget.ui.reportButton.click()
    assert "The report is drawn with matplotlib>=3.8" in asked[0]
    assert not installed and not desk.pdf.exists()
    assert "Nothing was installed" in widget.ui.reportLabel.text
    monkeypatch.setattr("slicer.util.confirmOkCancelDisplay", lambda text, title: True)
    widget.ui.reportButton.click()
    assert installed == ["matplotlib>=3.8"] and desk.pdf.exists()
    desk.pdf.unlink()
    missing.add("matplotlib>=3.8")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    widget.ui.reportButton.click()
    assert "restart Slicer" in widget.ui.reportLabel.text and not desk.pdf.exists()
