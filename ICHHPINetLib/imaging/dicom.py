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
from .validation import CT_MODALITY, UNSAID_MODALITIES

# A slice counts as out of place from this share of the usual distance on, or from so many mm where that is
# more: some scanners round positions to 0.1 mm.
_TOLERANCE, _ROUNDING_MM = 0.1, 0.11
_SERIES_DESCRIPTION, _MODALITY = "0008|103e", "0008|0060"
_PIXEL_SPACING, _RESCALE = "0028|0030", ("0028|1052", "0028|1053")
# The element (0002,0002) of a slice of a CT; other objects name the class where they refer to slices.
_CT_IMAGE_STORAGE = b"\x02\x00\x02\x00UI\x1a\x001.2.840.10008.5.1.4.1.1.2\x00"
# So far a slice may lie beside the line from the first to the last one.
_ASIDE_MM = 0.5


@dataclass(frozen=True)
class DicomVolume:
    """A series as one volume, slices ascending along their normal.

    ``sheared_mm`` is how far the last slice lies beside the place that ``image`` gives it, because
    the gantry was tilted; 0 where it was not.
    """

    image: sitk.Image
    warnings: list[str]
    sheared_mm: float = 0.0


@dataclass(frozen=True)
class _Slice:
    path: str
    size: tuple[int, ...]
    origin: np.ndarray
    direction: np.ndarray
    description: str
    modality: str
    spacing: tuple[float, ...] | None
    rescale: tuple[str, ...]


def is_dicom_file(path: Path) -> bool:
    """Whether ``path`` is a file that would be read as DICOM."""
    return sitk.ImageFileReader.GetImageIOFromFileName(str(path)) == "GDCMImageIO"


def read_dicom_folder(folder: Path, uid: str | None = None) -> DicomVolume:
    """Read the one series of ``folder``, or the one of ``uid``; sub-folders count where it holds no images.

    Raises
    ------
    InputFileError
        For no series, several series without ``uid``, another modality, damaged files, slices without
        pixel size, and slices that differ in size or orientation, lie on the same spot or are missing.
    """
    series = {name: files for name, files in _find_series(folder, uid).items() if files}
    if not series:
        raise InputFileError(
            f"No DICOM image series was found in '{folder}'. Name the folder that holds the CT's slices, "
            "or an NRRD, NIfTI or MHA file."
        )
    if uid is not None and not (chosen := _chosen(series, uid)):
        raise InputFileError(f"There is no series {uid} in '{folder}'. There are: {', '.join(series)}.")
    series = series if uid is None else chosen
    if len(series) > 1:
        raise InputFileError(_several_series(folder, series))
    slices = [_header(path) for path in next(iter(series.values()))]
    if len(slices) == 1 and slices[0].size[2] > 1:
        image = _read(folder, lambda: sitk.ReadImage(slices[0].path))
        return DicomVolume(image, check_frames(Path(slices[0].path), image))
    return _stack(folder, slices)


def check_frames(path: Path, image: sitk.Image) -> list[str]:
    """Warnings about a multi-frame file, whose frames ITK places without saying how sure it is.

    Raises
    ------
    InputFileError
        If it is no CT, or ITK has made nothing of the places of its frames.
    """
    warnings = _modality_warning(path, _header(str(path)).modality)
    if image.GetSpacing() == (1.0, 1.0, 1.0) and not any(image.GetOrigin()):
        raise InputFileError(
            f"The frames of '{path}' have no voxel size, or are missing, unsorted or unevenly spaced. "
            "Export the series as single slices, or convert it with dcm2niix."
        )
    return [
        *warnings,
        "It is a multi-frame file: nothing checked that its frames are complete, even and of one phase.",
    ]


def _read(folder: Path, read: Callable[[], sitk.Image]) -> sitk.Image:
    try:
        return read()
    except RuntimeError as error:
        raise InputFileError(
            f"The slices in '{folder}' could not be read ({str(error).strip().splitlines()[-1]}). "
            "Export the series again, uncompressed."
        ) from error


def _find_series(folder: Path, uid: str | None) -> dict[str, list[str]]:
    found = _series_of(folder)
    if not found or (uid is not None and not _chosen(found, uid)):
        # A disc has a folder each for patient, study and series.
        for inner in sorted(path for path in folder.rglob("*") if path.is_dir()):
            for name, files in _series_of(inner).items():
                found.setdefault(name, []).extend(files)
    return found


def _chosen(series: dict[str, list[str]], uid: str) -> dict[str, list[str]]:
    """The series of ``uid``; its parts where ITK has added to it, as slices differ in size or direction."""
    if uid in series:
        return {uid: series[uid]}
    return {name: files for name, files in series.items() if name.startswith(f"{uid}.")}


def _series_of(folder: Path) -> dict[str, list[str]]:
    reader = sitk.ImageSeriesReader
    found = {}
    for uid in reader.GetGDCMSeriesIDs(str(folder)):
        files = reader.GetGDCMSeriesFileNames(str(folder), uid)
        found[uid] = [path for path in files if _has_pixels(path)]
    if any(found.values()):
        _check_none_left_out(folder, {Path(path).name for files in found.values() for path in files})
    return found


def _check_none_left_out(folder: Path, known: set[str]) -> None:
    """InputFileError for files that say they are slices of a CT and are too damaged to be listed.

    At an end of the stack, nothing else would tell that one is missing.
    """
    for path in sorted(folder.iterdir()):
        if path.name in known or not path.is_file():
            continue
        with path.open("rb") as file:
            start = file.read(1024)
        if start[128:132] == b"DICM" and _CT_IMAGE_STORAGE in start:
            raise InputFileError(
                f"'{path}' is a CT slice that cannot be read: it is damaged or cut off. Export it again; "
                "without it, the volume would be too small."
            )


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

    def text(tag: str) -> str:
        return reader.GetMetaData(tag).strip() if reader.HasMetaDataKey(tag) else ""

    texts = [text(_SERIES_DESCRIPTION), text(_MODALITY)]
    return _Slice(
        path,
        (*reader.GetSize(), 1)[:3],
        np.array(reader.GetOrigin()),
        np.array(reader.GetDirection()).reshape(3, 3),
        ", ".join(text for text in texts if text) or "no description",
        text(_MODALITY).upper(),
        reader.GetSpacing()[:2] if text(_PIXEL_SPACING) else None,
        tuple(text(tag) for tag in _RESCALE),
    )


def _several_series(folder: Path, series: dict[str, list[str]]) -> str:
    lines = []
    for uid, files in series.items():
        lines.append(f"  {_header(files[0]).description}: {len(files)} slices, UID {uid}")
    return (
        f"'{folder}' holds {len(series)} series, but one CT is needed:\n"
        + "\n".join(lines)
        + "\nChoose one by its UID (segment --series), or copy its slices to a folder of their own."
    )


def _modality_warning(place: Path, modality: str) -> list[str]:
    if modality in UNSAID_MODALITIES:
        return ["The files do not say that they are a CT. Check that its values are Hounsfield units."]
    if modality != CT_MODALITY:
        raise InputFileError(f"'{place}' is {modality}, not CT. Name the series of the head CT.")
    return []


def _stack(folder: Path, slices: list[_Slice]) -> DicomVolume:
    first = slices[0]
    warnings = _modality_warning(folder, first.modality)
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
    if any(one.spacing is None for one in slices):
        raise InputFileError(
            f"The slices in '{folder}' have no pixel size (0028,0030): no volume can be known. "
            "Export the original series, not a secondary capture."
        )
    if not np.allclose([one.spacing for one in slices], first.spacing, rtol=1e-3, atol=0):
        raise InputFileError(
            f"The slices in '{folder}' have pixels of different sizes. Export one reconstruction alone."
        )
    normal = first.direction[:, 2]
    slices = sorted(slices, key=lambda one: float(one.origin @ normal))
    position = np.array([one.origin @ normal for one in slices])
    step = _check_distances(folder, slices, position)
    aside = _aside(folder, slices, position, normal)
    image = sitk.ImageSeriesReader()
    if len({one.rescale for one in slices}) > 1:
        # The type that fits the first slice may not hold the others' values.
        image.SetOutputPixelType(sitk.sitkFloat32)
    image.SetFileNames([one.path for one in slices])
    volume = _read(folder, image.Execute)
    # The reader measures along the line of origins, which is longer than a slice is thick on a tilted scan.
    volume.SetOrigin(slices[0].origin.tolist())
    volume.SetDirection(first.direction.ravel().tolist())
    volume.SetSpacing((*volume.GetSpacing()[:2], step))
    degrees = float(np.degrees(np.arctan2(aside, position[-1] - position[0])))
    if degrees < 1.0:
        return DicomVolume(volume, warnings)
    tilt = (
        f"The gantry was tilted by {degrees:.0f} degrees: the volume is shown upright, as a sheared stack. "
        "Volumes in mL are right, sagittal and coronal views slanted, and the result lies up to "
        f"{aside:.0f} mm beside its place in the patient."
    )
    return DicomVolume(volume, [*warnings, tilt], aside)


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


def _aside(folder: Path, slices: list[_Slice], position: np.ndarray, normal: np.ndarray) -> float:
    """How far the last slice lies beside the normal of the first, mm, as after a tilt of the gantry.

    Raises
    ------
    InputFileError
        If the slices do not lie on one line.
    """
    beside = np.array([one.origin - slices[0].origin for one in slices])
    beside -= np.outer(position - position[0], normal)
    share = (position - position[0]) / (position[-1] - position[0])
    if np.linalg.norm(beside - np.outer(share, beside[-1]), axis=1).max() > _ASIDE_MM:
        raise InputFileError(
            f"The slices in '{folder}' lie beside each other: the table or the field of view was moved. "
            "Resample the series to one stack, or export one acquisition alone."
        )
    return float(np.linalg.norm(beside[-1]))
