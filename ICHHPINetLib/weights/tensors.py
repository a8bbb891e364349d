"""Checks of tensors that come from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..words import tr as _

if TYPE_CHECKING:
    import torch

    from ..networks.hpinet import HPINetConfig
    from ..networks.paper.config import PaperConfig


def check_finite(tensors: Mapping[str, torch.Tensor]) -> None:
    """ValueError, which names the tensor, for values that are NaN or infinite, and for counters below 0."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            if not tensor.isfinite().all():
                raise ValueError(_("'{name}' holds values that are NaN or infinite").format(name=name))
        elif tensor.is_complex() or (tensor.numel() and tensor.min() < 0):
            raise ValueError(_("'{name}' holds values that are no weights").format(name=name))


def check_fit(tensors: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """ValueError where a tensor is missing, unknown, or of another shape or kind of number than expected."""
    for name in (*expected, *tensors):
        if name not in tensors or name not in expected:
            raise ValueError(
                _("'{name}' is missing").format(name=name)
                if name in expected
                else _("'{name}' is unknown").format(name=name)
            )
        found, wanted = tensors[name], expected[name]
        if found.shape != wanted.shape or found.is_floating_point() != wanted.is_floating_point():
            raise ValueError(
                _("'{name}' is {dtype} {shape}, not {expected_dtype} {expected_shape}").format(
                    name=name,
                    dtype=found.dtype,
                    shape=tuple(found.shape),
                    expected_dtype=wanted.dtype,
                    expected_shape=tuple(wanted.shape),
                )
            )


def check_room(config: HPINetConfig | PaperConfig, tensors: Mapping[str, torch.Tensor]) -> None:
    """ValueError where a network of damaged widths would need far more memory than its ``tensors``."""
    held = sum(tensor.numel() for tensor in tensors.values())
    if config.least_weights > held:
        raise ValueError(
            _("its widths ask for {least} values and more, it holds {held}").format(
                least=config.least_weights, held=held
            )
        )
