"""The hematoma's numbers as a structured report (TID 1500), and the numbers of such a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InputFileError
from ..imaging.dicom_seg import is_dicom
from ..imaging.dicom_slices import read_dataset
from ..imaging.segment_kinds import ALGORITHM, HEMATOMA
from ..measurement.finding import Finding
from ..words import tr as _
from .codes import hematoma_codes, own, own_scheme
from .maker import NOTICE, equipment, version
from .source import Source, made_of, new_identity, require_highdicom

_SERIES_NUMBER = 9002
# Where DICOM has no word: our own, under names that no reader takes for a counted volume.
_OWN = {
    "abc2_ml": ("ABC2", "Volume by ABC/2"),
    "likely_from_ml": ("LIKELY_FROM", "Lower end of the likely volume"),
    "likely_to_ml": ("LIKELY_TO", "Upper end of the likely volume"),
    "rounds": ("ROUNDS", "Rounds of interaction"),
}

_UNCHECKED = "UNCHECKED", "First guess that nobody has checked"


def make_sr(finding: Finding, source: Source, seg: Any) -> Any:
    """A ``highdicom.sr.ComprehensiveSR`` of the finding, which refers to ``seg`` and to its slices.

    It is preliminary and unverified: nobody has signed it. Raises OutputError.
    """
    return made_of(source, _("A DICOM report"), lambda: _make(finding, source, seg))


def is_report(path: Path) -> bool:
    """Whether a file is a DICOM report of any kind."""
    return path.is_file() and is_dicom(path) and _modality(path) == "SR"


class ReadReport(NamedTuple):
    """``numbers`` go by the names that the JSON report has; ``is_guess``: no scribble is behind them."""

    numbers: dict[str, float]
    is_guess: bool


def read_sr(path: Path) -> ReadReport:
    """What a report says that ``make_sr`` made.

    Raises MissingPackageError, and InputFileError for what is no such report.
    """
    require_highdicom(_("A DICOM report"), _("read"))
    import highdicom as hd

    try:
        report = hd.sr.srread(path).content
        (group,) = report.get_volumetric_roi_measurement_groups()
        found = {_key(one.name, one.derivation): float(one.value) for one in group.get_measurements()}
        is_guess = bool(group.get_qualitative_evaluations(name=own(*_UNCHECKED)))
        names = {_key(name, derivation): key for key, (name, derivation, _unit) in _words().items()}
        numbers = {names[key]: value for key, value in found.items() if key in names}
        if "abc2_ml" not in numbers or "volume_ml" not in numbers:
            raise ValueError("a report of other software")
    except Exception as error:  # of many kinds, from no DICOM to a report of something else
        kind = _modality(path)
        what = _("DICOM of modality {modality}").format(modality=kind) if kind else _("another file")
        raise InputFileError(
            _(
                "'{path}' is no report of a hematoma by {algorithm} but {what}. Name a report of "
                "segment --dicom-sr, or a mask."
            ).format(path=path, algorithm=ALGORITHM, what=what)
        ) from error
    return ReadReport(numbers, is_guess)


def _modality(path: Path) -> str:
    try:
        return str(read_dataset(path).Modality)
    except Exception:  # what pydicom raises for a damaged file depends on the place
        return ""


def _words() -> dict[str, tuple[Any, Any, Any]]:
    """Name, derivation and unit of each number."""
    from pydicom.sr.codedict import codes

    volume, none, unit = codes.SCT.Volume, None, codes.UCUM.NoUnits
    ml = _ml()
    density, hu = codes.DCM.AttenuationCoefficient, codes.UCUM.HounsfieldUnit
    return {
        "volume_ml": (volume, none, ml),
        "abc2_ml": (own(*_OWN["abc2_ml"]), none, ml),
        "likely_from_ml": (own(*_OWN["likely_from_ml"]), none, ml),
        "likely_to_ml": (own(*_OWN["likely_to_ml"]), none, ml),
        "hu_mean": (density, codes.SCT.Mean, hu),
        "hu_sd": (density, codes.SCT.StandardDeviation, hu),
        "foci": (codes.SCT.NumberOfLesions, none, unit),
        "rounds": (own(*_OWN["rounds"]), none, unit),
    }


def _ml() -> Any:
    from highdicom.sr.coding import CodedConcept

    return CodedConcept("mL", "UCUM", "milliliter")


def _key(name: Any, derivation: Any) -> tuple[str, ...]:
    return tuple(part for code in (name, derivation) if code for part in (code.scheme_designator, code.value))


def _values(finding: Finding) -> dict[str, float | None]:
    numbers, interval = finding.numbers, finding.interval_ml or (None, None)
    return {
        "volume_ml": numbers.volume_ml,
        "abc2_ml": numbers.abc2_ml,
        "likely_from_ml": interval[0],
        "likely_to_ml": interval[1],
        "hu_mean": numbers.hu_mean,
        "hu_sd": numbers.hu_sd,
        "foci": numbers.foci,
        "rounds": finding.rounds,
    }


def _make(finding: Finding, source: Source, seg: Any) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    category, kind, region = hematoma_codes()
    values, words = _values(finding), _words()
    segment = seg.SegmentSequence[0]
    measurements = [
        hd.sr.Measurement(
            name=words[key][0], derivation=words[key][1], unit=words[key][2], value=_decimal(value)
        )
        for key, value in values.items()
        if value is not None
    ]
    group = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=segment.TrackingUID, identifier=segment.TrackingID),
        referenced_segment=_segment(seg, source),
        finding_category=category,
        finding_type=kind,
        finding_sites=[hd.sr.FindingSite(region)],
        algorithm_id=hd.sr.AlgorithmIdentification(
            name=ALGORITHM,
            version=version(finding),
            parameters=[f"weights SHA256 {finding.sha256}", NOTICE],
        ),
        measurements=measurements,
        qualitative_evaluations=[_unchecked()] if finding.is_guess else None,
    )
    content = hd.sr.MeasurementReport(
        observation_context=_observer(finding),
        procedure_reported=codes.LN.HeadCT,
        imaging_measurements=[group],
        title=codes.DCM.ImagingMeasurementReport,
    )
    return hd.sr.ComprehensiveSR(
        evidence=[seg, *source.headers],
        content=content,
        series_number=_SERIES_NUMBER,
        series_description=f"{HEMATOMA.name} numbers, {ALGORITHM}, research use only",
        coding_schemes=[own_scheme()],
        is_complete=True,
        **new_identity(),
        **equipment(finding),
    )


def _unchecked() -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    return hd.sr.QualitativeEvaluation(name=own(*_UNCHECKED), value=codes.SCT.Yes)


def _observer(finding: Finding) -> Any:
    """The software, since nobody has read the report."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=new_identity()["sop_instance_uid"],
        name=ALGORITHM,
        manufacturer_name=equipment(finding)["manufacturer"],
        model_name=ALGORITHM,
    )
    return hd.sr.ObservationContext(observer_device_context=hd.sr.ObserverContext(codes.DCM.Device, device))


def _segment(seg: Any, source: Source) -> Any:
    """The segment, and the series that it lies on."""
    import highdicom as hd

    return hd.sr.ReferencedSegment(
        sop_class_uid=seg.SOPClassUID,
        sop_instance_uid=seg.SOPInstanceUID,
        segment_number=1,
        source_series=hd.sr.SourceSeriesForSegmentation(source.slices[0].series),
    )


def _decimal(value: float) -> float:
    """As many digits as the 16 signs of a decimal string hold."""
    return round(float(value), 6)
