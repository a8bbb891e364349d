"""The compact network: its size, and that scribbles and folded weights count as they should."""

import copy

import pytest

torch = pytest.importorskip("torch")

from ICHHPINetLib.networks.affinity import read_slices  # noqa: E402
from ICHHPINetLib.networks.blocks import NO_BLOOD, fold_standardization  # noqa: E402
from ICHHPINetLib.networks.hpinet import HPINet, HPINetConfig, VolumeFeatures, widen  # noqa: E402
from ICHHPINetLib.networks.paper.config import PaperConfig  # noqa: E402
from ICHHPINetLib.networks.size_table import parameters  # noqa: E402

TINY = HPINetConfig("tiny", volume_widths=(8, 8, 8, 8), slice_widths=(8, 8, 8), key_channels=8)
MEBIBYTE = 2**20


@pytest.fixture(scope="module", params=[TINY, PaperConfig(width=4)], ids=["compact", "paper"])
def network(request):
    torch.manual_seed(0)
    return HPINet(request.param).eval()


def inputs(depth=3, size=(32, 48)):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(depth, 2, *size, generator=generator) * 2 - 1
    return image, torch.zeros(depth, 2, *size), torch.zeros(depth, 1, *size)


def test_default_fits_in_15_mebibytes_of_half_precision():
    assert 2 * sum(parameters(HPINetConfig()).values()) < 15 * MEBIBYTE


def test_compact_shapes():
    network = HPINet(TINY).eval()
    image, scribbles, previous = inputs()
    with torch.inference_mode():
        slices = network.encode_slices(image)
        volume = network.segment_volume(image, scribbles, previous)
        masks = network.segment_slices(image[:2], scribbles[:2], previous[:2], volume.logits[:2])
        values = network.remember(image[:2], previous[:2], slices.at([0, 1]))
        logits = network.propagate(slices.at([2]), slices.key[None, :2], values[None], volume.at([2]))
        heads = network.fcm.logits(volume.converted)
    assert [tuple(x.shape) for x in slices] == [
        (3, 8, 16, 24),
        (3, 8, 8, 12),
        (3, 8, 4, 6),
        (3, 10, 4, 6),
        (3, 8, 4, 6),
    ]
    assert volume.logits.shape == (3, 1, 16, 24)
    assert [tuple(x.shape) for x in volume.converted] == [(3, 8, 16, 24), (3, 8, 8, 12), (3, 8, 4, 6)]
    assert [x.shape[2:] for x in heads] == [(16, 24), (8, 12), (4, 6)]
    assert masks.shape == (2, 1, 32, 48)
    assert values.shape == (2, 24, 4, 6)
    assert logits.shape == (1, 1, 32, 48)


def test_where_all_looks_alike_attention_falls_with_the_distance():
    network = HPINet(TINY)
    slices = network.encode_slices(torch.zeros(2, 2, 128, 128))
    alike = slices.key[:, :-2].mean((2, 3), keepdim=True).expand_as(slices.key[:, :-2])
    keys = torch.cat([alike, slices.key[:, -2:]], 1).detach()
    answers = []
    for distance in range(6):
        values = torch.zeros(1, 1, 1, 16, 16)
        values[..., 8, 8 + distance] = 1
        answers.append(read_slices(keys[:1], keys[1:][:, None], values)[0, 0, 8, 8].item())
    assert answers == sorted(answers, reverse=True)
    assert answers[0] > 10 * answers[4]


def test_an_untrained_network_already_copies_the_mask_of_the_memory():
    torch.manual_seed(0)
    network = HPINet(TINY).eval()
    image = torch.randn(1, 2, 128, 128).expand(2, -1, -1, -1)
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., 32:80, 32:80] = 1
    with torch.inference_mode():
        slices = network.encode_slices(image)
        values = network.remember(image[:1], mask, slices.at([0]))
        volume = VolumeFeatures(
            torch.full((1, 1, 64, 64), NO_BLOOD), tuple(torch.zeros(1, 8, n, n) for n in (64, 32, 16))
        )
        logits = network.propagate(slices.at([1]), slices.key[None, :1], values[None], volume)
    assert logits[..., 48:64, 48:64].min() > logits[..., 100:, 100:].max() + 2


def test_widened_scribbles_keep_every_pixel():
    for y in range(16):
        for x in range(16):
            scribble = torch.zeros(1, 2, 16, 16)
            scribble[0, 0, y, x] = 1
            wide = widen(scribble)
            assert wide[0, 0, y, x] == 1
            assert wide[0, 0].sum() >= 4
            assert wide[0, 1].sum() == 0


@pytest.mark.parametrize("channel", [0, 1])
def test_one_pixel_changes_what_vim_says_of_its_slice(network, channel):
    image, scribbles, previous = inputs()
    with torch.inference_mode():
        before = network.segment_volume(image, scribbles, previous).logits
        for y, x in [(0, 0), (8, 8), (9, 8), (8, 9), (11, 11), (31, 47)]:
            scribbles.zero_()[1, channel, y, x] = 1
            after = network.segment_volume(image, scribbles, previous).logits
            assert (after - before)[1].abs().max() > 1e-6


@pytest.mark.parametrize("channel", [0, 1])
def test_one_pixel_changes_what_sim_says(network, channel):
    image, scribbles, previous = inputs()
    logits = torch.zeros(3, 1, 16, 24)
    with torch.inference_mode():
        before = network.segment_slices(image, scribbles, previous, logits)
        scribbles[1, channel, 9, 9] = 1
        after = network.segment_slices(image, scribbles, previous, logits)
    changed = (after - before).abs().amax((1, 2, 3))
    assert changed[1] > 1e-6
    assert changed[0] == changed[2] == 0


def test_folding_the_standardization_changes_nothing():
    torch.manual_seed(0)
    network = HPINet(TINY).eval()
    folded = fold_standardization(copy.deepcopy(network))
    assert sum(p.numel() for p in folded.parameters()) < sum(p.numel() for p in network.parameters())
    image, scribbles, previous = inputs()
    with torch.inference_mode():
        for one, other in zip(network.encode_slices(image), folded.encode_slices(image), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
        one = network.segment_volume(image, scribbles, previous)
        other = folded.segment_volume(image, scribbles, previous)
    torch.testing.assert_close(one.logits, other.logits, rtol=0, atol=1e-5)
    for a, b in zip(one.converted, other.converted, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_folding_a_copy_leaves_the_network_in_training():
    network = HPINet(TINY)
    keys = list(network.state_dict())
    with torch.inference_mode():
        fold_standardization(copy.deepcopy(network)).encode_slices(inputs()[0])
    assert list(network.state_dict()) == keys
    network.encode_slices(inputs()[0]).key.sum().backward()
    gains = [p for name, p in network.mpffm.query_encoder.named_parameters() if name.endswith("gain")]
    assert any(gain.grad is not None for gain in gains)
