"""Which device computes, and in which number format."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ..errors import DeviceError
from ..words import tr as _

if TYPE_CHECKING:
    import torch


def resolve_device(name: str) -> torch.device:
    """The device for "auto", "cpu", "cuda", "cuda:N" or "mps".

    Raises
    ------
    DeviceError
        If the device is not there, with what is there instead.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available() and _computes(torch.device("cuda")):
            return torch.device("cuda")
        return torch.device("mps" if _mps_has_all() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    # PyTorch knows many more, which this software has never seen.
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise DeviceError(
            _("'{name}' is no device. Choose auto, cpu, cuda, cuda:1 or mps.").format(name=name)
        )
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            found = _("{count} CUDA device(s)").format(count=count) if count else _("no CUDA device")
            raise DeviceError(
                _(
                    "'{name}' was asked for, but PyTorch sees {found} here. Choose another device or "
                    "'auto'; for an NVIDIA card, install its driver and a CUDA build of PyTorch."
                ).format(name=name, found=found)
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(_("'mps' was asked for, but there is no Apple GPU here. Choose 'cpu' or 'auto'."))
    return device


def _computes(device: torch.device) -> bool:
    """Whether PyTorch's build has kernels for this card: it sees cards that it has none for."""
    import torch

    try:
        return torch.ones(1, device=device).add(1).item() == 2
    except RuntimeError:
        return False


def _mps_has_all() -> bool:
    """Whether there is an Apple GPU, and a PyTorch that has transposed 3D convolutions for it."""
    import torch

    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    return torch.backends.mps.is_available() and version >= (2, 8)


def fast_math(device: torch.device) -> contextlib.AbstractContextManager:
    """Autocast to the half-size format that is fast on ``device``, or nothing where there is none.

    bfloat16 pays only where the processor or the card multiplies it natively; elsewhere it is
    emulated and slower than float32.
    """
    import torch

    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16, enabled=_cuda_multiplies_bfloat16(device))
    if device.type == "cpu" and native_bfloat16():
        return torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext()


def _cuda_multiplies_bfloat16(device: torch.device) -> bool:
    import torch

    # PyTorch's own question, is_bf16_supported, is also answered by cards that emulate it.
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)


def native_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself, and PyTorch's kernels may let it."""
    import torch

    # Private, but the only ways PyTorch has to ask; without an answer float32 is right everywhere.
    asked = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    if not (asked and asked() and torch.backends.mkldnn.is_available()):
        return False
    # ONEDNN_MAX_CPU_ISA may forbid them what the processor has, and then a convolution takes minutes.
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` is a device, or the machine, running out of memory."""
    import torch

    kinds = (MemoryError, getattr(torch, "OutOfMemoryError", MemoryError))
    return isinstance(error, kinds) or "out of memory" in str(error).lower()
