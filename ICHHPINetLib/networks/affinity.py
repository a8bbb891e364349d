"""Affinity between the slice in hand and the memory (paper, equations 3 and 4)."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def read_memory(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """``softmax(-|K_r|^2 + 2 K_r K_k - |K_k|^2) / sqrt(d))`` applied to the memory's values.

    |K_k|^2 is the same for every entry of the memory, so the softmax does not see it. What is
    left is a dot product of the extended vectors [2 K_r, -|K_r|^2] and [K_k, 1], which
    ``scaled_dot_product_attention`` computes without ever holding the affinity matrix.

    Parameters
    ----------
    query: keys K_k of the slice in hand, (N, HW, d).
    keys: keys K_r of the memory, (N, M, d).
    values: values V_r of the memory, (N, M, C).

    Returns
    -------
    (N, HW, C)
    """
    square = keys.float().square().sum(-1, keepdim=True)
    # What the rounding to bfloat16 takes from the square has a channel of its own.
    rounded = square.to(keys.dtype)
    rest = (square - rounded).to(keys.dtype)
    extended_query = torch.cat([query, torch.ones_like(query[..., :2])], -1)
    extended_keys = torch.cat([2 * keys, -rounded, -rest], -1)
    # Fused kernels want one width for keys and values; zeros change nothing.
    channels = values.shape[-1]
    width = -(-max(channels, extended_keys.shape[-1]) // 8) * 8
    answer = F.scaled_dot_product_attention(
        _padded(extended_query, width),
        _padded(extended_keys, width),
        _padded(values, width),
        scale=query.shape[-1] ** -0.5,
    )
    return answer.squeeze(1)[..., :channels]


def read_memory_top(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, count: int
) -> torch.Tensor:
    """As ``read_memory``, over the ``count`` most similar memory entries of each query alone."""
    square = keys.square().sum(-1).unsqueeze(1)
    affinity = (2 * query @ keys.transpose(1, 2) - square) * query.shape[-1] ** -0.5
    best, index = affinity.topk(min(count, keys.shape[1]), dim=-1)
    chosen = torch.stack([one[where] for one, where in zip(values, index, strict=True)])
    return (best.softmax(-1).unsqueeze(-1).to(chosen.dtype) * chosen).sum(2)


def read_slices(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, top: int | None = None
) -> torch.Tensor:
    """The memory's answer for N slices, (N, C, y, x), each with a memory of T slices of its own.

    ``query`` (N, d, y, x), ``keys`` (N, T, d, y, x), ``values`` (N, T, C, y, x); ``top`` limits
    the entries that a pixel reads, None reads all.
    """
    flat = (
        query.flatten(2).transpose(1, 2),
        keys.permute(0, 1, 3, 4, 2).flatten(1, 3),
        values.permute(0, 1, 3, 4, 2).flatten(1, 3),
    )
    answer = read_memory(*flat) if top is None else read_memory_top(*flat, top)
    return answer.transpose(1, 2).unflatten(2, query.shape[2:])


def _padded(x: torch.Tensor, width: int) -> torch.Tensor:
    """(N, L, C) with zeros up to ``width`` channels, as one head (N, 1, L, width)."""
    return F.pad(x, (0, width - x.shape[-1])).unsqueeze(1)
