"""Cases from the data sets that people have, whatever the layout of their folders.

>>> from ICHHPINetLib import datasets
>>> cases = datasets.find_cases("CT-ICH")
>>> images = datasets.read_case(cases[0])
>>> images.ct.hu.shape, images.mask.shape, images.ct.spacing, images.bleed_types

``docs/datasets.md`` shows each layout. Nothing here downloads anything.
"""

from .case import BLEED_TYPES, Case
from .detect import find_cases
from .reading import CaseImages, check_cases, read_case, read_mask
from .splits import folds, held_out

__all__ = [
    "BLEED_TYPES",
    "Case",
    "CaseImages",
    "check_cases",
    "find_cases",
    "folds",
    "held_out",
    "read_case",
    "read_mask",
]
