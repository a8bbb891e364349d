"""The effect itself on real MRML nodes; Qt and Slicer's base class are stand-ins."""

import ast
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from ICHHPINetLib.errors import InvalidScribblesError, RoundCancelled
from ICHHPINetLib.interaction.result import Progress, RoundResult
from ICHHPINetLib.interaction.round_log import RoundLog
from Testing.inline_executor import InlineExecutor

FOLDER = Path(__file__).resolve().parents[2] / "ICHHPINet"
EFFECT = FOLDER / "ICHHPINetEffect"


class Session:
    """The bleed is every column of voxels with a foreground scribble anywhere, through all slices."""

    during_round = staticmethod(lambda: None)

    def __init__(self, ct, settings):
        self.log, self.warnings = RoundLog.empty(ct.shape, ct.spacing), []

    def refine(self, scribbles, on_progress, is_cancelled, *, accumulate):
        assert accumulate is False
        column = scribbles.foreground.any(axis=0)[None]
        mask = np.repeat(column, len(self.log.mask), 0) & ~scribbles.background
        on_progress(Progress(0.5, "propagate", 0, mask[0].astype(np.uint8)))
        type(self).during_round()
        if is_cancelled():
            raise RoundCancelled("stopped")
        about = self.log.number + 1, 0.1, [], "cpu", "default"
        result = RoundResult(mask.astype(np.uint8), mask.astype(np.float32), *about)
        self.log = self.log.with_round(result, scribbles)
        return result


@pytest.fixture
def effect(editor, monkeypatch):
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        fakes = importlib.import_module("fake_slicer")
    finally:
        sys.path.pop(0)
    fakes.install(monkeypatch, FOLDER, installed=lambda: None)
    monkeypatch.setattr("ICHHPINetLib.interaction.executor.ThreadExecutor", InlineExecutor)
    monkeypatch.setattr("ICHHPINetLib.interaction.session_factory.SessionFactory", lambda: Session)
    monkeypatch.setattr(Session, "during_round", staticmethod(lambda: None))
    module = importlib.import_module("ICHHPINetEffect")
    effect = module.SegmentEditorEffect(fakes.ScriptedEffect(editor))
    effect.scriptedEffect.effect = effect
    effect.setMRMLDefaults()
    effect.setupOptionsFrame()
    effect.updateGUIFromMRML()
    yield effect
    effect.cleanup()


def refine(effect):
    effect.onPreview()
    effect.onPoll()


def test_effect_is_found_by_its_untranslated_name(effect):
    assert effect.scriptedEffect.name == "ICH-HPINet"


def test_panel_offers_the_visible_segments_and_preselects_first_and_last(effect, editor):
    assert [text for text, _ in effect.bleedSelector.items] == ["Bleed", "Other", "Background"]
    assert effect.bleedSelector.currentText == "Bleed"
    assert effect.backgroundSelector.currentText == "Background"
    assert not effect.applyButton.enabled and not effect.cancelButton.enabled


def test_initialize_previews_slices_without_seeds_and_watches_the_seeds(effect, editor):
    refine(effect)
    preview = editor.voxels("Bleed", effect.getPreviewNode())
    assert preview.any(axis=(1, 2)).all()
    assert effect.observing and effect.applyButton.enabled
    watched = effect.selectedSegmentIds
    assert [watched.GetValue(index) for index in range(2)] == [editor.ids["Bleed"], editor.ids["Background"]]
    assert editor.voxels("Bleed").sum() == 6


def test_the_chosen_effect_looks_at_the_ct_before_the_first_round(effect, editor, monkeypatch):
    done = []
    monkeypatch.setattr(Session, "prepare", lambda session, stop: done.append(session), raising=False)
    effect.activate()
    effect.onPoll()
    assert len(done) == 1 and not effect.isBusy()
    refine(effect)
    assert effect.controller.last is not None and done[0].log.number == 1


def test_an_effect_without_seeds_is_chosen_without_a_word(effect, editor):
    editor.segmentation.GetDisplayNode().SetSegmentVisibility(editor.ids["Bleed"], False)
    editor.segmentation.GetDisplayNode().SetSegmentVisibility(editor.ids["Other"], False)
    effect.activate()
    assert effect.controller is None


def test_result_is_shown_with_the_disclaimer(effect):
    refine(effect)
    text = effect.resultLabel.setText.call_args[0][0]
    assert " mL (round 1" in text and "not a medical device" in text


def test_painting_on_refines_with_the_previous_preview_as_memory(effect, editor):
    refine(effect)
    more = editor.voxels("Bleed")
    more[5, 15, 20] = True
    editor.paint("Bleed", more)
    refine(effect)
    assert effect.controller.status.rounds == 2
    assert editor.voxels("Bleed", effect.getPreviewNode())[:, 15, 20].all()


def test_apply_writes_the_bleed_keeps_the_others_and_ends_the_preview(effect, editor):
    others = {name: editor.voxels(name) for name in ("Other", "Background")}
    scribbles = editor.voxels("Bleed")
    refine(effect)
    preview = editor.voxels("Bleed", effect.getPreviewNode())
    effect.onApply()
    np.testing.assert_array_equal(editor.voxels("Bleed"), preview)
    for name, voxels in others.items():
        np.testing.assert_array_equal(editor.voxels(name), voxels)
    assert effect.getPreviewNode() is None and not effect.applyButton.enabled
    editor.logic.Undo()
    np.testing.assert_array_equal(editor.voxels("Bleed"), scribbles)


def test_cancelled_first_round_leaves_no_preview(effect, editor, monkeypatch):
    monkeypatch.setattr(Session, "during_round", staticmethod(effect.onCancel))
    refine(effect)
    assert effect.getPreviewNode() is None and not effect.isBusy()
    assert editor.segmentation.GetDisplayNode().GetOpacity() == 1.0


def test_cancelled_later_round_keeps_the_preview(effect, editor, monkeypatch):
    refine(effect)
    before = editor.voxels("Bleed", effect.getPreviewNode())
    more = editor.voxels("Bleed")
    more[5, 15, 20] = True
    editor.paint("Bleed", more)
    monkeypatch.setattr(Session, "during_round", staticmethod(effect.onCancel))
    refine(effect)
    np.testing.assert_array_equal(editor.voxels("Bleed", effect.getPreviewNode()), before)
    assert editor.voxels("Bleed")[5, 15, 20]


def test_cancel_without_a_running_round_clears_the_preview(effect):
    refine(effect)
    effect.onCancel()
    assert effect.getPreviewNode() is None
    assert effect.controller.status.rounds == 0


def test_a_new_choice_of_seeds_starts_anew(effect, editor):
    refine(effect)
    effect.bleedSelector.index = 1
    effect.onSeedSelected(1)
    assert effect.getPreviewNode() is None
    refine(effect)
    assert effect.port.bleed_id == editor.ids["Other"]
    assert effect.controller.status.rounds == 1


def test_background_alone_can_be_chosen(effect, editor):
    effect.backgroundSelector.index = 1
    effect.onSeedSelected(1)
    assert effect.bleedSelector.currentText == "Bleed"
    assert effect.backgroundSelector.currentText == "Other"


def test_another_source_volume_starts_anew(effect, editor):
    from ICHHPINetLib.scene import add_ct_node
    from ICHHPINetLib.scene.geometry import ijk_to_ras

    refine(effect)
    volume = np.arange(8 * 20 * 24, dtype=np.int16).reshape(8, 20, 24)
    other = add_ct_node(editor.scene, "Other CT", volume, ijk_to_ras(editor.ct))
    editor.node.SetAndObserveSourceVolumeNode(other)
    refine(effect)
    assert effect.controller.status.rounds == 1


def test_ct_exchanged_during_a_round_shows_nothing_of_the_old_one(effect, editor):
    from ICHHPINetLib.scene import add_ct_node
    from ICHHPINetLib.scene.geometry import ijk_to_ras

    effect.onPreview()
    volume = np.arange(8 * 20 * 24, dtype=np.int16).reshape(8, 20, 24)
    other = add_ct_node(editor.scene, "Other CT", volume, ijk_to_ras(editor.ct))
    editor.node.SetAndObserveSourceVolumeNode(other)
    effect.onPoll()
    assert not effect.isBusy()
    assert effect.getPreviewNode() is None
    assert editor.segmentation.GetDisplayNode().GetOpacity() == 1.0
    refine(effect)
    assert effect.controller.status.rounds == 1


def test_segmentation_exchanged_during_a_round_gets_no_preview_and_the_old_one_its_opacity(effect, editor):
    refine(effect)
    effect.onPreview()
    assert editor.segmentation.GetDisplayNode().GetOpacity() < 1
    other = editor.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Another")
    other.CreateDefaultDisplayNodes()
    editor.node.SetAndObserveSegmentationNode(other)
    effect.onPoll()
    assert not effect.isBusy()
    assert effect.getPreviewNode() is None
    assert editor.segmentation.GetDisplayNode().GetOpacity() == 1.0


def test_preview_of_a_loaded_scene_is_watched(effect, editor):
    refine(effect)
    effect.selectedSegmentIds = None
    effect.updateGUIFromMRML()
    assert effect.observing
    watched = [effect.selectedSegmentIds.GetValue(i) for i in range(2)]
    assert watched == [editor.ids["Bleed"], editor.ids["Background"]]


def test_selectors_stay_as_they_are_while_slices_come_in(effect, editor, monkeypatch):
    effect.onPreview()
    filled = []
    monkeypatch.setattr(effect, "updateSeedSelectors", lambda: filled.append(1))
    for _ in range(3):
        effect.onStatusChanged(effect.controller.status)
    assert not filled
    effect.onPoll()
    assert filled


def test_missing_seeds_are_explained(effect, editor):
    for name in ("Other", "Background"):
        editor.segmentation.GetDisplayNode().SetSegmentVisibility(editor.ids[name], False)
    with pytest.raises(InvalidScribblesError, match="Two visible segments"):
        effect.onInitialize()


def test_nothing_painted_is_explained(effect, editor):
    for name in ("Bleed", "Background"):
        editor.segmentation.GetSegmentation().ClearSegment(editor.ids[name])
    with pytest.raises(InvalidScribblesError, match="Nothing is painted"):
        effect.onInitialize()
    effect.onPreview()
    assert "Nothing is painted" in effect.resultLabel.setText.call_args.args[0], (
        "no box for what auto-update has asked for"
    )


def test_closing_the_scene_is_clean(effect, editor):
    refine(effect)
    editor.scene.Clear(True)
    assert effect.controller.status.rounds == 0
    assert not effect.isBusy()


@pytest.mark.parametrize("name", ["SegmentEditorICHHPINet.py", *sorted(p.name for p in EFFECT.glob("*.py"))])
def test_nothing_of_the_library_is_imported_with_the_module(name):
    path = FOLDER / name if (FOLDER / name).exists() else EFFECT / name
    imported = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(node.module.split(".")[0])
    assert not imported & {"torch", "ICHHPINetLib"}
