"""From a training checkpoint to the file that ships."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import safetensors.torch
import torch

from ..imaging.output_files import write_bytes
from ..networks.blocks import fold_standardization
from ..networks.hpinet import HPINet, read_config
from .checkpoint_file import built, read_state


def export(network: HPINet, path: Path, **about: str) -> str:
    """Writes fp16 weights with the configuration in the header; returns the file's SHA256.

    ``about`` are free texts for the header, such as the training data. The network's
    standardized weights are folded in place: export a copy of a network that still trains.
    Statistics of batch normalization keep their type, since they can exceed fp16's range.
    """
    fold_standardization(network)
    statistics = {key for key, _ in network.named_buffers()}
    state = {
        key: value.detach().to("cpu", value.dtype if key in statistics else torch.float16).contiguous()
        for key, value in network.state_dict().items()
    }
    metadata = {"config": json.dumps(network.config.as_dict()), **about}
    content = safetensors.torch.save(state, metadata)
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def export_checkpoint(checkpoint: Path, path: Path, **about: str) -> str:
    """As ``export``, from the averaged weights of a training checkpoint.

    Raises InputFileError where the checkpoint is none, damaged or of another version of the network.
    """
    state = read_state(checkpoint)
    prefix = "module."
    averaged = {
        key.removeprefix(prefix): value for key, value in state["average"].items() if key.startswith(prefix)
    }
    network = built(read_config(state["config"]), checkpoint, averaged)
    return export(network, path, steps=str(state["step"]), **about)
