"""The two sides of ``ichhpinet compare`` as files: masks, reports of ``segment`` or saved scenes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputFileError
from ..imaging.acquired import Acquisition, acquisition_of, acquisition_of_segmentation
from ..imaging.acquisition_words import size_unstated
from ..imaging.ct import CT
from ..imaging.ct_files import read_ct
from ..imaging.dicom_seg import is_dicom
from ..imaging.label_files import read_labels
from ..imaging.mask_files import marked, on_ct
from ..imaging.orientation import to_canonical
from ..measurement import Measurement, measure
from ..measurement.comparison import Side

_LONGEST_REPORT = 1 << 24
# Volumes are the same sum of the same voxels.
_SAME_VOLUME = 1e-4


class Given(NamedTuple):
    """One side as it was read; ``mask`` (Z, Y, X) on the voxels of ``ct`` where that is known."""

    side: Side
    ct: CT | None
    mask: np.ndarray | None
    warnings: list[str]


def read_side(path: Path, ct_path: Path | None, label: int | None) -> Given:
    """Read one side and measure it; ICHHPINetError where that is not possible."""
    if not path.exists():
        raise InputFileError(
            f"'{path}' does not exist. Name a mask (.seg.nrrd, a label map, DICOM SEG), a report of "
            "'ichhpinet segment' (.json) or a scene (.mrb)."
        )
    name = path.name.lower()
    if name.endswith(".mrb"):
        return _of_scene(path, ct_path)
    ct = None if ct_path is None else read_ct(ct_path)
    if name.endswith(".json"):
        return _of_report(path, ct)
    return _of_mask(path, ct, ct_path, label)


def check_two_files(one: Path, other: Path, what: str) -> None:
    """InputFileError where two names are of one file, or of a file and its copy."""
    if not one.exists() or not other.exists():
        return
    if one.samefile(other):
        raise InputFileError(f"'{one}' is named twice, as both {what}. Name an earlier and a later one.")
    alike = one.is_file() and other.is_file() and one.stat().st_size == other.stat().st_size
    if alike and _digest(one) == _digest(other):
        raise InputFileError(f"'{other}' is a copy of '{one}'. Name an earlier and a later one.")


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def _of_mask(path: Path, ct: CT | None, ct_path: Path | None, label: int | None) -> Given:
    file = read_labels(path)
    marks, warnings = marked(file, label)
    known = acquisition_of_segmentation(path) if is_dicom(path) else Acquisition()
    if ct is None:
        if size_unstated() in file.warnings:
            raise InputFileError(
                f"'{path}' does not say how large its voxels are, so that its milliliters are not known. "
                "Save it with its geometry, or name its CT."
            )
        mask, order = to_canonical(marks, np.array(file.grid.GetDirection()).reshape(3, 3))
        spacing = order.spacing(file.grid.GetSpacing()[::-1])
        numbers = measure(mask, spacing)
        known = dataclasses.replace(known, step_mm=spacing[0])
    else:
        stored = on_ct(marks, file, ct.geometry.image, ct_path)
        mask = np.ascontiguousarray(ct.geometry.reorientation.apply(stored))
        numbers = measure(mask, ct.spacing, ct.hu)
        known = _merged(acquisition_of(ct), known)
        warnings += ct.warnings
    warnings += [] if ct else file.warnings
    if ct is not None and mask.any() and (mask[0].any() or mask[-1].any()):
        warnings.append("The marked blood reaches the first or last slice: what lies beyond is not counted.")
    beside, note = _report_beside(path, numbers.volume_ml)
    interval = None if beside is None else beside.interval_ml
    is_guess = file.is_guess or (beside is not None and beside.is_guess)
    return Given(Side(path.name, numbers, interval, known, is_guess), ct, mask, [*warnings, *note])


def _merged(of_ct: Acquisition, of_segmentation: Acquisition) -> Acquisition:
    """What the CT does not say, by what the segmentation that was drawn on it says."""
    changes: dict[str, Any] = {
        key: getattr(of_segmentation, key)
        for key in ("patient", "born")
        if not getattr(of_ct, key) and getattr(of_segmentation, key)
    }
    if of_ct.moment is None:
        changes |= {"moment": of_segmentation.moment, "has_time": of_segmentation.has_time}
    return dataclasses.replace(of_ct, **changes)


def _of_scene(path: Path, ct_path: Path | None) -> Given:
    if ct_path is not None:
        raise InputFileError(f"'{path}' is a scene, which holds its CT; leave '{ct_path}' out.")
    from ..scene.finished import read_finished

    found = read_finished(path)
    return Given(found.as_side(path.name), found.ct, found.mask, list(found.ct.warnings))


def _of_report(path: Path, ct: CT | None) -> Given:
    content = _report(path)
    if content is None:
        raise InputFileError(
            f"'{path}' is no report that 'ichhpinet segment --report' wrote. Name one, or the mask itself."
        )
    known = Acquisition() if ct is None else acquisition_of(ct)
    return Given(
        Side(path.name, *content[:2], known, content.is_guess),
        ct,
        None,
        [] if ct is None else list(ct.warnings),
    )


class _Report(NamedTuple):
    """What a report of ``segment`` says of its last round."""

    numbers: Measurement
    interval_ml: tuple[float, float] | None
    is_guess: bool


def _report_beside(path: Path, volume_ml: float) -> tuple[_Report | None, list[str]]:
    """The report beside a mask, if it is of the same volume and knows the likely one, and a note."""
    stem = path.name.split(".")[0]
    for own, place in ((True, path.with_name(f"{stem}.json")), (False, path.with_name("report.json"))):
        content = _report(place) if place.is_file() else None
        if content is None or content.interval_ml is None:
            continue
        if abs(content.numbers.volume_ml - volume_ml) <= max(_SAME_VOLUME * volume_ml, 1e-6):
            return content, [f"The likely volume of '{path.name}' is that of '{place.name}' beside it."]
        if own:
            note = (
                f"'{place.name}' beside '{path.name}' is of another volume "
                f"({content.numbers.volume_ml:.1f} mL); its likely volume was left out."
            )
            return None, [note]
    return None, []


def _report(path: Path) -> _Report | None:
    """What a file says, if it is a report of ``segment``."""
    try:
        if path.stat().st_size > _LONGEST_REPORT:
            return None
        rounds = json.loads(path.read_text(encoding="utf-8"))["rounds"]
        last = rounds[-1]
        fields = [one.name for one in dataclasses.fields(Measurement)]
        numbers = Measurement(**{name: _number(last[name], name.startswith("hu_")) for name in fields})
        interval = last.get("likely_volume_ml")
        if interval is not None:
            low, high = (_number(end) for end in interval)
            interval = (low, high)
        # Files that do not tell are of nobody's guess.
        is_guess = all(one.get("scribbled_slices") == [] for one in rounds)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None
    return _Report(numbers, interval, is_guess)


def _number(value: Any, may_miss: bool = False) -> Any:
    if value is None and may_miss:
        return None
    # A density may be below 0, nothing else.
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError("no number")
    if value < 0 and not may_miss:
        raise ValueError("less than nothing")
    return value
