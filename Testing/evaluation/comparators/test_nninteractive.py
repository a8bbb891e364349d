"""nnInteractive: on its authors' package where that is installed, and on a stand-in of its session anywhere.

The package cannot be had from wheels alone, so that `make test` does not install it.
"""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from ICHHPINetLib import Scribbles
from ICHHPINetLib.errors import MissingPackageError, WeightsError
from ICHHPINetLib.evaluation.comparators import code, load
from ICHHPINetLib.evaluation.protocol import scribble_rounds
from ICHHPINetLib.imaging.ct import CT
from ICHHPINetLib.phantom import generate

MODULE = "nnInteractive.inference.inference_session"


@pytest.fixture(scope="module")
def phantom():
    return generate("deep", seed=1, spacing=(8.0, 2.5, 2.5), slices=6, shape=(80, 72), volume_ml=30.0)


def three_rounds(session, phantom):
    return list(scribble_rounds(session, phantom.mask > 0, phantom.spacing, 3, np.random.default_rng(0)))


class StandIn:
    """What the adapter uses of ``nnInteractiveInferenceSession``, with its checks, and a rule for a network.

    Blood is whatever is about as dense as what was scribbled on, but for what was scribbled as background.
    """

    def __init__(self, device, torch_n_threads, enable_undo):
        print("session initialized")
        self.network = torch.nn.Conv3d(8, 2, 3)
        self.calls = []

    def initialize_from_trained_model_folder(self, folder):
        open(f"{folder}/plans.json").close()

    def set_image(self, image):
        assert image.ndim == 4
        self.image = image[0]
        self.marks = np.zeros(self.image.shape, np.uint8)

    def set_target_buffer(self, target):
        assert target.ndim == 3
        self.target = target

    def add_scribble_interaction(self, scribble, include_interaction, run_prediction):
        print("predicting")
        assert scribble.shape == self.image.shape
        self.calls.append((int(scribble.sum()), include_interaction, run_prediction))
        self.marks[scribble > 0] = 1 if include_interaction else 2
        if run_prediction and (self.marks == 1).any():
            density = self.image[self.marks == 1].mean()
            self.target[:] = (abs(self.image - density) < 12) & (self.marks != 2)


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Weights for a stand-in of the package."""
    module = ModuleType(MODULE)
    module.nnInteractiveInferenceSession = StandIn
    for name in ("nnInteractive", "nnInteractive.inference"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.delitem(sys.modules, "ICHHPINetLib.evaluation.comparators.nninteractive", raising=False)
    (tmp_path / "fold_0").mkdir()
    (tmp_path / "fold_0" / "checkpoint_final.pth").write_bytes(b"weights")
    (tmp_path / "plans.json").write_text("{}")
    yield tmp_path
    sys.modules.pop("ICHHPINetLib.evaluation.comparators.nninteractive", None)


def test_hands_new_scribbles_on_and_obeys_all(stand_in, phantom, capsys):
    sessions, about = load(f"nninteractive:{stand_in}", "cpu")
    ct = CT.of_array(phantom.volume, phantom.spacing)
    rows = three_rounds(sessions(ct), phantom)
    assert [row["obeyed"] for row in rows] == [1, 1, 1]
    assert rows[0]["dice"] > 0.05, "its mask lies on the CT as it was handed over"
    assert about["parameters"] == 8 * 2 * 27 + 2
    assert not capsys.readouterr().out, "what it prints stays out of our tables"


def test_each_scribble_is_handed_on_once_and_the_last_one_predicts(stand_in, phantom):
    sessions, _ = load(f"nninteractive:{stand_in}", "cpu")
    session = sessions(CT.of_array(phantom.volume, phantom.spacing))
    first, later = Scribbles.empty(phantom.volume.shape), Scribbles.empty(phantom.volume.shape)
    first.foreground[3, 40, 30:36] = first.background[3, 60, 30:40] = True
    later.background[2, 40, 30:33] = True
    session.refine(first)
    session.refine(later)
    assert session._inner.calls == [(10, False, False), (6, True, True), (3, False, True)]


def test_missing_and_wrong_folders_name_what_is_expected(stand_in, tmp_path):
    (tmp_path / "plans.json").unlink()
    for weights in ("", ":nowhere", f":{stand_in}"):
        with pytest.raises(WeightsError, match=r"nnInteractive_v1\.0 .*CC BY-NC-SA"):
            load(f"nninteractive{weights}", "cpu")


def test_the_missing_package_is_explained(monkeypatch, stand_in):
    monkeypatch.setitem(sys.modules, "nnInteractive", None)
    monkeypatch.delitem(sys.modules, MODULE)
    with pytest.raises(MissingPackageError, match="compare"):
        load(f"nninteractive:{stand_in}", "cpu")


def test_runs_three_rounds_on_its_authors_package(tmp_path, phantom):
    pytest.importorskip(MODULE, reason="pip install nnInteractive")
    from Testing.evaluation.comparators.nninteractive_model import write_model

    write_model(tmp_path / "model")
    model = code("nninteractive").Model(tmp_path / "model", torch.device("cpu"))
    # With random weights it would look ever farther.
    model.inner.set_do_autozoom(False)
    rows = three_rounds(model.session(CT.of_array(phantom.volume, phantom.spacing)), phantom)
    assert [row["obeyed"] for row in rows] == [1, 1, 1]
