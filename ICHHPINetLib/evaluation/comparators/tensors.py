"""Tensors of a file brought to what a network expects."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from .method import State

_MOST_LISTED = 3
# Written by some training codes; they are constants.
_CONSTANTS = ("pixel_mean", "pixel_std")


def fitting(
    expected: State, found: State, name_of: Callable[[str], str], beside: tuple[str, ...] = ()
) -> dict[str, torch.Tensor]:
    """``found`` under the names of ``expected``; encodings of position are resized to other image sizes.

    Parameters
    ----------
    name_of: from a name of ``expected`` to one of ``found``.
    beside: beginnings of names in ``found`` that the network has no use for.

    Raises
    ------
    ValueError
        Names what is missing, unknown, or of another shape.
    """
    theirs = {key: name_of(key) for key in expected}
    missing = sorted(set(theirs.values()) - set(found))
    if missing:
        raise ValueError(f"it lacks {_listed(missing)}")
    unknown = sorted(set(found) - set(theirs.values()) - set(_CONSTANTS))
    unknown = [key for key in unknown if not key.startswith(beside or "\n")]
    if unknown:
        raise ValueError(f"it has the unknown {_listed(unknown)}")
    resized = {key: _resized(key, found[name].float(), expected[key].shape) for key, name in theirs.items()}
    for key, name in theirs.items():
        if resized[key].shape != expected[key].shape:
            raise ValueError(
                f"{name} has shape {tuple(found[name].shape)} instead of {tuple(expected[key].shape)}"
            )
    return resized


def _resized(key: str, tensor: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Encodings of position of SAM's images, which grow with the image; all else as it is."""
    if tensor.ndim != len(shape) or tensor.shape == shape or tensor.shape[-1] != shape[-1]:
        return tensor
    if key.endswith("vision_encoder.pos_embed"):
        channels_first = tensor.permute(0, 3, 1, 2)
        whole = functional.interpolate(channels_first, shape[1:3], mode="bilinear", align_corners=False)
        return whole.permute(0, 2, 3, 1)
    if key.endswith(("rel_pos_h", "rel_pos_w")):
        return functional.interpolate(tensor.T[None], shape[0], mode="linear", align_corners=False)[0].T
    return tensor


def _listed(keys: list[str]) -> str:
    text = ", ".join(keys[:_MOST_LISTED])
    return f"{text} and {len(keys) - _MOST_LISTED} more" if len(keys) > _MOST_LISTED else text
