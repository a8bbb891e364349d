"""The authors' checkpoint files are taken over key by key, or refused with the key's name."""

import functools
import shutil
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from ICHHPINetLib import WeightsError, load_network  # noqa: E402
from ICHHPINetLib.interaction.propagation import run_round  # noqa: E402
from ICHHPINetLib.networks import size_table  # noqa: E402
from ICHHPINetLib.training.export import export  # noqa: E402
from ICHHPINetLib.weights.authors import CONFIG, FILES, convert, read_authors  # noqa: E402

NARROW = replace(CONFIG, width=4)


def convolution(name, inputs, outputs, *kernel, bias=True):
    """Also a linear layer, which has no kernel."""
    shapes = {f"{name}.weight": (outputs, inputs, *kernel)}
    return shapes | ({f"{name}.bias": (outputs,)} if bias else {})


def norm(name, channels):
    parts = {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return parts | {f"{name}.num_batches_tracked": ()}


def vim_shapes(w):
    shapes = {}
    widths = [4, w, 2 * w, 4 * w, 8 * w, 16 * w]
    blocks = [(f"encoders.{i}", widths[i], widths[i + 1]) for i in range(5)]
    for i in range(4):
        above, here = widths[5 - i], widths[4 - i]
        shapes[f"decoders.{i}.upsampling.upsample.weight"] = (above, here, 3, 3, 3)
        shapes[f"decoders.{i}.upsampling.upsample.bias"] = (here,)
        blocks.append((f"decoders.{i}", here, here))
    for name, inputs, outputs in blocks:
        for number, channels in ((1, inputs), (2, outputs), (3, outputs)):
            layer = f"{name}.basic_module.conv{number}"
            shapes |= norm(f"{layer}.batchnorm", channels)
            shapes |= convolution(f"{layer}.conv", channels, outputs, 3, 3, 3, bias=False)
    return shapes | convolution("final_conv", w, 1, 1, 1, 1)


def resnet_shapes(
    prefix, inputs, w, depths, bottleneck, bias, names=("layer1", "layer2", "layer3", "layer4")
):
    shapes = convolution(f"{prefix}.conv1", inputs, w, 7, 7, bias=bias) | norm(f"{prefix}.bn1", w)
    channels, expansion = w, 4 if bottleneck else 1
    for stage, depth in enumerate(depths):
        width = w * 2**stage
        outputs = width * expansion
        for number in range(depth):
            block = f"{prefix}.{names[stage]}.{number}"
            layers = [(channels, width, 3), (width, width, 3)]
            if bottleneck:
                layers = [(channels, width, 1), (width, width, 3), (width, outputs, 1)]
            for i, (here, there, kernel) in enumerate(layers, 1):
                shapes |= convolution(f"{block}.conv{i}", here, there, kernel, kernel, bias=bias)
                shapes |= norm(f"{block}.bn{i}", there)
            if number == 0 and (stage > 0 or channels != outputs):
                shapes |= convolution(f"{block}.downsample.0", channels, outputs, 1, 1, bias=bias)
                shapes |= norm(f"{block}.downsample.1", outputs)
            channels = outputs
    return shapes


def sim_shapes(w):
    shapes = resnet_shapes("backbone", 4, w, (3, 4, 6, 3), bottleneck=True, bias=False)
    head = "classifier.classifier"
    for i, kernel in enumerate((1, 3, 3, 3, 1)):
        shapes |= convolution(f"{head}.0.convs.{i}.0", 32 * w, 4 * w, kernel, kernel, bias=False)
        shapes |= norm(f"{head}.0.convs.{i}.1", 4 * w)
    shapes |= convolution(f"{head}.0.project.0", 20 * w, 4 * w, 1, 1, bias=False)
    shapes |= norm(f"{head}.0.project.1", 4 * w)
    shapes |= convolution(f"{head}.1", 4 * w, 4 * w, 3, 3, bias=False) | norm(f"{head}.2", 4 * w)
    return shapes | convolution(f"{head}.4", 4 * w, 1, 1, 1)


def residual_shapes(name, inputs, outputs):
    shapes = convolution(f"{name}.conv1", inputs, outputs, 3, 3)
    shapes |= convolution(f"{name}.conv2", outputs, outputs, 3, 3)
    return shapes if inputs == outputs else shapes | convolution(f"{name}.downsample", inputs, outputs, 3, 3)


def mpffm_shapes(w):
    keys = ("res2", "layer2", "layer3")
    shapes = resnet_shapes("key_encoder", 1, w, (3, 4, 6), bottleneck=True, bias=False, names=keys)
    shapes |= resnet_shapes("value_encoder", 2, w, (2, 2, 2), bottleneck=False, bias=True)
    fuser = "value_encoder.fuser"
    shapes |= residual_shapes(f"{fuser}.block1", 20 * w, 8 * w)
    shapes |= residual_shapes(f"{fuser}.block2", 8 * w, 8 * w)
    shapes |= convolution(f"{fuser}.attention.ChannelGate.mlp.1", 8 * w, w // 2)
    shapes |= convolution(f"{fuser}.attention.ChannelGate.mlp.3", w // 2, 8 * w)
    shapes |= convolution(f"{fuser}.attention.SpatialGate.spatial.conv", 2, 1, 7, 7)
    shapes |= convolution("key_proj.key_proj", 16 * w, w, 3, 3)
    shapes |= convolution("key_comp", 16 * w, 8 * w, 3, 3)
    shapes |= residual_shapes("decoder.compress", 16 * w, 8 * w)
    for name, skip, inputs in (("up_16_8", 8 * w, 8 * w), ("up_8_4", 11 * w, 4 * w)):
        shapes |= convolution(f"decoder.{name}.skip_conv", skip, inputs, 3, 3)
        shapes |= residual_shapes(f"decoder.{name}.out_conv", inputs, 4 * w)
    return shapes | convolution("decoder.pred", 4 * w, 1, 3, 3)


def fcm_shapes(w):
    shapes = convolution("convert_f_3d.f4.0", 4 * w + 4, 4 * w, 1, 1)
    shapes |= convolution("convert_f_3d.f2.0", 2 * w + 2, 2 * w, 1, 1)
    shapes |= residual_shapes("pred_blocks.0", 4 * w, 2 * w)
    shapes |= residual_shapes("pred_blocks.1", 2 * w, 2 * w)
    return shapes | convolution("pred_out.0", 2 * w, 1, 3, 3)


def authors_shapes(width):
    """Names and shapes in each of the authors' files; theirs have width 64."""
    tables = {"vim": vim_shapes, "sim": sim_shapes, "mpffm": mpffm_shapes, "fcm": fcm_shapes}
    return {module: table(width) for module, table in tables.items()}


def random_states(width):
    """Dictionaries of the caller's own; their tensors are everybody's."""
    return {module: dict(state) for module, state in _random_states(width).items()}


@functools.cache
def _random_states(width):
    generator = torch.Generator().manual_seed(0)
    states = {}
    for module, shapes in authors_shapes(width).items():
        states[module] = {}
        for name, shape in shapes.items():
            if name.endswith("num_batches_tracked"):
                states[module][name] = torch.tensor(7)
            elif name.endswith(("running_var", "batchnorm.weight")):
                states[module][name] = torch.rand(shape, generator=generator) + 0.5
            else:
                states[module][name] = torch.randn(shape, generator=generator) * 0.1
    return states


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authors")
    for module, state in random_states(NARROW.width).items():
        torch.save(state, folder / FILES[module])
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path, dirs_exist_ok=True)


def is_parameter(name):
    return not name.endswith(("running_mean", "running_var", "num_batches_tracked"))


def test_files_of_the_authors_size_fit():
    shapes = authors_shapes(64)
    for module, table in shapes.items():
        count = sum(torch.Size(shape).numel() for name, shape in table.items() if is_parameter(name))
        assert count == size_table.AUTHORS_CODE[module.upper()]
    with torch.device("meta"):
        states = {m: {name: torch.empty(shape) for name, shape in t.items()} for m, t in shapes.items()}
    network = convert(states)
    assert network.config == CONFIG
    assert network.vim.head.weight.shape == (1, 64, 1, 1, 1)


def test_every_tensor_arrives_where_it_belongs():
    states = random_states(NARROW.width)
    network = convert(states, NARROW)
    pairs = {
        "vim": {
            "encoders.4.conv2.norm.running_var": "encoders.4.basic_module.conv2.batchnorm.running_var",
            "decoders.0.conv3.conv.weight": "decoders.0.basic_module.conv3.conv.weight",
            "ups.3.weight": "decoders.3.upsampling.upsample.weight",
            "head.bias": "final_conv.bias",
        },
        "sim": {
            "backbone.layer4.0.downsample.1.bias": "backbone.layer4.0.downsample.1.bias",
            "aspp.branches.3.conv.weight": "classifier.classifier.0.convs.3.0.weight",
            "aspp.project.norm.weight": "classifier.classifier.0.project.1.weight",
            "hidden.norm.running_mean": "classifier.classifier.2.running_mean",
        },
        "mpffm": {
            "query_encoder.resnet.layer1.0.conv1.weight": "key_encoder.res2.0.conv1.weight",
            "query_encoder.key.weight": "key_proj.key_proj.weight",
            "memory_encoder.resnet.layer1.1.conv2.bias": "value_encoder.layer1.1.conv2.bias",
            "memory_encoder.attention.excite.bias": "value_encoder.fuser.attention.ChannelGate.mlp.3.bias",
            "decoder.up1.skip.weight": "decoder.up_8_4.skip_conv.weight",
        },
        "fcm": {
            "convs.2.weight": "convert_f_3d.f4.0.weight",
            "coarse_blocks.0.downsample.bias": "pred_blocks.0.downsample.bias",
        },
    }
    for module, names in pairs.items():
        ours = getattr(network, module).state_dict()
        for our, their in names.items():
            assert torch.equal(ours[our], states[module][their]), our
    total = sum(x.double().sum() for state in states.values() for x in state.values())
    # What the files lack: an identity on D1, and zeros.
    assert sum(x.double().sum() for x in network.state_dict().values()) == pytest.approx(total + NARROW.width)


def test_the_finest_feature_passes_as_in_the_authors_code():
    fcm = convert(random_states(NARROW.width), NARROW).fcm
    maps = (torch.rand(1, 4, 4, 8, 8), torch.rand(1, 8, 2, 4, 4), torch.rand(1, 16, 1, 2, 2))
    assert torch.equal(fcm(maps)[0], maps[0][0].transpose(0, 1))


def test_read_exported_and_loaded_it_segments(folder):
    network = read_authors(folder, NARROW)
    assert not network.training
    export(network, folder / "authors.safetensors", source="authors")
    loaded = load_network(folder / "authors.safetensors", device="cpu")
    assert (loaded.name, loaded.config) == (f"authors ({loaded.sha256[:8]})", NARROW)
    for one, other in zip(network.parameters(), loaded.parameters(), strict=True):
        assert torch.equal(one.half().float(), other)
    for one, other in zip(network.buffers(), loaded.buffers(), strict=True):
        assert torch.equal(one, other)
    image, scribbles = torch.rand(3, 2, 32, 32) * 2 - 1, torch.zeros(3, 2, 32, 32)
    scribbles[1, 0, 9, 9] = 1
    with torch.inference_mode():
        result = run_round(loaded, image, loaded.encode_slices(image), scribbles, torch.zeros(3, 1, 32, 32))
    assert torch.isfinite(result).all()
    assert result[1, 0, 9, 9] == 1


def test_states_inside_a_training_checkpoint_or_from_several_devices_are_found(folder):
    path = folder / FILES["vim"]
    state = torch.load(path)
    torch.save({"network": {f"module.{name}": x for name, x in state.items()}}, path)
    assert torch.equal(read_authors(folder, NARROW).vim.head.weight, state["final_conv.weight"])


@pytest.mark.parametrize("module", FILES)
def test_a_missing_tensor_is_named(module):
    states = random_states(NARROW.width)
    name = list(states[module])[-1]
    del states[module][name]
    with pytest.raises(WeightsError, match=f"{FILES[module]}.*lacks {name}"):
        convert(states, NARROW)


@pytest.mark.parametrize("module", ["sim", "mpffm"])
def test_an_unknown_tensor_is_named(module):
    states = random_states(NARROW.width)
    states[module]["extra.weight"] = torch.zeros(1)
    with pytest.raises(WeightsError, match=r"unknown extra\.weight"):
        convert(states, NARROW)


def test_a_misshapen_tensor_is_named():
    states = random_states(NARROW.width)
    states["sim"]["backbone.conv1.weight"] = torch.zeros(4, 3, 7, 7)
    with pytest.raises(WeightsError, match=r"backbone\.conv1\.weight with shape \(4, 3, 7, 7\) instead of"):
        convert(states, NARROW)


def test_files_in_each_others_place_are_refused(folder):
    (folder / FILES["vim"]).write_bytes((folder / FILES["sim"]).read_bytes())
    with pytest.raises(WeightsError, match=r"seg3d_model\.pth does not fit"):
        read_authors(folder, NARROW)


def test_an_absent_file_is_named(folder):
    (folder / FILES["fcm"]).unlink()
    with pytest.raises(WeightsError, match=r"f3d_converter\.pth cannot be read"):
        read_authors(folder, NARROW)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_code_in_a_file_is_never_run(folder):
    torch.save({"final_conv.weight": Bomb(folder / "boom")}, folder / FILES["vim"])
    with pytest.raises(WeightsError, match="more than weights"):
        read_authors(folder, NARROW)
    assert not (folder / "boom").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_refused(folder, content):
    (folder / FILES["mpffm"]).write_bytes(content)
    with pytest.raises(WeightsError, match=r"prop_model\.pth is damaged"):
        read_authors(folder, NARROW)


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"epoch": 3}])
def test_a_file_without_a_state_dict_is_refused(folder, content):
    torch.save(content, folder / FILES["mpffm"])
    with pytest.raises(WeightsError, match="no state dict"):
        read_authors(folder, NARROW)
