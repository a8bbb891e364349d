"""Weights with any damaged part are refused with a sentence, and never computed with."""

import json
import struct

import pytest

torch = pytest.importorskip("torch")

import safetensors.torch  # noqa: E402

from ICHHPINetLib import WeightsError, load_network  # noqa: E402
from ICHHPINetLib.weights import loading  # noqa: E402
from ICHHPINetLib.weights.safetensors_file import parse  # noqa: E402


def opened(path):
    """Header and body of a safetensors file."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def refused(path, header, body):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    with pytest.raises(WeightsError):
        load_network(path, device="cpu")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_no_numbers(tiny_weights, tmp_path, value):
    tensors, metadata = parse(tiny_weights.read_bytes())
    for name in ("vim.head.bias", max(tensors, key=lambda one: tensors[one].numel())):
        changed = {key: tensor.clone() for key, tensor in tensors.items()}
        changed[name].view(-1)[-1] = value
        safetensors.torch.save_file(changed, tmp_path / "w.safetensors", metadata)
        with pytest.raises(WeightsError, match=f"'{name}' holds values that are NaN"):
            load_network(tmp_path / "w.safetensors", device="cpu")


def test_tensors_that_overlap_leave_gaps_or_lie_askew(tiny_weights, tmp_path):
    header, body = opened(tiny_weights)
    path = tmp_path / "w.safetensors"
    names = sorted(
        (name for name in header if name != "__metadata__"), key=lambda n: header[n]["data_offsets"]
    )
    one = names[len(names) // 2]
    begin, end = header[one]["data_offsets"]
    for offsets in ([0, end - begin], [begin + 2, end + 2], [begin + 1, end + 1], [begin - 1, end - 1]):
        refused(path, {**header, one: {**header[one], "data_offsets": offsets}}, body)
    refused(path, header, body + b"\0\0")
    swapped = {name: dict(entry) for name, entry in header.items()}
    same = next(other for other in names if other != one and header[other]["shape"] == header[one]["shape"])
    swapped[same]["data_offsets"] = header[one]["data_offsets"]
    refused(path, swapped, body)
    text = json.dumps(header)
    refused(path, (text[:-1] + f", {json.dumps(one)}: {json.dumps(header[one])}}}").encode(), body)


@pytest.mark.parametrize("value", [None, "x", -1, 2.5, True, [], {}, 10**30])
def test_every_part_of_the_header(tiny_weights, tmp_path, value):
    header, body = opened(tiny_weights)
    names = [name for name in header if name != "__metadata__"]
    for name in (names[0], names[-1]):
        for part in ("dtype", "shape", "data_offsets"):
            for changed in (value, [value, value]):
                refused(tmp_path / "w.safetensors", {**header, name: {**header[name], part: changed}}, body)


@pytest.mark.parametrize(
    "changes",
    [
        {"volume_widths": [10**9] * 4},
        {"volume_widths": [4000] * 4},
        {"volume_widths": [8, 8, 8]},
        {"volume_widths": [8, 8, 8, 8.0]},
        {"slice_widths": [8, 8, 0]},
        {"slice_widths": "888"},
        {"key_channels": -8},
        {"key_channels": None},
        {"key_channels": True},
        {"name": 3},
        {"variant": []},
        {"variant": "none"},
        {"depth": 3},
        {"architecture": "paper"},
    ],
)
def test_configurations_that_no_network_has(tiny_weights, tmp_path, changes):
    header, body = opened(tiny_weights)
    config = {**json.loads(header["__metadata__"]["config"]), **changes}
    refused(tmp_path / "w.safetensors", {**header, "__metadata__": {"config": json.dumps(config)}}, body)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 10**9},
        {"width": 4096},
        {"volume_norm": "none"},
        {"image_pooling": True},
        {"memory_top": 0},
        {"gray_range": [0, float("nan")]},
        {"gray_range": [1]},
    ],
)
def test_configurations_of_the_paper_that_no_network_has(tiny_weights, tmp_path, changes):
    header, body = opened(tiny_weights)
    config = json.dumps({"architecture": "paper", **changes})
    refused(tmp_path / "w.safetensors", {**header, "__metadata__": {"config": config}}, body)


@pytest.mark.parametrize(
    "entry",
    [
        {"file": "tiny.safetensors", "sha256": None},
        {"file": "tiny.safetensors", "sha256": ""},
        {"file": "tiny.safetensors", "sha256": "abc"},
        {"file": "tiny.safetensors", "sha256": 3},
        {"file": "tiny.safetensors"},
        {"file": None, "sha256": "0" * 64},
        {"file": "../tiny.safetensors", "sha256": "0" * 64},
        {"file": "", "sha256": "0" * 64},
        {"sha256": "0" * 64},
        [],
        None,
        "tiny.safetensors",
    ],
)
def test_a_list_of_shipped_weights_that_proves_nothing(tiny_weights, tmp_path, monkeypatch, entry):
    monkeypatch.setattr(loading, "resource_path", lambda relative: tmp_path / "manifest.json")
    (tmp_path / "tiny.safetensors").write_bytes(tiny_weights.read_bytes())
    for manifest in ({"tiny": entry}, [entry], entry):
        (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        with pytest.raises(WeightsError):
            load_network("tiny", device="cpu")
