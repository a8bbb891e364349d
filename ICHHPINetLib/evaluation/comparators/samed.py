"""SAMed (Zhang and Liu 2023): LoRA on the queries and values of SAM's image encoder, no prompt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from . import losses
from .method import Config, State
from .sam import SAM_BASE, SamNetwork

_RANK = 4


class SplitProjection(nn.Module):
    """SAM's one projection to queries, keys and values as three, so that each can have its own LoRA."""

    def __init__(self, whole: nn.Linear) -> None:
        super().__init__()
        width = whole.in_features
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        with torch.no_grad():
            for part, weight, bias in zip(
                (self.q, self.k, self.v), whole.weight.chunk(3), whole.bias.chunk(3), strict=True
            ):
                part.weight.copy_(weight)
                part.bias.copy_(bias)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.q(tokens), self.k(tokens), self.v(tokens)], dim=-1)


class Network(SamNetwork):
    """LoRA, prompt encoder and mask decoder learn; the decoder starts from SAM's own.

    One logit stands for the softmax of bleed and background, which the authors have for eight organs.
    """

    FULL: ClassVar = {**SAM_BASE, "image_size": 512}
    RATE = 5e-3
    needs_bleed = prompted = False
    takes = frozenset()

    def adapt(self, config: Config, base: State | None) -> None:
        for layer in self.sam.vision_encoder.layers:
            layer.attn.qkv = SplitProjection(layer.attn.qkv)
        lora = LoraConfig(r=_RANK, lora_alpha=_RANK, target_modules=r".*\.qkv\.(q|v)")
        inject_adapter_in_model(lora, self.sam.vision_encoder)

    def learning(self) -> Iterable[nn.Module]:
        lora = [
            module
            for name, module in self.sam.vision_encoder.named_modules()
            if name.endswith(("lora_A", "lora_B"))
        ]
        return (*lora, *super().learning())

    def criterion(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 0.8 * losses.dice(logits, target) + 0.2 * losses.cross_entropy(logits, target)
