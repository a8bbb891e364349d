"""The paper's configuration: its scale, its shapes, and that all the library runs with it unchanged."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ICHHPINetLib import InteractiveSession, Scribbles, WeightsError, load_network  # noqa: E402
from ICHHPINetLib.interaction.propagation import run_round  # noqa: E402
from ICHHPINetLib.networks import size_table  # noqa: E402
from ICHHPINetLib.networks.hpinet import HPINet, HPINetConfig, read_config  # noqa: E402
from ICHHPINetLib.networks.paper.config import PaperConfig  # noqa: E402
from ICHHPINetLib.training.export import export  # noqa: E402

SMALL = PaperConfig(width=8)


def inputs(depth, size, device="cpu"):
    image = torch.rand(depth, 2, *size, device=device) * 2 - 1
    scribbles = torch.zeros(depth, 2, *size, device=device)
    scribbles[0, 0, 5, 6] = scribbles[0, 1, 20, 20] = 1
    return image, scribbles, torch.zeros(depth, 1, *size, device=device)


def test_it_has_the_size_of_the_authors_network():
    counts = size_table.parameters(PaperConfig())
    assert counts["VIM"] == size_table.AUTHORS_CODE["VIM"]
    assert counts["SIM"] == size_table.AUTHORS_CODE["SIM"]
    assert counts["MPFFM"] == size_table.AUTHORS_CODE["MPFFM"]
    # The paper's third convolution, of 64 to 64 channels, and its training head.
    assert counts["FCM"] - size_table.AUTHORS_CODE["FCM"] == 64 * 64 + 64 + 64 * 9 + 1


def test_the_documented_table_is_the_generated_one(repository):
    text = (repository / "docs" / "networks.md").read_text(encoding="utf-8")
    assert size_table.table() in text, (
        "run `python -m ICHHPINetLib.networks.size_table` and put its table there"
    )


def test_shapes_at_full_scale():
    with torch.device("meta"):
        network = HPINet(PaperConfig()).eval()
    image, scribbles, previous = inputs(30, (512, 384), "meta")
    slices = network.encode_slices(image[:8])
    assert [tuple(x.shape[1:]) for x in slices] == [
        (256, 128, 96),
        (512, 64, 48),
        (1024, 32, 24),
        (64, 32, 24),
        (512, 32, 24),
    ]
    volume = network.segment_volume(image, scribbles, previous)
    assert volume.logits.shape == (30, 1, 512, 384)
    assert [tuple(x.shape) for x in volume.converted] == [
        (30, 64, 512, 384),
        (30, 128, 256, 192),
        (30, 256, 128, 96),
    ]
    assert all(x.shape[:2] == (30, 1) for x in network.fcm.logits(volume.converted))
    assert network.segment_slices(image[:2], scribbles[:2], previous[:2], volume.logits[:2]).shape == (
        2,
        1,
        512,
        384,
    )
    values = network.remember(image[:3], previous[:3], slices.at([0, 1, 2]))
    assert values.shape == (3, 512, 32, 24)
    keys = slices.key[None, :3]
    assert network.propagate(slices.at([4]), keys, values[None], volume.at([4])).shape == (1, 1, 512, 384)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_any_number_of_slices(depth):
    network = HPINet(SMALL).eval()
    image, scribbles, previous = inputs(depth, (32, 48))
    with torch.inference_mode():
        result = run_round(network, image, network.encode_slices(image), scribbles, previous)
    assert result.shape == (depth, 1, 32, 48)


@pytest.mark.parametrize("options", [{"volume_norm": "group"}, {"memory_top": 4}])
def test_every_option_matters(options):
    results = []
    for config in (SMALL, PaperConfig(width=8, **options)):
        torch.manual_seed(0)
        network = HPINet(config).eval()
        # With equal keys every memory entry is read, unless an option forbids it.
        torch.nn.init.zeros_(network.mpffm.query_encoder.key.weight)
        image, scribbles, previous = inputs(2, (64, 64))
        with torch.inference_mode():
            results.append(run_round(network, image, network.encode_slices(image), scribbles, previous))
    assert not torch.allclose(*results)


def test_gray_values_reach_every_module_that_reads_the_image():
    network = HPINet(PaperConfig(width=4, gray_range=(0.0, 255.0)))
    image = torch.tensor([-1.0, 0.0, 1.0]).view(1, 1, 1, 3)
    readers = [m for m in network.modules() if type(m).__name__ == "ImageChannel"]
    assert len(readers) == 4
    for reader in readers:
        assert reader(image).flatten().tolist() == [0, 127.5, 255]


def test_inference_repeats_itself():
    network = HPINet(SMALL).eval()
    image, scribbles, previous = inputs(3, (32, 32))
    with torch.inference_mode():
        first, second = (
            run_round(network, image, network.encode_slices(image), scribbles, previous) for _ in range(2)
        )
    assert torch.equal(first, second)


def test_slices_that_share_a_coarse_feature_are_told_apart():
    network = HPINet(SMALL).eval()
    maps = (torch.ones(1, 8, 4, 16, 16), torch.ones(1, 16, 2, 8, 8), torch.ones(1, 32, 1, 4, 4))
    with torch.inference_mode():
        fine, middle, coarse = network.fcm(maps)
    assert torch.equal(fine[0], fine[1])
    assert not torch.equal(middle[0], middle[1])
    assert torch.equal(middle[0], middle[2])
    assert len({tuple(x.flatten().tolist()) for x in coarse}) == 4


def test_a_training_round_reaches_every_parameter():
    pytest.importorskip("monai")
    from ICHHPINetLib.training.episode import round_loss
    from ICHHPINetLib.training.losses import HPINetLoss

    torch.manual_seed(0)
    network = HPINet(SMALL)
    image, scribbles, previous = inputs(4, (32, 32))
    target = torch.zeros_like(previous)
    target[:, :, 4:12, 4:12] = 1
    total, _, result = round_loss(
        network, HPINetLoss(), image, scribbles, previous, target, np.random.default_rng(0)
    )
    total.backward()
    assert result.shape == target.shape
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not silent


def test_a_session_on_weights_from_a_file(tmp_path):
    torch.manual_seed(0)
    network = HPINet(PaperConfig(name="small", width=8)).eval()
    export(network, tmp_path / "paper.safetensors")
    loaded = load_network(tmp_path / "paper.safetensors", device="cpu")
    assert loaded.config == network.config
    assert loaded.name.startswith("paper (")
    volume = np.random.default_rng(0).normal(30, 5, (3, 40, 36))
    foreground = np.zeros(volume.shape, bool)
    foreground[1, 20, 20] = True
    session = InteractiveSession(loaded, volume, (5.0, 0.9, 0.9))
    result = session.refine(Scribbles(foreground, np.roll(foreground, 9, 2)))
    assert result.mask.shape == volume.shape
    assert result.mask[1, 20, 20] == 1
    assert result.mask[1, 20, 29] == 0
    assert result.model.startswith("paper (")


def test_statistics_beyond_half_precision_survive_the_file(tmp_path):
    network = HPINet(PaperConfig(width=4)).eval()
    network.mpffm.query_encoder.resnet.bn1.running_var.fill_(1e6)
    network.mpffm.query_encoder.resnet.bn1.num_batches_tracked.fill_(100_000)
    export(network, tmp_path / "paper.safetensors")
    norm = load_network(tmp_path / "paper.safetensors", device="cpu").mpffm.query_encoder.resnet.bn1
    assert norm.running_var.eq(1e6).all()
    assert norm.num_batches_tracked == 100_000


@pytest.mark.parametrize(
    "config", [HPINetConfig(), PaperConfig(), PaperConfig("x", 16, "group", 20, (0, 255))]
)
def test_configurations_come_back_from_their_entries(config):
    entries = {k: list(v) if isinstance(v, tuple) else v for k, v in config.as_dict().items()}
    assert read_config(entries) == config


def test_unknown_configuration_is_refused_by_name(tmp_path):
    network = HPINet(PaperConfig(width=4))
    export(network, tmp_path / "good.safetensors")
    content = (tmp_path / "good.safetensors").read_bytes()
    assert b"batch" in content
    (tmp_path / "bad.safetensors").write_bytes(content.replace(b"batch", b"layer", 1))
    with pytest.raises(WeightsError, match="another version"):
        load_network(tmp_path / "bad.safetensors", device="cpu")
