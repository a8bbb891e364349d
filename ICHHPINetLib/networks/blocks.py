"""Building blocks shared by the compact modules.

Statistics are never taken over the image: with one volume a step they would be those of
the crop, and a window of a head has others than the whole. Weights are standardized
instead (Brock et al., "Characterizing signal propagation to close the performance gap in
unnormalized ResNets", ICLR 2021), and residual branches and stages are normalized over the
channels of a voxel, without which activations drift apart over the rounds of training.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

# Logit of a voxel of which nothing is known; blood is rare. Logits that start at zero make the
# whole network first learn to say "no" everywhere, and turn its kernels to constants on the way.
NO_BLOOD = -4.0

# Restores unit variance after a leaky ReLU of slope 0.01 on a standard normal input.
ACTIVATED = math.sqrt(2.0 / (1.0 + 0.01**2)) / math.sqrt(1.0 - 1.0 / math.pi)


class StandardizedWeight(nn.Module):
    """Zero mean and 1 / fan-in variance for each output channel, times a learned gain."""

    def __init__(self, weight: torch.Tensor, gain: float) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((weight.shape[0], *[1] * (weight.ndim - 1)), gain))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        axes = tuple(range(1, weight.ndim))
        variance, mean = torch.var_mean(weight, axes, keepdim=True, correction=0)
        fan_in = weight[0].numel()
        return (weight - mean) * torch.rsqrt(variance * fan_in + 1e-6) * self.gain


def activate(x: torch.Tensor) -> torch.Tensor:
    """Leaky ReLU."""
    return F.leaky_relu(x, 0.01)


def activated(x: torch.Tensor) -> torch.Tensor:
    """``activate`` in place, for a tensor that nothing else reads."""
    return F.leaky_relu_(x, 0.01)


def conv(dims: int, inputs: int, outputs: int, kernel, stride=1, dilation=1, gain=1.0) -> nn.Module:
    """A same-padded convolution in ``dims`` dimensions with standardized weights.

    ``gain`` is the output's standard deviation on unit-variance input; ``ACTIVATED`` keeps it
    at one where the input comes out of ``activate``.
    """
    layer = nn.Conv2d if dims == 2 else nn.Conv3d
    kernel = (kernel,) * dims if isinstance(kernel, int) else kernel
    padding = tuple((k - 1) // 2 * dilation for k in kernel)
    module = layer(inputs, outputs, kernel, stride, padding, dilation)
    nn.init.zeros_(module.bias)
    parametrize.register_parametrization(module, "weight", StandardizedWeight(module.weight, gain))
    return module


def up(dims: int, inputs: int, outputs: int) -> nn.Module:
    """Doubles the in-plane size by a transposed convolution without overlap."""
    layer, kernel = (nn.ConvTranspose2d, (2, 2)) if dims == 2 else (nn.ConvTranspose3d, (1, 2, 2))
    module = layer(inputs, outputs, kernel, kernel)
    nn.init.normal_(module.weight, std=inputs**-0.5)
    nn.init.zeros_(module.bias)
    return module


def head(dims: int, inputs: int, outputs: int, start: float = 0.0) -> nn.Module:
    """A 1x1 convolution to logits that are all near ``start`` in the beginning."""
    module = (nn.Conv2d if dims == 2 else nn.Conv3d)(inputs, outputs, 1)
    nn.init.normal_(module.weight, std=0.01)
    nn.init.constant_(module.bias, start)
    return module


class ChannelNorm(nn.LayerNorm):
    """Layer normalization over the channels of each pixel or voxel of (N, C, ...)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # A view where the memory format is channels-last, so that no data move.
        last = x.movedim(1, -1)
        return super().forward(last).to(x.dtype).movedim(-1, 1)


def stage(dims: int, channels: int, blocks: int = 1) -> nn.Sequential:
    """Residual blocks and the normalization that ends a stage."""
    return nn.Sequential(*[ResidualBlock(dims, channels) for _ in range(blocks)], ChannelNorm(channels))


class ResidualBlock(nn.Module):
    """``x + conv(act(norm(conv(act(norm(x))))))``, the branch starting small; 3D: the first one in plane.

    Without the normalizations inside, kernels turn towards whatever their input has in common
    everywhere, and a branch grows until the image is lost in it.
    """

    def __init__(self, dims: int, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(ChannelNorm(channels) for _ in range(2))
        self.first = conv(dims, channels, channels, 3 if dims == 2 else (1, 3, 3), gain=ACTIVATED)
        self.second = conv(dims, channels, channels, 3, gain=0.2 * ACTIVATED)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # In place: fresh memory for maps of this size costs as much as what is computed on them.
        branch = self.first(activated(self.norms[0](x)))
        return self.second(activated(self.norms[1](branch))).add_(x)


def fold_standardization(module: nn.Module) -> nn.Module:
    """Replaces every standardized weight by its value, in place: what inference and the file need."""
    for layer in list(module.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            weight = layer.weight.detach()
            # PyTorch's own removal would take the weight from every copy of the layer as well.
            layer.__class__ = type(layer).__bases__[0]
            del layer.parametrizations
            layer.weight = nn.Parameter(weight)
    return module


def subpixel_logits(x: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
    """Logits (N, 1, 2H, 2W) from four channels (N, 4, H, W) on top of coarse logits (N, 1, H, W).

    The coarse ones are interpolated as ``volume_result`` does it: what is added starts at VIM's own answer.
    """
    smooth = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    return F.pixel_shuffle(x, 2) + smooth
