"""A head CT made by code, with a bleed of known mask and volume, for tests and the demo.

>>> from ICHHPINetLib import phantom
>>> head = phantom.generate("deep", seed=0)
>>> head.volume.shape, head.volume_ml
"""

from .generate import KINDS, Phantom, generate

__all__ = ["KINDS", "Phantom", "generate"]
