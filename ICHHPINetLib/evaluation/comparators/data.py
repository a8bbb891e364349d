"""All slices of some cases, each with its neighbors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ... import datasets
from ...imaging.ct import CT
from ..scribbled_session import head_box
from .clips import Clip
from .slices import gray


def clips_of(cases: Sequence[datasets.Case], tell: Callable[[str], None] = lambda line: None) -> list[Clip]:
    """A clip for each slice of the cases, in the crop that a session would have.

    Cases without a mask count as bleed-free. Raises InputFileError or InvalidVolumeError if a file cannot
    be read.
    """
    clips = []
    for number, case in enumerate(cases, start=1):
        images = datasets.read_case(case)
        mask = np.zeros(images.ct.shape, bool) if images.mask is None else images.mask > 0
        clips += clips_of_ct(images.ct, mask)
        tell(f"read {number} of {len(cases)} cases: {case.name}")
    return clips


def clips_of_ct(ct: CT, truth: np.ndarray) -> list[Clip]:
    """A clip for each slice of a CT; ``truth`` bool (Z, Y, X). The clips share the CT's memory."""
    hu = ct.network_hu
    box = head_box(hu)
    volume, mask = gray(hu[box]), truth[box]
    spans = [(max(0, index - 1), index) for index in range(len(volume))]
    return [
        Clip(volume[first : index + 2], mask[first : index + 2], index - first, ct.spacing[1:])
        for first, index in spans
    ]
