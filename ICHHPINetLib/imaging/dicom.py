"""Reads one CT series from DICOM files, or says why they are not one volume.

Slices are sorted by where they lie, and their distances checked: a missing slice would
otherwise shift everything above it without a word. Frames of an enhanced file are slices as any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from ..words import tr as _
from . import acquisition as rules
from . import acquisition_words as sentences
from .ct import FileGeometry
from .dicom_files import Folder, Series, find_series, is_dicom_file, read_series
from .dicom_slices import Slice, read_dataset, read_values
from .dicom_stack import Stack, aside_mm, stack

__all__ = ["is_dicom_file", "read_dicom_file", "read_dicom_files", "read_dicom_folder"]

# In HU: denser than this is no air around a head.
_AIR_HU = -300.0


def read_dicom_folder(folder: Path, uid: str | None = None) -> tuple[FileGeometry, list[str]]:
    """Read the one series of ``folder``, or the one of ``uid``; sub-folders count where it holds no images.

    Returns
    -------
    The series as one volume in HU, slices ascending along their normal, and warnings.

    Raises
    ------
    InputFileError
        For no series, several series without ``uid``, another modality, damaged files, slices without
        place or pixel size, and slices that differ in size or orientation, lie on the same spot or are
        missing.
    MissingPackageError
        Without pydicom.
    """
    found = find_series(folder, uid)
    if not found.series:
        raise InputFileError(_no_series(folder, found))
    if uid is not None and uid not in found.series:
        raise InputFileError(
            _("There is no series {uid} in '{folder}'. There are: {series}.").format(
                uid=uid, folder=folder, series=", ".join(found.series)
            )
        )
    if uid is None and len(found.series) > 1:
        raise InputFileError(_several_series(folder, found.series))
    series = found.series[uid] if uid is not None else next(iter(found.series.values()))
    notes = []
    if found.skipped:
        notes.append(
            _("Left out, because they are not regular files: {names}.").format(
                names=", ".join(sorted(found.skipped)[:5])
            )
        )
    return _volume(folder, series, notes)


def read_dicom_file(path: Path) -> tuple[FileGeometry, list[str]]:
    """Read a multi-frame file; returns and raises as ``read_dicom_folder`` does."""
    return _volume(path, read_series(path), [])


def read_dicom_files(paths: Sequence[Path]) -> tuple[FileGeometry, list[str]]:
    """Read the slices of one series, wherever each lies; returns and raises as ``read_dicom_folder`` does."""
    headers = [header for path in paths for header in read_series(path).headers]
    return _volume(paths[0].parent, Series(headers), [])


def _volume(place: Path, series: Series, notes: list[str]) -> tuple[FileGeometry, list[str]]:
    slices = series.slices()
    notes += rules.doubts_about_modality(slices[0].modality, place)
    slices, copies = _without_copies(slices)
    if copies:
        notes.append(
            _("Copies of slices were left out: {names}.").format(
                names=", ".join(one.name for one in copies[:5])
            )
        )
    if len(slices) < 2:
        if place.is_dir():
            raise InputFileError(sentences.single_slice_series(place=place))
        raise InputFileError(sentences.one_of_series(path=place, folder=place.parent))
    for one in slices:
        rules.check_spacing((1.0, *one.spacing))
    stacked = stack(place, slices)
    rules.check_spacing((stacked.step, 1.0, 1.0))
    slices = stacked.slices
    aside = aside_mm(place, slices)
    values, more = _values(slices)
    first = slices[0]
    image = sitk.GetImageFromArray(np.repeat(values, stacked.repeats, axis=0))
    image.SetOrigin((first.origin + stacked.start * first.direction[:, 2]).tolist())
    image.SetDirection(first.direction.ravel().tolist())
    image.SetSpacing((*first.spacing, stacked.step))
    notes += more + _block_note(stacked)
    height = float((slices[-1].origin - first.origin) @ first.direction[:, 2])
    degrees = float(np.degrees(np.arctan2(aside, height)))
    words = [f"{count} x {step:.3g} mm" for count, step in stacked.blocks if len(stacked.blocks) > 1]
    words += [f"{gap:.3g} mm where they meet" for gap in stacked.gaps]
    if degrees < 1.0:
        aside = 0.0
    else:
        words.append(f"gantry {degrees:.3g}°")
        notes.append(sentences.tilted(degrees=degrees, aside=aside))
    geometry = FileGeometry(image, aside, tuple(stacked.repeats), ", ".join(words), tuple(slices))
    return geometry, notes


def _block_note(stacked: Stack) -> list[str]:
    if len(stacked.blocks) == 1:
        return []
    parts = _(", then ").join(
        _("{count} slices of {step:.3g} mm").format(count=count, step=step) for count, step in stacked.blocks
    )
    gaps = _(" and ").join(f"{gap:.3g}" for gap in stacked.gaps)
    return [sentences.blocks(blocks=parts, gaps=gaps, plane=stacked.step)]


def _without_copies(slices: Sequence[Slice]) -> tuple[list[Slice], list[Slice]]:
    """Slices, and those that are copies: of the same identifier, place and pixels."""
    kept: dict[tuple, Slice] = {}
    copies: list[Slice] = []
    others: list[Slice] = []
    for one in slices:
        if not one.uid or one.frame is not None:
            others.append(one)
            continue
        key = (one.uid, one.size, *one.origin.tolist())
        if key not in kept:
            kept[key] = one
        else:
            same = _digest(kept[key].path) == _digest(one.path)
            (copies if same else others).append(one)
    return [*kept.values(), *others], copies


def _digest(path: Path) -> bytes:
    return hashlib.sha256(read_dataset(path, pixels=True).get("PixelData") or b"").digest()


def _values(slices: Sequence[Slice]) -> tuple[np.ndarray, list[str]]:
    """HU (slices, rows, columns), int16 where that holds them and else float32, and what was assumed."""
    columns, rows = slices[0].size
    hu = np.empty((len(slices), rows, columns), np.float32)
    # Values from white to black: as their sum less themselves.
    sums = np.zeros(len(slices), np.float32)
    places = {id(one): index for index, one in enumerate(slices)}
    ordered = sorted(slices, key=lambda one: (str(one.path), one.frame or 0))
    for one, (values, total) in zip(ordered, read_values(ordered), strict=True):
        hu[places[id(one)]], sums[places[id(one)]] = values, total
    notes = _turn_around(slices, hu, sums) if any(one.inverted for one in slices) else []
    low, high = float(hu.min()), float(hu.max())
    if low >= -32768 and high <= 32767 and all(np.array_equal(plane, np.rint(plane)) for plane in hu):
        return hu.astype(np.int16), notes
    return hu, notes


def _turn_around(slices: Sequence[Slice], hu: np.ndarray, sums: np.ndarray) -> list[str]:
    """Undo MONOCHROME1 in place where air is the densest; most CTs only ask to be shown so."""
    chosen = np.array([one.inverted for one in slices])
    edges = np.concatenate([hu[chosen, 0], hu[chosen, -1]], axis=1)
    turned = sums[chosen, np.newaxis] - edges
    if np.median(edges) < _AIR_HU:
        return [
            _("The series asks to be shown with air in white (MONOCHROME1); its values are HU as they are.")
        ]
    if np.median(turned) < _AIR_HU:
        hu[chosen] = sums[chosen, np.newaxis, np.newaxis] - hu[chosen]
        return [_("The series has its values from white to black (MONOCHROME1); they were turned around.")]
    doubt = _(
        "The series is stored with air in white (MONOCHROME1), and neither its values nor the "
        "opposite ones look like HU of a head. Check them, or load the original series."
    )
    return [doubt]


def _no_series(folder: Path, found: Folder) -> str:
    if found.archives:
        return _(
            "'{folder}' holds an archive, '{archive}', and no DICOM images. Unpack it, and name "
            "the folder with the CT's slices."
        ).format(folder=folder, archive=found.archives[0])
    return _(
        "No DICOM image series was found in '{folder}'. Name the folder that holds the CT's "
        "slices, or an NRRD, NIfTI or MHA file."
    ).format(folder=folder)


def _several_series(folder: Path, series: dict[str, Series]) -> str:
    lines = [f"  {one.describe()}, UID {uid}" for uid, one in series.items()]
    listed = "\n".join(lines)
    return _(
        "'{folder}' holds {count} series, but one CT is needed:\n{listed}\nChoose one by its UID "
        "(segment --series), or copy its slices to a folder of their own."
    ).format(folder=folder, count=len(series), listed=listed)
