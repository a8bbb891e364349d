"""What made the hematoma that is exported."""

from __future__ import annotations

from .. import __version__
from ..imaging.segment_kinds import ALGORITHM
from ..measurement.finding import Finding

NOTICE = "Research use only, not a medical device"
HOMEPAGE = "https://github.com/ICHHPINet/SlicerICHHPINet"


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
