"""The optimizer of the training: orthogonalized momentum for kernels, Adam for everything else."""

from __future__ import annotations

import torch
from torch import nn

from ..weights.devices import native_bfloat16

_BETAS = 0.9, 0.99
_MOMENTUM = 0.95
# Coefficients of the quintic Newton-Schulz iteration that the optimizer's authors publish.
_QUINTIC = 3.4445, -4.7750, 2.0315
# A kernel's step in units of the learning rate: its update has singular values near one, Adam's
# has entries near one, so that one rate serves both.
_KERNEL_STEP = 15.0


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix is made orthogonal before each step, for kernels of convolutions.

    Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. PyTorch's own
    takes matrices only; here a kernel (O, I, ...) counts as a matrix (O, I * ...). Parameters of
    groups with ``kernels`` false get Adam's step. With standardized weights the length of a
    kernel has no effect, so there is no weight decay.
    """

    def __init__(self, groups: list[dict], lr: float) -> None:
        super().__init__(groups, {"lr": lr, "kernels": False})

    @torch.no_grad()
    def step(self) -> None:
        """One step for every parameter that has a gradient."""
        for group in self.param_groups:
            update = self._kernel if group["kernels"] else self._adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update(parameter, self.state[parameter], group["lr"])

    def _kernel(self, parameter: torch.Tensor, state: dict, rate: float) -> None:
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(parameter.grad, 1 - _MOMENTUM)
        update = parameter.grad.lerp(state["momentum"], _MOMENTUM).flatten(1)
        rows, columns = update.shape
        size = _KERNEL_STEP * max(1.0, rows / columns) ** 0.5
        parameter.add_(orthogonalized(update).view_as(parameter), alpha=-rate * size)

    def _adam(self, parameter: torch.Tensor, state: dict, rate: float) -> None:
        if not state:
            state.update(step=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["step"] += 1
        state["mean"].lerp_(parameter.grad, 1 - _BETAS[0])
        state["square"].lerp_(parameter.grad.square(), 1 - _BETAS[1])
        mean, square = (
            state[name] / (1 - beta ** state["step"])
            for name, beta in zip(("mean", "square"), _BETAS, strict=True)
        )
        parameter.addcdiv_(mean, square.sqrt_().add_(1e-8), value=-rate)


def orthogonalized(matrix: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """Nearly the nearest semi-orthogonal matrix (R, C): singular values are about 0.7 to 1.2."""
    first, third, fifth = _QUINTIC
    # Emulated, bfloat16 takes twelve times as long.
    fast = matrix.device.type != "cpu" or native_bfloat16()
    x = matrix.bfloat16() if fast else matrix.float()
    wide = x.T if x.shape[0] > x.shape[1] else x
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(iterations):
        gram = wide @ wide.T
        wide = first * wide + (third * gram + fifth * gram @ gram) @ wide
    return (wide.T if x.shape[0] > x.shape[1] else wide).to(matrix.dtype)


def optimizer_of(network: nn.Module, rate: float, kernel_steps: bool = True) -> Muon:
    """The optimizer of ``network``: standardized kernels of more than a few channels, and the rest."""
    kernels, rest = [], []
    for name, parameter in network.named_parameters():
        standardized = kernel_steps and name.endswith("parametrizations.weight.original")
        (kernels if standardized and min(parameter.flatten(1).shape) > 8 else rest).append(parameter)
    return Muon([{"params": kernels, "kernels": True}, {"params": rest}], rate)
