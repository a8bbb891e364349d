"""The hematoma as a binary DICOM segmentation on the slices as they were acquired."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..imaging.ct import CT
from ..imaging.segment_kinds import ALGORITHM, HEMATOMA
from ..measurement.finding import Finding
from ..words import tr as _
from .codes import hematoma_codes
from .maker import HOMEPAGE, NOTICE, equipment, version
from .source import Source, made_of, new_identity

_SERIES_NUMBER = 9001


def make_seg(ct: CT, finding: Finding, source: Source) -> Any:
    """A ``highdicom.seg.Segmentation`` of the finding on the frames of ``source``.

    Nothing is resampled. Of an even, upright series frames without a mark are left out; a tilted one, or
    one of several thicknesses, has all, so that whoever reads it knows how far each slice reaches.
    Raises OutputError.
    """
    masks = source.masks(ct, finding.mask)
    if source.is_one_file:
        frames = np.empty_like(masks)
        frames[[one.frame for one in source.slices]] = masks
        masks = frames
    return made_of(source, _("A DICOM segmentation"), lambda: _make(masks, finding, source))


def algorithm(finding: Finding) -> Any:
    """What made the segment: software, weights and their checksum."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    return hd.AlgorithmIdentificationSequence(
        name=ALGORITHM,
        family=codes.DCM.ArtificialIntelligence,
        version=version(finding),
        source=HOMEPAGE,
        parameters={"weights": finding.weights, "sha256": finding.sha256, "rounds": str(finding.rounds)},
    )


def _make(masks: np.ndarray, finding: Finding, source: Source) -> Any:
    import highdicom as hd

    category, kind, region = hematoma_codes()
    identity = new_identity()
    segment = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=HEMATOMA.name,
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type="AUTOMATIC" if finding.is_guess else "SEMIAUTOMATIC",
        algorithm_identification=algorithm(finding),
        tracking_uid=new_identity()["sop_instance_uid"],
        tracking_id=f"{ALGORITHM} {HEMATOMA.name.lower()}",
        anatomic_regions=[region],
        display_color=hd.color.CIELabColor.from_rgb(*(round(255 * part) for part in HEMATOMA.color)),
    )
    seg = hd.seg.Segmentation(
        source.headers,
        masks.astype(np.uint8),
        "BINARY",
        [segment],
        series_number=_SERIES_NUMBER,
        series_description=f"{HEMATOMA.name}, {ALGORITHM}, research use only",
        content_label=HEMATOMA.name.upper(),
        content_description=NOTICE,
        omit_empty_frames=source.is_even and bool(masks.any()),
        **identity,
        **equipment(finding),
    )
    _state_thickness(seg, source)
    return seg


def _state_thickness(seg: Any, source: Source) -> None:
    """Of each frame, where they are of several; and how far apart they lie, where that is one distance.

    Sources may state 1 mm, or the thickness of their first slice, for all.
    """
    (shared,) = seg.SharedFunctionalGroupsSequence
    measures = shared.PixelMeasuresSequence[0]
    if "SpacingBetweenSlices" in measures:
        del measures.SpacingBetweenSlices
    if set(source.repeats) == {1}:
        measures.SliceThickness = round(float(np.median(source.thickness)), 6)
        measures.SpacingBetweenSlices = round(source.step, 6)
        return
    from highdicom import PixelMeasuresSequence

    del shared.PixelMeasuresSequence
    places = np.array([one.origin for one in source.slices])
    for group in seg.PerFrameFunctionalGroupsSequence:
        # Frames come in an order of their own.
        apart = np.linalg.norm(places - group.PlanePositionSequence[0].ImagePositionPatient, axis=1)
        thick = source.thickness[int(apart.argmin())]
        group.PixelMeasuresSequence = PixelMeasuresSequence(measures.PixelSpacing, round(thick, 6))


def rounding_notes(ct: CT, finding: Finding, source: Source) -> list[str]:
    """Notes where a PACS may count another volume, of whole slices or of slices of one thickness."""
    notes = []
    if set(source.repeats) != {1}:
        notes.append(
            _(
                "Programs that know one slice distance alone show the DICOM segmentation of this series "
                "in the wrong place and count wrong volumes. Those in the report and the key image are right."
            )
        )
    masks = source.masks(ct, finding.mask)
    planes = np.count_nonzero(np.repeat(masks, source.repeats, axis=0))
    volume = planes * float(np.prod(ct.spacing)) / 1000.0
    if f"{volume:.1f}" != f"{finding.numbers.volume_ml:.1f}":
        notes.append(
            _(
                "The DICOM segmentation marks whole slices, as they were acquired: {volume:.1f} mL, where "
                "the other results have {other:.1f} mL."
            ).format(volume=volume, other=finding.numbers.volume_ml)
        )
    return notes
