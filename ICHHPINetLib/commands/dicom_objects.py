"""Results of ``ichhpinet segment`` for a PACS: options, checks before the work, writing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputError
from .output_checks import check_suffix

if TYPE_CHECKING:
    from ..dicom_export.source import Source
    from ..imaging.ct import CT
    from ..measurement.finding import Finding

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

        require_highdicom(given[0][1], "written")
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

    def write(self, finding: Finding) -> list[str]:
        """Write all or none, and say in words what is special about them. Raises OutputError."""
        if self._source is None:
            return []
        from ..dicom_export.files import write_objects
        from ..dicom_export.sc import make_sc
        from ..dicom_export.seg import make_seg, rounding_notes
        from ..dicom_export.sr import make_sr

        objects = {}
        if self._seg:
            objects[self._seg] = make_seg(self._ct, finding, self._source)
            if self._sr:
                objects[self._sr] = make_sr(finding, self._source, objects[self._seg])
        if self._sc:
            from ..reporting.key_image import key_image_of

            index, picture = key_image_of(self._ct, finding)
            objects[self._sc] = make_sc(picture, index, self._ct, finding, self._source)
        write_objects(objects)
        return rounding_notes(self._ct, finding, self._source) if self._seg else []
