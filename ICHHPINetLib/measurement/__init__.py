"""Numbers from a mask: volume in mL, ABC/2, foci, HU.

>>> from ICHHPINetLib.measurement import measure
>>> measure(mask, spacing).volume_ml
"""

from .measure import Measurement, measure

__all__ = ["Measurement", "measure"]
