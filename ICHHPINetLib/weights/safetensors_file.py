"""Reads a safetensors file with PyTorch alone.

Slicer users install PyTorch and nothing else for this extension; the format is a JSON
header before raw little-endian arrays. Files are written with the safetensors package.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from ..errors import WeightsError
from ..words import tr as _
from .tensors import check_finite

if TYPE_CHECKING:
    import torch


def parse(content: bytes) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors by name, and the free texts of the header.

    Raises
    ------
    WeightsError
        If the content is no safetensors file, is damaged, or holds other values than finite floats and
        the counters of batch normalization.
    """
    import torch

    types = {"F16": torch.float16, "F32": torch.float32, "BF16": torch.bfloat16, "I64": torch.int64}
    try:
        length = int.from_bytes(content[:8], "little")
        if len(content) < 8 + length:
            raise ValueError(_("it ends within its header"))
        header = json.loads(content[8 : 8 + length], object_pairs_hook=_without_duplicates)
        metadata = header.pop("__metadata__", None) or {}
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise ValueError(_("its header is damaged"))
        body = bytearray(content[8 + length :])
        end = 0
        tensors = {}
        for name, entry in sorted(header.items(), key=lambda item: _offsets(item[1])):
            kind, shape, begin = types[entry["dtype"]], entry["shape"], _offsets(entry)[0]
            if not all(type(size) is int and size >= 0 for size in shape):
                raise ValueError(_("the shape of '{name}' is damaged").format(name=name))
            # The format puts tensors one after the other, without overlap or gap.
            if begin != end or begin % kind.itemsize:
                raise ValueError(_("the data of '{name}' lie where they should not").format(name=name))
            count, end = math.prod(shape), _offsets(entry)[1]
            if end > len(body) or end - begin != count * kind.itemsize:
                raise ValueError(_("the data of '{name}' are cut off").format(name=name))
            flat = torch.frombuffer(body, dtype=kind, count=count, offset=begin) if count else torch.empty(0)
            tensors[name] = flat.to(kind).reshape(shape)
        if end != len(body):
            raise ValueError(_("something else follows its data"))
        check_finite(tensors)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise WeightsError(
            _(
                "The file holds no usable weights ({error}). Choose a .safetensors file that was "
                "exported by this software, or use the shipped weights by the name 'default'."
            ).format(error=error)
        ) from error
    return tensors, metadata


def _offsets(entry: dict) -> tuple[int, int]:
    begin, end = entry["data_offsets"]
    if type(begin) is not int or type(end) is not int or not 0 <= begin <= end:
        raise ValueError(_("its offsets are damaged"))
    return begin, end


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError(_("its header names something twice"))
    return entries
