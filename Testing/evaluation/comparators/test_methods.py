"""The methods of Table 1 with tiny networks of random weights: three rounds, their files, fine-tuning."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("transformers")
pytest.importorskip("peft")

import safetensors.torch
import torch

from ICHHPINetLib import cli
from ICHHPINetLib.errors import InputFileError, WeightsError
from ICHHPINetLib.evaluation.comparators import COMPARATORS, code, load
from ICHHPINetLib.evaluation.comparators.cli import TRAINABLE
from ICHHPINetLib.evaluation.comparators.data import clips_of_ct
from ICHHPINetLib.evaluation.comparators.files import start_method, write_method
from ICHHPINetLib.evaluation.comparators.names import sam2_name, sam_name
from ICHHPINetLib.evaluation.comparators.training import Settings, Trainer
from ICHHPINetLib.evaluation.protocol import scribble_rounds
from ICHHPINetLib.imaging.ct import CT
from ICHHPINetLib.phantom import generate
from ICHHPINetLib.weights.tensors import check_fit

POINTS = "prompt_encoder.point_embed.weight"


@pytest.fixture(scope="module")
def phantom():
    return generate("deep", seed=1, spacing=(8.0, 2.5, 2.5), slices=6, shape=(80, 72), volume_ml=30.0)


@pytest.fixture(scope="module")
def ct(phantom):
    return CT.of_array(phantom.volume, phantom.spacing)


@pytest.fixture(scope="module")
def clips(phantom, ct):
    return clips_of_ct(ct, phantom.mask > 0)


@pytest.fixture(scope="module")
def networks():
    """The tiny network of each method that is fine-tuned here."""
    torch.manual_seed(0)
    return {name: code(name).Network(code(name).Network.TINY) for name in TRAINABLE}


@pytest.fixture(scope="module")
def files(networks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for name, network in networks.items():
        write_method(network, folder / f"{name}.safetensors", {"training": "none"})
    return folder


def three_rounds(session, phantom):
    return list(scribble_rounds(session, phantom.mask > 0, phantom.spacing, 3, np.random.default_rng(0)))


@pytest.mark.parametrize("name", TRAINABLE)
def test_runs_three_rounds_and_obeys_every_scribble(name, files, networks, phantom, ct):
    sessions, about = load(f"{name}:{files / name}.safetensors", "cpu")
    rows = three_rounds(sessions(ct), phantom)
    assert [row["obeyed"] for row in rows] == [1, 1, 1]
    assert about["method"] == name
    assert about["parameters"] == sum(one.numel() for one in networks[name].parameters())
    again = three_rounds(networks[name].session(ct), phantom)
    assert [row["dice"] for row in again] == [row["dice"] for row in rows], "the file is the network"


@pytest.mark.parametrize("name", TRAINABLE)
def test_missing_and_wrong_weights_name_the_file_that_is_expected(name, files, tmp_path):
    known = COMPARATORS[name]
    wanted = known.authors or f"train-comparator {name}"
    other = files / ("samed.safetensors" if name != "samed" else "medsam.safetensors")
    text = tmp_path / "text.pth"
    text.write_text("no weights")
    for weights in ("", f":{tmp_path / 'nothing'}", f":{other}", f":{text}"):
        with pytest.raises(WeightsError, match=wanted):
            load(f"{name}{weights}", "cpu")


def test_damaged_weights_are_refused(files, tmp_path):
    content = (files / "medsam.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[: len(content) // 2])
    state = safetensors.torch.load(content)
    header = {"comparator": "medsam", "config": json.dumps(dict(code("medsam").Network.TINY))}
    key = "sam.mask_decoder.iou_token.weight"
    torn = {**state, key: torch.full_like(state[key], torch.nan)}
    safetensors.torch.save_file(torn, tmp_path / "nan.safetensors", header)
    del state[key]
    safetensors.torch.save_file(state, tmp_path / "less.safetensors", header)
    for path in tmp_path.iterdir():
        with pytest.raises(WeightsError, match="holds no weights of MedSAM"):
            load(f"medsam:{path}", "cpu")


def authors(model, name_of):
    """A state dict as the authors of SAM would have saved the model."""
    state = {name_of(key): tensor.clone() for key, tensor in model.state_dict().items()}
    if POINTS in model.state_dict():
        rows = state.pop(name_of(POINTS))
        base = name_of(POINTS).removesuffix("weight")
        state |= {f"{base}{number}.weight": row[None] for number, row in enumerate(rows)}
    return state


def test_the_names_of_the_authors_tensors():
    assert sam_name("vision_encoder.layers.3.layer_norm2.bias") == "image_encoder.blocks.3.norm2.bias"
    assert sam_name("vision_encoder.neck.layer_norm1.weight") == "image_encoder.neck.1.weight"
    assert (
        sam_name("mask_decoder.output_hypernetworks_mlps.2.proj_out.bias")
        == "mask_decoder.output_hypernetworks_mlps.2.layers.2.bias"
    )
    assert (
        sam2_name("vision_encoder.backbone.blocks.7.mlp.proj_in.weight")
        == "image_encoder.trunk.blocks.7.mlp.layers.0.weight"
    )
    assert (
        sam2_name("memory_encoder.mask_downsampler.layers.2.layer_norm.bias")
        == "memory_encoder.mask_downsampler.encoder.7.bias"
    )
    assert (
        sam2_name("memory_attention.layers.0.cross_attn_image.o_proj.weight")
        == "memory_attention.layers.0.cross_attn_image.out_proj.weight"
    )


@pytest.mark.parametrize("name", ["medsam", "samed", "samihs", "sam_med2d"])
def test_methods_begin_with_a_file_of_sam_at_another_image_size(name, networks, clips, tmp_path, monkeypatch):
    torch.manual_seed(1)
    network = code(name).Network
    larger = code("medsam").Network({**code("medsam").Network.TINY, "image_size": 128})
    torch.save({"model": authors(larger.sam, sam_name)}, tmp_path / "sam.pth")
    monkeypatch.setattr(network, "FULL", network.TINY)
    started = start_method(name, tmp_path / "sam.pth")
    theirs, ours = larger.sam.mask_decoder.state_dict(), started.sam.mask_decoder.state_dict()
    assert all(torch.equal(ours[key], tensor) for key, tensor in theirs.items())
    assert started.batch_loss(clips[2:4], np.random.default_rng(0)).isfinite()
    state = authors(larger.sam, sam_name)
    state.pop("mask_decoder.iou_token.weight")
    torch.save(state, tmp_path / "less.pth")
    with pytest.raises(WeightsError, match=r"sam_vit_b_01ec64\.pth"):
        start_method(name, tmp_path / "less.pth")


def test_sam_med2d_reads_its_authors_adapters(networks, tmp_path, monkeypatch):
    network = networks["sam_med2d"]

    def name_of(key):
        key = key.replace(".mlp.mlp.", ".mlp.").replace(".mlp.adapter.", ".Adapter.")
        adapter, _, rest = key.partition(".Adapter.")
        return f"{sam_name(adapter + '.')}Adapter.{rest}" if rest else sam_name(key)

    torch.save({"model": authors(network.sam, name_of)}, tmp_path / "sam-med2d_b.pth")
    monkeypatch.setattr(type(network), "FULL", network.TINY)
    check_same(start_method("sam_med2d", tmp_path / "sam-med2d_b.pth"), network)


def test_sam2_methods_begin_with_a_file_of_sam2(networks, tmp_path, monkeypatch):
    network = networks["medsam2"]
    # Of random weights, the two encodings of position differ.
    network.sam.shared_image_embedding.load_state_dict(
        network.sam.prompt_encoder.shared_embedding.state_dict()
    )
    state = authors(network.sam, sam2_name)
    torch.save({"model": state}, tmp_path / "sam2.pt")
    monkeypatch.setattr(type(network), "FULL", network.TINY)
    check_same(start_method("medsam2", tmp_path / "sam2.pt"), network)
    unet = networks["sam2_unet"]
    monkeypatch.setattr(type(unet), "FULL", {**unet.TINY})
    started = start_method("sam2_unet", tmp_path / "sam2.pt")
    assert torch.equal(started.encoder.pos_embed, network.sam.vision_encoder.backbone.pos_embed)


def check_same(one, other):
    check_fit(one.state_dict(), other.state_dict())
    assert all(torch.equal(tensor, other.state_dict()[key]) for key, tensor in one.state_dict().items())


@pytest.mark.parametrize("name", TRAINABLE)
def test_fine_tuning_changes_what_the_method_says_and_nothing_else(name, clips, tmp_path):
    torch.manual_seed(0)
    network = code(name).Network(code(name).Network.TINY)
    before = {key: one.detach().clone() for key, one in network.named_parameters()}
    Trainer(network, clips, Settings(tmp_path / "checkpoint.pt", "test", steps=1, batch=2)).run()
    changed = {key for key, one in network.named_parameters() if not torch.equal(one, before[key])}
    learning = {key for key, one in network.named_parameters() if one.requires_grad}
    assert changed
    assert changed <= learning
    encoder = [key for key in before if "vision_encoder" in key or key.startswith("encoder.")]
    if name != "medsam":
        assert any(key not in learning for key in encoder)
    assert not any("prompt_encoder" in key for key in learning) or name not in ("medsam", "medsam2")


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(clips, tmp_path):
    def trainer(folder, run="test", **changes):
        torch.manual_seed(0)
        network = code("medsam").Network(code("medsam").Network.TINY)
        settings = Settings(tmp_path / folder / "checkpoint.pt", run, steps=3, batch=1, **changes)
        settings.checkpoint.parent.mkdir(exist_ok=True)
        return Trainer(network, clips, settings)

    whole = trainer("whole")
    assert whole.run()
    stopped = trainer("parts", minutes=0)
    assert not stopped.run()
    going_on = trainer("parts")
    assert going_on.step == 1
    assert going_on.run()
    check_same(going_on.method, whole.method)
    with pytest.raises(InputFileError, match="another training"):
        trainer("parts", run="other cases")
    (tmp_path / "parts" / "checkpoint.pt").write_bytes(b"damaged")
    with pytest.raises(InputFileError, match="no checkpoint"):
        trainer("parts")


def test_from_the_command_line(phantom, tmp_path, capsys):
    for kind, array in (("ct", phantom.volume), ("mask", phantom.mask)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(phantom.spacing[::-1])
        sitk.WriteImage(image, str(tmp_path / f"a_{kind}.nii.gz"))
    weights, result = tmp_path / "run" / "medsam.safetensors", tmp_path / "result.json"
    words = ["train-comparator", "medsam", "--cases", tmp_path, "--run", tmp_path / "run", "--device", "cpu"]
    words += ["--steps", 1, "--batch", 1, "--start"]
    assert cli.main(list(map(str, [*words, "tiny"]))) == 0
    words = ["evaluate", tmp_path, "--rounds", 2, "--seeds", 1, "--device", "cpu", "-o", result, "--method"]
    assert cli.main(list(map(str, [*words, f"medsam:{weights}"]))) == 0
    told = json.loads(result.read_text(encoding="utf-8"))
    assert told["method"] == "medsam"
    assert not told["cases"][0]["runs"][0]["error"]
    capsys.readouterr()
    assert cli.main(list(map(str, [*words, "medsam"]))) == 2
    assert "medsam_vit_b.pth" in capsys.readouterr().err
    assert cli.main(list(map(str, [*words, f"medsam:{weights}", "--guess"]))) == 2
