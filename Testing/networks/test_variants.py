"""Ablations share the weights of the whole network and leave out exactly what they say."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ICHHPINetLib import WeightsError, load_network  # noqa: E402
from ICHHPINetLib.interaction.propagation import clamp, run_round  # noqa: E402
from ICHHPINetLib.networks import hpinet, variants  # noqa: E402
from ICHHPINetLib.networks.affinity import read_slices  # noqa: E402
from ICHHPINetLib.networks.cues import stroke_cues  # noqa: E402
from ICHHPINetLib.networks.hpinet import HPINet, HPINetConfig, read_config, widen  # noqa: E402
from ICHHPINetLib.networks.paper.config import PaperConfig  # noqa: E402
from ICHHPINetLib.weights.export import export  # noqa: E402

TINY = HPINetConfig("tiny", volume_widths=(8, 8, 8, 8), slice_widths=(8, 8, 8), key_channels=8)
# With half the width, gradients on the CPU make PyTorch 2.13 write beyond its memory.
CONFIGS = {"compact": TINY, "paper": PaperConfig(width=8, volume_norm="group")}


def network(variant=variants.FULL, kind="compact"):
    torch.manual_seed(0)
    return HPINet(replace(CONFIGS[kind], variant=variant)).eval()


def inputs():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(5, 2, 32, 48, generator=generator) * 2 - 1
    strokes = torch.zeros(5, 2, 32, 48)
    strokes[1, 0, 10, 8:20] = 1
    strokes[1, 1, 25, 8:20] = 1
    strokes[3, 0, 12, 10:15] = 1
    previous = torch.zeros(5, 1, 32, 48)
    return image, strokes, previous


def one_round(net, image, strokes, previous):
    with torch.inference_mode():
        return run_round(net, image, net.encode_slices(image), strokes, previous)


def forget(module):
    """Other weights, so that whatever comes out of the module changes."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3)


@pytest.mark.parametrize("kind", CONFIGS)
def test_all_variants_have_the_same_weights(kind):
    whole = network(kind=kind).state_dict()
    for variant in variants.VARIANTS:
        state = network(variant, kind).state_dict()
        assert list(state) == list(whole)
        assert all(torch.equal(state[name], whole[name]) for name in whole)


def test_the_whole_network_is_the_modules_in_the_papers_order():
    """Algorithm 1 written down with the modules themselves, on a volume of two slices."""
    net = network()
    image, strokes, previous = (x[:2].contiguous() for x in inputs())
    with torch.inference_mode():
        slices = net.mpffm.query_encoder(image)
        cues = stroke_cues(image[:, 0], strokes[:, 0]).transpose(0, 1)[None]
        given = torch.cat([image, widen(strokes), previous], 1).transpose(0, 1)[None]
        logits, maps = net.vim(given, cues)
        volume, converted = logits[0].transpose(0, 1), net.fcm(maps)
        context = torch.nn.functional.interpolate(volume[1:].sigmoid(), size=(32, 48), mode="nearest")
        seen = torch.cat([image[1:], widen(strokes[1:]), previous[1:], context], 1)
        first = clamp(net.sim(seen, volume[1:]).sigmoid(), strokes[1:])
        value = net.mpffm.memory_encoder(image[1:], first, slices.f3[1:])
        answer = read_slices(slices.key[:1], slices.key[None, [1, 1]], value[None, [0, 0]])
        second = net.mpffm.decoder([x[:1] for x in converted], answer, slices.at([0]), volume[:1])
        expected = torch.cat([clamp(second.sigmoid(), strokes[:1]), first])
    torch.testing.assert_close(one_round(net, image, strokes, previous), expected, rtol=0, atol=1e-6)


def test_entries_without_a_variant_are_the_whole_network():
    entries = HPINetConfig().as_dict()
    assert entries.pop("variant") == variants.FULL
    assert read_config(json.loads(json.dumps(entries))) == HPINetConfig()
    with pytest.raises(ValueError, match="without_memory"):
        HPINetConfig(variant="nothing")


@pytest.mark.parametrize("variant", variants.VARIANTS)
@pytest.mark.parametrize("kind", CONFIGS)
def test_every_variant_runs_a_round_and_obeys_the_strokes(kind, variant):
    image, strokes, previous = inputs()
    seen = []
    net = network(variant, kind)
    with torch.inference_mode():
        slices = net.encode_slices(image)
        result = run_round(
            net, image, slices, strokes, previous, lambda stage, index, mask: seen.append(index)
        )
    assert result.shape == previous.shape
    assert sorted(seen) == list(range(5))
    assert (result[strokes[:, :1] > 0] == 1).all()
    assert (result[strokes[:, 1:] > 0] == 0).all()
    if variant != variants.FULL and (kind, variant) != ("paper", variants.WITHOUT_CUES):
        assert not torch.equal(result, one_round(network(kind=kind), image, strokes, previous))


@pytest.mark.parametrize(
    ("variant", "unused"),
    [
        (variants.VOLUME_PRO, ["sim", "mpffm", "fcm"]),
        (variants.SLICE_PRO, ["vim", "fcm"]),
        (variants.WITHOUT_FUSION, ["fcm"]),
        (variants.WITHOUT_AFFINITY, ["mpffm.query_encoder.key"]),
    ],
)
def test_what_is_left_out_does_not_count(variant, unused):
    image, strokes, previous = inputs()
    net = network(variant)
    before = one_round(net, image, strokes, previous)
    for name in unused:
        forget(net.get_submodule(name))
    assert torch.equal(one_round(net, image, strokes, previous), before)
    whole = network()
    before = one_round(whole, image, strokes, previous)
    for name in unused:
        forget(whole.get_submodule(name))
    assert not torch.equal(one_round(whole, image, strokes, previous), before)


def test_without_cues_strokes_are_seen_by_convolutions_alone(monkeypatch):
    image, strokes, previous = inputs()
    before = one_round(network(variants.WITHOUT_CUES), image, strokes, previous)
    whole = one_round(network(), image, strokes, previous)
    monkeypatch.setattr(hpinet, "stroke_cues", lambda *given: 0.5 - stroke_cues(*given))
    assert torch.equal(one_round(network(variants.WITHOUT_CUES), image, strokes, previous), before)
    assert not torch.equal(one_round(network(), image, strokes, previous), whole)


def test_without_memory_a_slice_sees_its_neighbor_alone(monkeypatch):
    lengths = []
    original = HPINet.propagate

    def spy(self, slices, keys, values, volume):
        lengths.append(keys.shape[1])
        return original(self, slices, keys, values, volume)

    monkeypatch.setattr(HPINet, "propagate", spy)
    one_round(network(variants.WITHOUT_MEMORY), *inputs())
    assert set(lengths) == {1}
    lengths.clear()
    one_round(network(), *inputs())
    assert set(lengths) == {3}, "two scribbled slices and the neighbor"


def test_a_file_keeps_its_variant(tmp_path):
    path = tmp_path / "x.safetensors"
    export(network(variants.WITHOUT_FUSION), path)
    assert load_network(path, "cpu").config.variant == variants.WITHOUT_FUSION
    broken = network()
    object.__setattr__(broken.config, "variant", "nothing")
    export(broken, path)
    with pytest.raises(WeightsError, match="another version"):
        load_network(path, "cpu")


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize(
    ("variant", "parts", "idle"),
    [
        (variants.FULL, {"VSL", "SSL", "FCL", "total"}, []),
        (variants.VOLUME_PRO, {"VSL", "total"}, ["sim", "fcm", "mpffm"]),
        (variants.SLICE_PRO, {"SSL", "total"}, ["vim", "fcm"]),
        (variants.WITHOUT_MEMORY, {"VSL", "SSL", "FCL", "total"}, []),
        (variants.WITHOUT_AFFINITY, {"VSL", "SSL", "FCL", "total"}, ["mpffm.query_encoder.key"]),
        (variants.WITHOUT_FUSION, {"VSL", "SSL", "FCL", "total"}, []),
    ],
)
def test_training_a_variant_teaches_what_it_uses(kind, variant, parts, idle):
    pytest.importorskip("monai")
    from ICHHPINetLib.training.episode import round_loss
    from ICHHPINetLib.training.losses import HPINetLoss

    net = network(variant, kind).train()
    image, strokes, previous = inputs()
    target = torch.zeros_like(previous)
    target[:, :, 8:16, 8:20] = 1
    rng = np.random.default_rng(0)
    total, named, result = round_loss(net, HPINetLoss(), image, strokes, previous, target, rng)
    total.backward()
    assert set(named) == parts
    assert result.shape == previous.shape
    assert not result.requires_grad
    modules = ["vim", "sim", "fcm", "mpffm", "mpffm.query_encoder.key"]
    untaught = [
        name for name in modules if not any(_has_gradient(p) for p in net.get_submodule(name).parameters())
    ]
    expected = set(idle) | ({"mpffm.query_encoder.key"} if "mpffm" in idle else set())
    assert set(untaught) == expected


def _has_gradient(parameter):
    return parameter.grad is not None and bool(parameter.grad.any())
