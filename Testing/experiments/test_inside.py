"""Experiments that look inside the network."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skimage")
pytest.importorskip("matplotlib")

from experiments import attention, failures, similarity  # noqa: E402
from ICHHPINetLib.networks.affinity import read_slices  # noqa: E402

SMALL = {"spacing": (8.0, 2.0, 2.0), "slices": 8}


@pytest.fixture(scope="module")
def small_phantoms():
    """The experiments' phantoms with coarse pixels and few slices; of all kinds the same one."""
    original = attention.generate

    deep = functools.cache(lambda: original("deep", **SMALL))

    with pytest.MonkeyPatch.context() as patch:
        for experiment in (attention, failures, similarity):
            patch.setattr(experiment, "generate", lambda kind="deep": deep())
        yield


def test_attention_is_what_the_memory_is_read_with():
    torch.manual_seed(0)
    keys, values = torch.randn(1, 1, 8, 3, 4), torch.randn(1, 1, 5, 3, 4)
    query = torch.randn(1, 8, 2, 2)
    answer = read_slices(query, keys, values)
    weights = attention.attention(query[0, :, 1, 0], keys[0, 0])
    assert weights.sum() == pytest.approx(1)
    torch.testing.assert_close((values[0, 0] * weights).sum((1, 2)), answer[0, :, 1, 0])


def test_a_pixel_looks_at_its_own_key():
    keys = 20 * torch.eye(12).reshape(12, 3, 4)
    assert attention.attention(keys[:, 2, 1], keys).argmax() == 2 * 4 + 1


def test_query_points_lie_in_and_outside_the_bleed():
    head = np.zeros((40, 30), bool)
    head[5:35, 5:25] = True
    bleed = np.zeros_like(head)
    bleed[12:20, 8:13] = True
    points = attention.query_points(bleed, head)
    assert bleed[points["bleed, center"]]
    assert bleed[points["bleed, edge"]]
    assert head[points["opposite side"]]
    assert not bleed[points["opposite side"]]
    assert list(attention.query_points(np.zeros_like(head), head)) == ["front"]


def test_attention_picture_from_the_command(tiny_weights, small_phantoms, reproduce, tmp_path):
    reproduce("attention", "--weights", tiny_weights, "--device", "cpu", "--output", tmp_path)
    content = json.loads((tmp_path / "attention.json").read_text(encoding="utf-8"))
    assert {row["Pixel"] for row in content["rows"]} >= {"bleed, center", "opposite side"}
    for row in content["rows"]:
        assert 0 <= row["In the bleed %"] <= 100
        assert 1 <= row["Cells looked at"] <= content["cells"] + 1e-3
    assert (tmp_path / "attention.png").read_bytes().startswith(b"\x89PNG")


def test_pictures_of_failures_from_the_command(
    tiny_weights, small_phantoms, monkeypatch, reproduce, tmp_path
):
    cut_off = {name: make for name, make in failures.CASES.items() if "cut off" in name}
    monkeypatch.setattr(failures, "CASES", cut_off)
    reproduce("failures", "--weights", tiny_weights, "--device", "cpu", "--output", tmp_path)
    content = json.loads((tmp_path / "failures.json").read_text(encoding="utf-8"))
    assert [row["Phantom"] for row in content["rows"]] == ["everything above 60 HU cut off"]
    for row in content["rows"]:
        assert 0 <= row["Dice 1"] <= 1
        assert row["mL"] > 1
    assert (tmp_path / "failures.png").read_bytes().startswith(b"\x89PNG")


def test_cka_does_not_see_the_order_of_channels_and_the_cosine_does():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 6))
    rotation, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    assert similarity.cka(features, 3 * features @ rotation + 1) == pytest.approx(1)
    assert similarity.cosine(features, features) == pytest.approx(1)
    assert similarity.cosine(features, features[:, ::-1]) < 0.5
    figures = similarity.compare(features, features)
    assert figures["CKA, shuffled"] < 0.1
    assert abs(figures["Cosine, shuffled"]) < 0.1


def test_similarity_at_given_weights(tiny_weights, small_phantoms, reproduce, tmp_path):
    words = ("--weights", tiny_weights, "--device", "cpu", "--output", tmp_path)
    reproduce("similarity", *words)
    content = json.loads((tmp_path / "similarity.json").read_text(encoding="utf-8"))
    assert len(content["rows"]) == 6
    for row in content["rows"]:
        assert -1 <= row["Cosine"]["mean"] <= 1
        assert 0 <= row["CKA"]["mean"] <= 1
    assert content["paper"]["final training"] == [0.82, 0.04]


def test_two_weights_of_one_name_are_refused(tiny_weights, reproduce, tmp_path):
    words = ("similarity", "--weights", tiny_weights, tiny_weights, "--output", tmp_path)
    assert "same name" in reproduce(*words, code=2)


def test_similarity_over_a_training(cases, tiny_training, reproduce, tmp_path):
    pytest.importorskip("monai")
    words = ("similarity", "--cases", cases, "--steps", 1, "--device", "cpu", "--output", tmp_path)
    reproduce(*words)
    content = json.loads((tmp_path / "similarity.json").read_text(encoding="utf-8"))
    assert list(dict.fromkeys(row["Weights"] for row in content["rows"])) == ["step 0", "step 1"]
    assert "cases of fold 0" in content["notes"][0]


def test_the_papers_network_is_told_apart(reproduce, tmp_path):
    from ICHHPINetLib.networks.hpinet import HPINet
    from ICHHPINetLib.networks.paper.config import PaperConfig
    from ICHHPINetLib.training.export import export

    export(HPINet(PaperConfig(width=4)), tmp_path / "paper.safetensors")
    words = ("--weights", tmp_path / "paper.safetensors", "--device", "cpu", "--output", tmp_path)
    assert "compact" in reproduce("attention", *words, code=2)
