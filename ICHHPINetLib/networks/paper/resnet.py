"""Residual networks (He et al., CVPR 2016), as far as the paper's modules need them.

Layers carry the names that ResNet checkpoints commonly have (``conv1``, ``bn1``,
``layer1.0.downsample.0`` ...), so that ImageNet weights and the authors' fit.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the shortcut; ``stride`` is in the first."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, bias: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, dilation, dilation, bias=bias)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=bias)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _projection(inputs, width, stride, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.downsample(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and widening 1x1 convolution beside the shortcut; ``stride`` is in the 3x3."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, bias: bool) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=bias)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=bias)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=bias)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _projection(inputs, outputs, stride, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        return F.relu(self.bn3(self.conv3(out)) + self.downsample(x))


def _projection(inputs: int, outputs: int, stride: int, bias: bool) -> nn.Module:
    """The shortcut: as it is where shapes agree, else a 1x1 convolution."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=bias), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """The convolutional part of a ResNet.

    Input (N, ``inputs``, Y, X). Output: one map a stage, at 1/4, 1/8, 1/16 and, where there is
    a fourth stage, 1/16 again: it is dilated instead of strided (DeepLabv3, output stride 16).

    Parameters
    ----------
    block: ``BasicBlock`` or ``Bottleneck``.
    depths: blocks in each stage.
    width: channels of the stem; stage i has ``width * 2**i * block.expansion``.
    bias: whether the convolutions have one beside their normalization.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        depths: tuple[int, ...],
        inputs: int,
        width: int,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 7, 2, 3, bias=bias)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        self.stages = len(depths)
        for stage, depth in enumerate(depths):
            blocks = []
            for position in range(depth):
                stride = 2 if position == 0 and stage in (1, 2) else 1
                dilation = 2 if position > 0 and stage == 3 else 1
                blocks.append(block(channels, width * 2**stage, stride, dilation, bias))
                channels = width * 2**stage * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        maps = []
        for stage in range(self.stages):
            x = self.get_submodule(f"layer{stage + 1}")(x)
            maps.append(x)
        return maps
