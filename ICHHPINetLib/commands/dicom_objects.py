"""Results of ``ichhpinet segment`` for a PACS: options, checks before the work, writing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OutputError
from .output_checks import check_suffix

if TYPE_CHECKING:
    from ..dicom_export.source import Source
    from ..imaging.ct import CT
    from .rounds import FinishedRound

# Option, what it writes, and the words of its help.
_OPTIONS = (
    ("dicom_seg", "A DICOM segmentation", "a DICOM segmentation on the slices of the CT's series"),
    ("dicom_sr", "A DICOM report", "the numbers as a DICOM report (TID 1500); needs --dicom-seg"),
    ("dicom_sc", "A key image", "a DICOM picture of the slice with most blood, for a PACS without SEG"),
)


def add_dicom_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of all objects."""
    for name, _, words in _OPTIONS:
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, metavar="FILE", type=Path, help=f"also write {words} (.dcm)")


def dicom_paths(arguments: argparse.Namespace) -> list[Path | None]:
    """Where to write segmentation, report and key image; None for what is not asked for."""
    return [getattr(arguments, name) for name, *_ in _OPTIONS]


def check_dicom(arguments: argparse.Namespace) -> None:
    """ICHHPINetError for options that do not go together, wrong names and missing packages."""
    given = [
        (path, what) for path, (_, what, _) in zip(dicom_paths(arguments), _OPTIONS, strict=True) if path
    ]
    for path, what in given:
        check_suffix(path, (".dcm",), what)
    if arguments.dicom_sr and not arguments.dicom_seg:
        raise OutputError(
            "A DICOM report refers to the DICOM segmentation that it describes. Name a file for that as "
            "well, with --dicom-seg."
        )
    if given:
        from ..dicom_export.source import require_highdicom

        require_highdicom(given[0][1])
    if arguments.dicom_sc:
        from ..reporting.drawing import require_matplotlib

        require_matplotlib()


class DicomObjects:
    """The objects that ``arguments`` ask for, of the series of ``ct``; InputFileError where it has none."""

    def __init__(self, arguments: argparse.Namespace, ct: CT) -> None:
        self._ct = ct
        self._seg, self._sr, self._sc = dicom_paths(arguments)
        self._source: Source | None = None
        if any(dicom_paths(arguments)):
            from ..dicom_export.source import read_source

            # Before the work: it may be lost to a series that nothing can refer to.
            self._source = read_source(ct)
            slices = {one.path.resolve() for one in self._source.slices}
            for path in filter(None, dicom_paths(arguments)):
                if path.resolve() in slices:
                    raise OutputError(f"'{path}' is a slice of the CT. Choose another name for the output.")

    def write(self, network: Any, rounds: Sequence[FinishedRound]) -> list[str]:
        """Write all or none, and say in words what is special about them. Raises OutputError."""
        if self._source is None:
            return []
        from ..dicom_export.files import write_objects
        from ..dicom_export.finding import Finding
        from ..dicom_export.seg import make_seg
        from ..dicom_export.sr import make_sr

        last = rounds[-1]
        interval = None if last.result.doubt is None else last.result.doubt.interval_ml
        finding = Finding(
            last.result.mask,
            last.measurement,
            len(rounds),
            interval,
            last.is_guess,
            network.name,
            network.sha256,
        )
        objects = {}
        if self._seg:
            objects[self._seg] = make_seg(self._ct, finding, self._source)
            if self._sr:
                objects[self._sr] = make_sr(finding, self._source, objects[self._seg])
        if self._sc:
            objects[self._sc] = self._key_image(finding)
        write_objects(objects)
        return self._rounding(finding) if self._seg else []

    def _key_image(self, finding: Any) -> Any:
        from ..dicom_export.sc import make_sc
        from ..reporting.key_image import key_image, slice_with_most

        index = slice_with_most(finding.mask)
        what = "First guess, not checked" if finding.is_guess else "Hematoma"
        likely = (
            "" if finding.interval_ml is None else " (likely {:.1f} to {:.1f})".format(*finding.interval_ml)
        )
        caption = f"{what}: {finding.numbers.volume_ml:.1f} mL{likely}"
        if not finding.numbers.volume_ml:
            # "0.0 mL" would read as an all-clear.
            caption = f"{what}: nothing marked, which does not mean no bleed"
        spacing = self._ct.spacing[1:]
        picture = key_image(self._ct.hu[index], finding.mask[index], spacing, caption)
        return make_sc(picture, index, self._ct, finding, self._source)

    def _rounding(self, finding: Any) -> list[str]:
        """Notes where a PACS may count another volume, of whole slices or of slices of one thickness."""
        notes = []
        if set(self._source.repeats) != {1}:
            notes.append(
                "Programs that know one slice distance alone show the DICOM segmentation of this series in "
                "the wrong place and count wrong volumes. Those in the report and the key image are right."
            )
        masks = self._source.masks(self._ct, finding.mask)
        planes = np.count_nonzero(np.repeat(masks, self._source.repeats, axis=0))
        volume = planes * float(np.prod(self._ct.spacing)) / 1000.0
        if f"{volume:.1f}" == f"{finding.numbers.volume_ml:.1f}":
            return notes
        notes.append(
            f"The DICOM segmentation marks whole slices, as they were acquired: {volume:.1f} mL, where the "
            f"other results have {finding.numbers.volume_ml:.1f} mL."
        )
        return notes
