"""Reads a safetensors file with PyTorch alone.

Slicer users install PyTorch and nothing else for this extension; the format is a JSON
header before raw little-endian arrays. Files are written with the safetensors package.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from ..errors import WeightsError

if TYPE_CHECKING:
    import torch


def parse(content: bytes) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors by name, and the free texts of the header.

    Raises
    ------
    WeightsError
        If the content is no safetensors file, is cut off, or holds other types than floats and
        the counters of batch normalization.
    """
    import torch

    types = {"F16": torch.float16, "F32": torch.float32, "BF16": torch.bfloat16, "I64": torch.int64}
    try:
        length = int.from_bytes(content[:8], "little")
        if len(content) < 8 + length:
            raise ValueError("it ends within its header")
        header = json.loads(content[8 : 8 + length])
        metadata = header.pop("__metadata__", None) or {}
        body = bytearray(content[8 + length :])
        tensors = {}
        for name, entry in header.items():
            kind, shape, (begin, end) = types[entry["dtype"]], entry["shape"], entry["data_offsets"]
            if min(shape, default=1) < 0 or not isinstance(metadata, dict):
                raise ValueError("its header is damaged")
            if not 0 <= begin <= end <= len(body) or end - begin != math.prod(shape) * kind.itemsize:
                raise ValueError(f"the data of '{name}' is cut off")
            flat = torch.frombuffer(body, dtype=kind, count=math.prod(shape), offset=begin)
            tensors[name] = flat.reshape(shape)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise WeightsError(
            f"The file holds no usable weights ({error}). Choose a .safetensors file that was exported "
            "by this software, or use the shipped weights by the name 'default'."
        ) from error
    return tensors, metadata
