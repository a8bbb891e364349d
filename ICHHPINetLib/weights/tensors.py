"""Checks of tensors that come from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def check_finite(tensors: Mapping[str, torch.Tensor]) -> None:
    """ValueError, which names the tensor, for values that are NaN or infinite, and for counters below 0."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            if not tensor.isfinite().all():
                raise ValueError(f"'{name}' holds values that are NaN or infinite")
        elif tensor.is_complex() or (tensor.numel() and tensor.min() < 0):
            raise ValueError(f"'{name}' holds values that are no weights")


def check_fit(tensors: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """ValueError where a tensor is missing, unknown, or of another shape or kind of number than expected."""
    for name in (*expected, *tensors):
        if name not in tensors or name not in expected:
            raise ValueError(f"'{name}' is {'missing' if name in expected else 'unknown'}")
        found, wanted = tensors[name], expected[name]
        if found.shape != wanted.shape or found.is_floating_point() != wanted.is_floating_point():
            raise ValueError(
                f"'{name}' is {found.dtype} {tuple(found.shape)}, not {wanted.dtype} {tuple(wanted.shape)}"
            )
