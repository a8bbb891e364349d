"""What is exported: a hematoma, its numbers, and what made it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import __version__
from ..imaging.segment_kinds import ALGORITHM
from ..measurement import Measurement

NOTICE = "Research use only, not a medical device"
HOMEPAGE = "https://github.com/ICHHPINet/SlicerICHHPINet"


@dataclass(frozen=True)
class Finding:
    """A mask after its last round.

    Attributes
    ----------
    mask: (Z, Y, X) on the voxels of the CT, bleed wherever it is not 0.
    numbers: its measurement.
    rounds: how many there were.
    interval_ml: between which volumes the true one is expected; None where nobody knows.
    is_guess: whether no scribble is behind it.
    weights, sha256: name of the network's weights, and the checksum of their file.
    """

    mask: np.ndarray
    numbers: Measurement
    rounds: int
    interval_ml: tuple[float, float] | None
    is_guess: bool
    weights: str
    sha256: str


def equipment(finding: Finding) -> dict[str, str]:
    """What DICOM asks of the maker of an object; the network stands for the serial number."""
    return {
        "manufacturer": "ICHHPINet",
        "manufacturer_model_name": ALGORITHM,
        "software_versions": version(finding),
        "device_serial_number": finding.sha256,
    }


def version(finding: Finding) -> str:
    """Of the software and its weights, in the 64 characters that DICOM allows."""
    ending = f", {finding.sha256[:12]}"
    return f"{__version__}, weights {finding.weights}"[: 64 - len(ending)] + ending
