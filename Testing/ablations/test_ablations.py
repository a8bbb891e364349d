"""Ablations share the weights of the whole network and leave out exactly what they say."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import ICHHPINetLib as hpi  # noqa: E402
from ICHHPINetLib import ablations  # noqa: E402
from ICHHPINetLib.ablations.network import ablated, load_network, read_config  # noqa: E402
from ICHHPINetLib.interaction.propagation import clamp, run_round  # noqa: E402
from ICHHPINetLib.networks import hpinet  # noqa: E402
from ICHHPINetLib.networks.affinity import read_slices  # noqa: E402
from ICHHPINetLib.networks.cues import scribble_cues  # noqa: E402
from ICHHPINetLib.networks.hpinet import HPINet, HPINetConfig, widen  # noqa: E402
from ICHHPINetLib.networks.paper.config import PaperConfig  # noqa: E402
from ICHHPINetLib.training.export import export  # noqa: E402

TINY = HPINetConfig("tiny", volume_widths=(8, 8, 8, 8), slice_widths=(8, 8, 8), key_channels=8)
# With half the width, gradients on the CPU make PyTorch 2.13 write beyond its memory.
CONFIGS = {"compact": TINY, "paper": PaperConfig(width=8, volume_norm="group")}


def network(variant=ablations.FULL, kind="compact"):
    torch.manual_seed(0)
    return HPINet(ablated(CONFIGS[kind], variant)).eval()


def inputs():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(5, 2, 32, 48, generator=generator) * 2 - 1
    scribbles = torch.zeros(5, 2, 32, 48)
    scribbles[1, 0, 10, 8:20] = 1
    scribbles[1, 1, 25, 8:20] = 1
    scribbles[3, 0, 12, 10:15] = 1
    previous = torch.zeros(5, 1, 32, 48)
    return image, scribbles, previous


def one_round(net, image, scribbles, previous):
    with torch.inference_mode():
        return run_round(net, image, net.encode_slices(image), scribbles, previous)


@functools.cache
def whole_round(kind="compact"):
    """The whole network's answer to ``inputs()``."""
    return one_round(network(kind=kind), *inputs())


def forget(module):
    """Other weights, so that whatever comes out of the module changes."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3)


def test_all_variants_have_the_same_weights():
    whole = network().state_dict()
    for variant in ablations.VARIANTS:
        state = network(variant).state_dict()
        assert list(state) == list(whole)
        assert all(torch.equal(state[name], whole[name]) for name in whole)


def test_the_whole_network_is_the_modules_in_the_papers_order():
    """Algorithm 1 written down with the modules themselves, on a volume of two slices."""
    net = network()
    image, scribbles, previous = (x[:2].contiguous() for x in inputs())
    with torch.inference_mode():
        slices = net.mpffm.query_encoder(image)
        cues = scribble_cues(image[:, 0], scribbles[:, 0]).transpose(0, 1)[None]
        given = torch.cat([image, widen(scribbles), previous], 1).transpose(0, 1)[None]
        logits, maps = net.vim(given, cues)
        volume, converted = logits[0].transpose(0, 1), net.fcm(maps)
        context = torch.nn.functional.interpolate(volume[1:].sigmoid(), size=(32, 48), mode="nearest")
        seen = torch.cat([image[1:], widen(scribbles[1:]), previous[1:], context], 1)
        first = clamp(net.sim(seen, volume[1:]).sigmoid(), scribbles[1:])
        value = net.mpffm.memory_encoder(image[1:], first, slices.f3[1:])
        answer = read_slices(slices.key[:1], slices.key[None, [1, 1]], value[None, [0, 0]])
        second = net.mpffm.decoder([x[:1] for x in converted], answer, slices.at([0]), volume[:1])
        expected = torch.cat([clamp(second.sigmoid(), scribbles[:1]), first])
    torch.testing.assert_close(one_round(net, image, scribbles, previous), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("variant", ablations.VARIANTS)
@pytest.mark.parametrize("kind", CONFIGS)
def test_entries_name_what_is_left_out(kind, variant):
    config = ablated(CONFIGS[kind], variant)
    assert read_config(json.loads(json.dumps(config.as_dict()))) == config
    assert (config == CONFIGS[kind]) == (variant == ablations.FULL)


def test_there_are_no_other_variants():
    with pytest.raises(ValueError, match="without_memory"):
        ablated(TINY, "nothing")


@pytest.mark.parametrize("variant", ablations.VARIANTS)
@pytest.mark.parametrize("kind", CONFIGS)
def test_every_variant_runs_a_round_and_obeys_the_scribbles(kind, variant):
    image, scribbles, previous = inputs()
    seen = []
    net = network(variant, kind)
    with torch.inference_mode():
        slices = net.encode_slices(image)
        result = run_round(
            net, image, slices, scribbles, previous, lambda stage, index, mask: seen.append(index)
        )
    assert result.shape == previous.shape
    assert sorted(seen) == list(range(5))
    assert (result[scribbles[:, :1] > 0] == 1).all()
    assert (result[scribbles[:, 1:] > 0] == 0).all()
    if variant != ablations.FULL and (kind, variant) != ("paper", ablations.WITHOUT_CUES):
        assert not torch.equal(result, whole_round(kind))


@pytest.mark.parametrize(
    ("variant", "unused"),
    [
        (ablations.VOLUME_PRO, ["sim", "mpffm", "fcm"]),
        (ablations.SLICE_PRO, ["vim", "fcm"]),
        (ablations.WITHOUT_FUSION, ["fcm"]),
        (ablations.WITHOUT_AFFINITY, ["mpffm.query_encoder.key"]),
    ],
)
def test_what_is_left_out_does_not_count(variant, unused):
    image, scribbles, previous = inputs()
    net = network(variant)
    before = one_round(net, image, scribbles, previous)
    for name in unused:
        forget(net.get_submodule(name))
    assert torch.equal(one_round(net, image, scribbles, previous), before)
    whole = network()
    for name in unused:
        forget(whole.get_submodule(name))
    assert not torch.equal(one_round(whole, image, scribbles, previous), whole_round())


def test_without_cues_scribbles_are_seen_by_convolutions_alone(monkeypatch):
    image, scribbles, previous = inputs()
    before = one_round(network(ablations.WITHOUT_CUES), image, scribbles, previous)
    whole = whole_round()
    monkeypatch.setattr(hpinet, "scribble_cues", lambda *given: 0.5 - scribble_cues(*given))
    assert torch.equal(one_round(network(ablations.WITHOUT_CUES), image, scribbles, previous), before)
    assert not torch.equal(one_round(network(), image, scribbles, previous), whole)


@pytest.mark.parametrize("kind", CONFIGS)
def test_without_memory_a_slice_sees_its_neighbor_alone(kind):
    image, scribbles, previous = inputs()
    changed = []
    for variant in (ablations.WITHOUT_MEMORY, ablations.FULL):
        net = network(variant, kind)
        with torch.inference_mode():
            slices = net.encode_slices(image)
            volume = net.segment_volume(image, scribbles, previous).at([2])
            values = net.remember(image[[1, 3, 3]], scribbles[[1, 3, 3], :1], slices.at([1, 3, 3]))
            given = slices.at([2]), slices.key[None, [1, 3, 3]]
            before = net.propagate(*given, values[None], volume)
            values[:2] += 1
            changed.append(not torch.equal(net.propagate(*given, values[None], volume), before))
    assert changed == [False, True]


def test_a_file_keeps_its_variant_and_is_for_research(tmp_path):
    path = tmp_path / "x.safetensors"
    export(network(ablations.WITHOUT_FUSION), path)
    assert load_network(path, "cpu").config == ablated(TINY, ablations.WITHOUT_FUSION)
    with pytest.raises(hpi.WeightsError, match="'without_fusion' leaves a part of it out"):
        hpi.load_network(path, "cpu")


def test_a_file_of_the_whole_network_is_read_by_both(tmp_path):
    path = tmp_path / "x.safetensors"
    export(network(), path)
    assert load_network(path, "cpu").config == hpi.load_network(path, "cpu").config == TINY


@pytest.mark.parametrize(
    ("kind", "variant", "parts", "idle"),
    [
        ("compact", ablations.FULL, {"VSL", "SSL", "FCL", "total"}, []),
        ("compact", ablations.VOLUME_PRO, {"VSL", "total"}, ["sim", "fcm", "mpffm"]),
        ("compact", ablations.SLICE_PRO, {"SSL", "total"}, ["vim", "fcm"]),
        ("compact", ablations.WITHOUT_MEMORY, {"VSL", "SSL", "FCL", "total"}, []),
        ("compact", ablations.WITHOUT_AFFINITY, {"VSL", "SSL", "FCL", "total"}, ["mpffm.query_encoder.key"]),
        ("compact", ablations.WITHOUT_FUSION, {"VSL", "SSL", "FCL", "total"}, []),
        ("paper", ablations.VOLUME_PRO, {"VSL", "total"}, ["sim", "fcm", "mpffm"]),
        ("paper", ablations.SLICE_PRO, {"SSL", "total"}, ["vim", "fcm"]),
    ],
)
def test_training_a_variant_teaches_what_it_uses(kind, variant, parts, idle):
    pytest.importorskip("monai")
    from ICHHPINetLib.training.episode import round_loss
    from ICHHPINetLib.training.losses import HPINetLoss

    net = network(variant, kind).train()
    image, scribbles, previous = inputs()
    target = torch.zeros_like(previous)
    target[:, :, 8:16, 8:20] = 1
    rng = np.random.default_rng(0)
    total, named, result = round_loss(net, HPINetLoss(), image, scribbles, previous, target, rng)
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
