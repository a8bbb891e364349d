"""From the library's network input to the channels that the paper's modules read."""

from __future__ import annotations

import torch
from torch import nn


class ImageChannel(nn.Module):
    """The brain window, first of the image's channels, from -1..1 to a range of gray values.

    Input (N, C, ...), output (N, 1, ...). The paper's modules read one image channel; networks
    trained on gray values 0..255 want them again, since zero padding then means black.
    """

    def __init__(self, gray_range: tuple[float, float]) -> None:
        super().__init__()
        self.low, self.high = gray_range

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.low + (image[:, :1] + 1) * ((self.high - self.low) / 2)


class InteractionChannels(nn.Module):
    """{VD, H, PM} in four channels, from the compact modules' input.

    Input (N, 5 or more, ...): two CT windows, foreground and background scribbles, previous mask;
    what follows is not read. Output (N, 4, ...): image, previous mask, background scribbles,
    foreground scribbles, the order of the authors' code, so that its weights fit as they are.
    """

    def __init__(self, gray_range: tuple[float, float]) -> None:
        super().__init__()
        self.image = ImageChannel(gray_range)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        foreground, background, previous = x[:, 2:3], x[:, 3:4], x[:, 4:5]
        return torch.cat([self.image(x), previous, background, foreground], 1)
