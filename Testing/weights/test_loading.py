"""Weights are loaded whole and unaltered, or refused with a sentence that says what to do."""

import json
import sys

import pytest

torch = pytest.importorskip("torch")

import safetensors.torch  # noqa: E402

from ICHHPINetLib import DeviceError, TorchMissingError, WeightsError, load_network  # noqa: E402
from ICHHPINetLib.weights import loading  # noqa: E402
from ICHHPINetLib.weights.devices import native_bfloat16, resolve_device  # noqa: E402
from ICHHPINetLib.weights.safetensors_file import parse  # noqa: E402


@pytest.fixture
def shipped(tiny_weights, tmp_path, monkeypatch):
    """A resource folder with the tiny weights listed as "tiny"."""
    folder = tmp_path / "weights"
    folder.mkdir()
    path = folder / "tiny.safetensors"
    path.write_bytes(tiny_weights.read_bytes())
    digest = load_network(path, device="cpu").sha256
    manifest = {"tiny": {"file": path.name, "sha256": digest}}
    path.with_name("manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    monkeypatch.setattr(loading, "resource_path", lambda relative: tmp_path / relative)
    return path


def test_reader_agrees_with_the_safetensors_package(tiny_weights):
    content = tiny_weights.read_bytes()
    tensors, metadata = parse(content)
    expected = safetensors.torch.load(content)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)
    assert json.loads(metadata["config"])["name"] == "tiny"


def test_shipped_weights_load_by_name(shipped):
    network = load_network("tiny", device="cpu")
    assert network.name == "tiny"
    assert network.device == torch.device("cpu")
    assert not network.training


def test_the_checksum_of_a_network_is_known_by_its_name_as_long_as_its_weights_are_chosen(shipped):
    for chosen in ("tiny", shipped):
        network = load_network(chosen, device="cpu")
        assert loading.checksum(network.name, chosen) == network.sha256
    assert loading.checksum("tiny", shipped) == "unknown"
    shipped.unlink()
    assert loading.checksum("tiny", "tiny") == "unknown"


def test_a_name_is_no_file_of_the_current_folder(shipped, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here" / "tiny").write_bytes(b"something else")
    assert load_network("tiny", device="cpu").name == "tiny"


@pytest.mark.parametrize(
    "header",
    [
        {"__metadata__": None},
        {"__metadata__": {"config": "null"}},
        {"__metadata__": {"config": "[1]"}},
        {"__metadata__": ["config"]},
        {"x": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": ["a"], "data_offsets": [0, 4]}},
    ],
)
def test_damaged_headers_are_refused_in_words(tmp_path, header):
    text = json.dumps(header).encode()
    path = tmp_path / "bad.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"\0" * 4)
    with pytest.raises(WeightsError, match=r"Choose a (file|\.safetensors)"):
        load_network(path, device="cpu")


def test_altered_weights_are_refused(shipped):
    content = bytearray(shipped.read_bytes())
    content[-1] ^= 1
    shipped.write_bytes(content)
    with pytest.raises(WeightsError, match="reinstall"):
        load_network("tiny", device="cpu")


@pytest.mark.parametrize("length", [0, 5, 200, -10])
def test_truncated_file_is_refused(tiny_weights, tmp_path, length):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(tiny_weights.read_bytes()[:length])
    with pytest.raises(WeightsError, match="Choose a"):
        load_network(path, device="cpu")


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="Check the path"):
        load_network(tmp_path / "none.safetensors", device="cpu")


def test_unknown_name_lists_what_there_is(shipped):
    with pytest.raises(WeightsError, match="tiny"):
        load_network("unheard-of", device="cpu")


def test_weights_of_another_program_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"x": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match="another program"):
        load_network(path, device="cpu")


def test_weights_of_another_architecture_are_refused(tiny_weights, tmp_path):
    content = tiny_weights.read_bytes()
    tensors = safetensors.torch.load(content)
    tensors.pop("vim.head.bias")
    path = tmp_path / "old.safetensors"
    safetensors.torch.save_file(tensors, path, metadata=parse(content)[1])
    with pytest.raises(WeightsError, match="another version"):
        load_network(path, device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_absent_cuda_is_named(tiny_weights):
    with pytest.raises(DeviceError, match="no CUDA device"):
        load_network(tiny_weights, device="cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
@pytest.mark.parametrize(("version", "chosen"), [("2.7.1", "cpu"), ("2.8.0+x", "mps"), ("2.13.0", "mps")])
def test_an_apple_gpu_is_taken_where_pytorch_can_use_it(monkeypatch, version, chosen):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch, "__version__", version)
    assert resolve_device("auto").type == chosen


@pytest.mark.parametrize(("processor", "kernels"), [(True, True), (True, False), (False, True)])
def test_bfloat16_wants_a_processor_and_kernels_that_have_it(monkeypatch, processor, kernels):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: processor, raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: kernels)
    assert native_bfloat16() == (processor and kernels)


def test_nonsense_device_is_named(tiny_weights):
    with pytest.raises(DeviceError, match="Choose auto"):
        load_network(tiny_weights, device="toaster")


def test_without_torch_the_message_says_how_to_get_it(tiny_weights, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(TorchMissingError, match="pip install torch"):
        load_network(tiny_weights)
