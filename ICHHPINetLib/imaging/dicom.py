"""Reads one CT series from a DICOM folder, or says why the folder is not one volume.

Slices are sorted by where they lie, and their distances checked: a missing slice would
otherwise shift everything above it without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError

# A slice counts as out of place from this share of the usual distance on, or from so many mm where that is
# more: some scanners round positions to 0.1 mm.
_TOLERANCE, _ROUNDING_MM = 0.1, 0.11
_SERIES_DESCRIPTION, _MODALITY = "0008|103e", "0008|0060"


@dataclass(frozen=True)
class _Slice:
    path: str
    size: tuple[int, ...]
    origin: np.ndarray
    direction: np.ndarray
    description: str


def is_dicom_file(path: Path) -> bool:
    """Whether ``path`` is a file that would be read as DICOM."""
    return sitk.ImageFileReader.GetImageIOFromFileName(str(path)) == "GDCMImageIO"


def read_dicom_folder(folder: Path) -> tuple[sitk.Image, list[str]]:
    """Read the one series of ``folder`` (or of its only sub-folder with DICOM files).

    Returns the image, slices ascending along their normal, and warnings. Raises
    InputFileError for no series, several series, slices that differ in size or
    orientation, lie on the same spot or are missing.
    """
    series = {uid: files for uid, files in _find_series(folder).items() if files}
    if not series:
        raise InputFileError(
            f"No DICOM image series was found in '{folder}'. Name the folder that holds the CT's slices, "
            "or an NRRD, NIfTI or MHA file."
        )
    if len(series) > 1:
        raise InputFileError(_several_series(folder, series))
    slices = [_header(path) for path in next(iter(series.values()))]
    if len(slices) == 1 and slices[0].size[2] > 1:
        return _read(folder, lambda: sitk.ReadImage(slices[0].path)), []
    return _stack(folder, slices)


def _read(folder: Path, read: Callable[[], sitk.Image]) -> sitk.Image:
    try:
        return read()
    except RuntimeError as error:
        raise InputFileError(
            f"The slices in '{folder}' could not be read ({str(error).strip().splitlines()[-1]}). "
            "Export the series again, uncompressed."
        ) from error


def _find_series(folder: Path) -> dict[str, list[str]]:
    found = _series_of(folder)
    if not found:
        inner = [_series_of(path) for path in sorted(folder.iterdir()) if path.is_dir()]
        for one in inner:
            for uid, files in one.items():
                found.setdefault(uid, []).extend(files)
    return found


def _series_of(folder: Path) -> dict[str, list[str]]:
    reader = sitk.ImageSeriesReader
    found = {}
    for uid in reader.GetGDCMSeriesIDs(str(folder)):
        files = reader.GetGDCMSeriesFileNames(str(folder), uid)
        found[uid] = [path for path in files if _has_pixels(path)]
    return found


def _information(path: str) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    reader.SetFileName(path)
    reader.ReadImageInformation()
    return reader


def _has_pixels(path: str) -> bool:
    """False for reports and other DICOM objects that lie beside the images."""
    try:
        return _information(path).GetSize()[0] > 0
    except RuntimeError:
        return False


def _header(path: str) -> _Slice:
    reader = _information(path)
    known = [tag for tag in (_SERIES_DESCRIPTION, _MODALITY) if reader.HasMetaDataKey(tag)]
    texts = [reader.GetMetaData(tag).strip() for tag in known]
    return _Slice(
        path,
        (*reader.GetSize(), 1)[:3],
        np.array(reader.GetOrigin()),
        np.array(reader.GetDirection()).reshape(3, 3),
        ", ".join(text for text in texts if text) or "no description",
    )


def _several_series(folder: Path, series: dict[str, list[str]]) -> str:
    lines = []
    for uid, files in series.items():
        lines.append(f"  {_header(files[0]).description}: {len(files)} slices, UID {uid}")
    return (
        f"'{folder}' holds {len(series)} series, but one CT is needed:\n"
        + "\n".join(lines)
        + "\nCopy the slices of the wanted series to a folder of their own and name that."
    )


def _stack(folder: Path, slices: list[_Slice]) -> tuple[sitk.Image, list[str]]:
    first = slices[0]
    if len(slices) < 2:
        raise InputFileError(
            f"The series in '{folder}' has a single slice; a volume needs two at least. "
            "Export the whole series."
        )
    for other in slices:
        if other.size != first.size or not np.allclose(other.direction, first.direction, atol=1e-3):
            raise InputFileError(
                f"The slices in '{folder}' differ in size or orientation ('{Path(first.path).name}' and "
                f"'{Path(other.path).name}'), as with a localizer among them. "
                "Move the odd ones to another folder."
            )
    normal = first.direction[:, 2]
    slices = sorted(slices, key=lambda one: float(one.origin @ normal))
    position = np.array([one.origin @ normal for one in slices])
    step = _check_distances(folder, slices, position)
    image = sitk.ImageSeriesReader()
    image.SetFileNames([one.path for one in slices])
    volume = _read(folder, image.Execute)
    # The reader measures along the line of origins, which is longer than a slice is thick on a tilted scan.
    volume.SetOrigin(slices[0].origin.tolist())
    volume.SetDirection(first.direction.ravel().tolist())
    volume.SetSpacing((*volume.GetSpacing()[:2], step))
    return volume, _tilt_warning(slices, normal)


def _check_distances(folder: Path, slices: list[_Slice], position: np.ndarray) -> float:
    """The slice distance in mm, or InputFileError where it is not the same throughout."""
    gaps = np.diff(position)
    usual = float(np.median(gaps))
    _check_blocks(folder, gaps)
    for index, gap in enumerate(gaps):
        names = f"'{Path(slices[index].path).name}' and '{Path(slices[index + 1].path).name}'"
        if gap < _TOLERANCE * max(usual, 0.1):
            raise InputFileError(
                f"Two slices in '{folder}' lie on the same spot: {names} at {position[index]:.1f} mm. "
                "The folder seems to hold two acquisitions; keep one."
            )
        if abs(gap - usual) > max(_TOLERANCE * usual, _ROUNDING_MM):
            missing = round(gap / usual) - 1
            guess = f"{missing} missing" if missing > 0 else "irregular distances"
            raise InputFileError(
                f"The slices in '{folder}' are not evenly spaced ({guess}): {gap:.2f} mm between {names}, "
                f"at {position[index]:.1f} mm, but {usual:.2f} mm elsewhere. "
                "Export the series again with all its slices."
            )
    return float((position[-1] - position[0]) / len(gaps))


def _check_blocks(folder: Path, gaps: np.ndarray) -> None:
    """InputFileError for thin slices below and thick ones above, as head CTs once were taken."""
    first, last = gaps[0], gaps[-1]
    blocks = np.isclose(gaps, first, rtol=_TOLERANCE), np.isclose(gaps, last, rtol=_TOLERANCE)
    change = int(np.argmin(blocks[0]))
    if 2 <= change <= len(gaps) - 2 and blocks[0][:change].all() and blocks[1][change:].all():
        raise InputFileError(
            f"The slices in '{folder}' are {first:.2f} mm apart up to number {change + 1} and {last:.2f} mm "
            "above it. Resample the series to even distances, or measure both parts and add their volumes."
        )


def _tilt_warning(slices: list[_Slice], normal: np.ndarray) -> list[str]:
    line = slices[-1].origin - slices[0].origin
    along = float(line @ normal)
    aside = float(np.linalg.norm(line - along * normal))
    degrees = float(np.degrees(np.arctan2(aside, along)))
    if degrees < 1.0:
        return []
    warning = (
        f"The gantry was tilted by {degrees:.0f} degrees: the volume is shown upright, as a sheared stack. "
        "Volumes in mL are right, sagittal and coronal views slanted."
    )
    return [warning]
