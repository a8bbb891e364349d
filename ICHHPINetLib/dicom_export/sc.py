"""A key image as a secondary capture, for a PACS that shows no segmentations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..imaging.ct import CT
from ..imaging.segment_kinds import ALGORITHM, HEMATOMA
from ..measurement.finding import Finding
from ..words import tr as _
from .maker import NOTICE, equipment
from .source import Source, made_of, new_identity

_SERIES_NUMBER = 9003


def make_sc(picture: np.ndarray, index: int, ct: CT, finding: Finding, source: Source) -> Any:
    """A ``highdicom.sc.SCImage`` of an RGB picture, uint8 (rows, columns, 3), of slice ``index`` of ``ct``.

    Rows run to the back, columns to the patient's left. Raises OutputError.
    """
    return made_of(
        source, _("A key image"), lambda: _make(picture, _acquired(index, ct, source), finding, source)
    )


def _acquired(index: int, ct: CT, source: Source) -> int | None:
    """The acquired slice that slice ``index`` of ``ct`` shows; None where it cuts through all of them."""
    order = ct.geometry.reorientation
    if order.axes[0] != 0:
        return None
    plane = order.stored_index((index, 0, 0), ct.shape)[0]
    return int(np.searchsorted(np.cumsum(source.repeats), plane, side="right"))


def _make(picture: np.ndarray, index: int | None, finding: Finding, source: Source) -> Any:
    import highdicom as hd
    from pydicom.uid import ExplicitVRLittleEndian

    image = hd.sc.SCImage.from_ref_dataset(
        source.headers[0],
        picture,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "P"),
        series_number=_SERIES_NUMBER,
        series_description=f"{HEMATOMA.name} key image, {ALGORITHM}, research use only",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **new_identity(),
        **equipment(finding),
    )
    # Nothing in the picture tells whose it is.
    image.BurnedInAnnotation = "NO"
    image.BodyPartExamined, image.ImageComments = "HEAD", NOTICE
    image.DerivationDescription = f"Slice with most marked blood, outlined by {ALGORITHM}"
    if index is not None:
        image.SourceImageSequence = [_reference(index, source)]
    return image


def _reference(index: int, source: Source) -> Any:
    from highdicom.sr.coding import CodedConcept
    from pydicom.dataset import Dataset

    header, item = source.header_of(index), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    if source.is_one_file:
        item.ReferencedFrameNumber = source.slices[index].frame + 1
    purpose = CodedConcept("121322", "DCM", "Source image for image processing operation")
    item.PurposeOfReferenceCodeSequence = [purpose]
    return item
