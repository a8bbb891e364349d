"""Names, colors and codes of the three segments that this project reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

_ANATOMY = "Segmentation category and type - 3D Slicer General Anatomy list"
_REGIONS = "Anatomic codes - DICOM master list"
_TISSUE = f"{_ANATOMY}~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~{_REGIONS}~^^~^^"

# What DICOM calls the maker of a segment.
ALGORITHM = "ICH-HPINet"
# By these tags a segment is known as its first guess: every scribble makes it semi-automatic.
GUESS_TAGS = ("DICOM.SegmentAlgorithmType:AUTOMATIC", f"DICOM.SegmentAlgorithmName:{ALGORITHM}")


@dataclass(frozen=True)
class SegmentKind:
    """What a segment of ours is called and looks like.

    ``color`` is RGB 0..1; ``terminology`` is a terminology entry as Slicer serializes it.
    """

    role: str
    name: str
    color: tuple[float, float, float]
    terminology: str


# Scribbles are coded as plain tissue: a scribble exported as "hemorrhage" would be measured as one.
# Yellow and blue stay apart for color-blind eyes, from each other and from the hematoma.
FOREGROUND = SegmentKind("foreground", "Hemorrhage scribble", (1.0, 0.82, 0.1), _TISSUE)
BACKGROUND = SegmentKind("background", "Background scribble", (0.25, 0.6, 1.0), _TISSUE)
HEMATOMA = SegmentKind(
    "hematoma",
    "Hematoma",
    (188 / 255, 65 / 255, 28 / 255),
    f"{_ANATOMY}~SCT^49755003^Morphologically Altered Structure~SCT^50960005^Hemorrhage~^^"
    f"~{_REGIONS}~SCT^12738006^Brain~^^",
)
