"""What the panel exports of a finished CT, made of the scene: a page of PDF, and DICOM objects."""

from dataclasses import replace
from pathlib import Path

import slicer
from ICHHPINetLib.dicom_export.files import write_objects
from ICHHPINetLib.dicom_export.sc import make_sc
from ICHHPINetLib.dicom_export.seg import make_seg, rounding_notes
from ICHHPINetLib.dicom_export.source import read_source
from ICHHPINetLib.dicom_export.sr import make_sr
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.imaging.as_loaded import on_series
from ICHHPINetLib.imaging.ct_files import read_ct_of_files
from ICHHPINetLib.imaging.output_files import write_bytes
from ICHHPINetLib.measurement import measure
from ICHHPINetLib.measurement.finding import Finding
from ICHHPINetLib.reporting.key_image import key_image_of
from ICHHPINetLib.reporting.report_page import ListedRound, Report, report_pdf
from ICHHPINetLib.scene.finished import finished
from ICHHPINetLib.scene.origin import instance_uids
from ICHHPINetLib.weights.loading import checksum
from slicer.i18n import tr as _

_COLUMNS = ("Round", "Volume (mL)", "ABC/2 (mL)", "Scribbled slices", "Time (s)", "Device")
_SAME_ML = 0.05


def writePdf(logic, path):
    """Write the page about the CT of ``logic`` into the file ``path``.

    :return: notes, none
    :raises ICHHPINetError: if there is no result, matplotlib is missing, or the file cannot be written
    """
    done = finished(logic.scene)
    listed = [ListedRound(*(row[name] for name in _COLUMNS)) for row in done.rows]
    last = logic.controller.last
    warnings = [*done.ct.warnings, *(last.notes if last else ())]
    if done.is_edited:
        warnings.append(_("Edited by hand after the last round: numbers and pictures are of the edited one."))
    finding = _finding(logic, done)
    page = Report(done.ct, finding, listed, logic.controller.doubt, done.when, warnings)
    write_bytes(path, report_pdf(page))
    return []


def writeDicom(logic, seg, sr, sc):
    """Write segmentation, report and key image of the CT of ``logic`` into three files, all or none.

    :return: notes on where a PACS may show or count something else
    :raises ICHHPINetError: if there is no result, the CT is not from DICOM, its files are gone or others
        than the volume, a package is missing, or a file cannot be written
    """
    done = finished(logic.scene)
    series = read_ct_of_files(seriesFiles(logic.scene.ct), done.ct.name)
    mask = on_series(done.mask, done.ct.hu, series)
    if mask is None:
        raise InputFileError(
            _(
                "'{name}' is not, voxel by voxel, the DICOM series that it was loaded from: it was cropped, "
                "resampled or changed. Segment the volume as it was loaded, then export."
            ).format(name=done.ct.name)
        )
    shown = _finding(logic, done)
    numbers = measure(mask, series.spacing, series.hu)
    notes = []
    if abs(numbers.volume_ml - shown.numbers.volume_ml) > _SAME_ML:
        notes.append(
            _(
                "The DICOM objects say {dicom:.1f} mL, by the thickness of each slice; Slicer takes all "
                "slices for equally thick, and the panel says {shown:.1f} mL."
            ).format(dicom=numbers.volume_ml, shown=shown.numbers.volume_ml)
        )
        shown = replace(shown, interval_ml=None)
    finding = replace(shown, mask=mask, numbers=numbers)
    source = read_source(series)
    segmentation = make_seg(series, finding, source)
    index, picture = key_image_of(series, finding)
    write_objects(
        {
            Path(seg): segmentation,
            Path(sr): make_sr(finding, source, segmentation),
            Path(sc): make_sc(picture, index, series, finding, source),
        }
    )
    return [*notes, *rounding_notes(series, finding, source)]


def seriesFiles(ct):
    """Paths of the slices that ``ct`` was loaded from, as Slicer's DICOM database has them.

    :raises InputFileError: if it is not from DICOM, or a slice is gone
    """
    uids = instance_uids(ct)
    if not uids:
        text = _("'{name}' was not loaded from DICOM: there is no series that DICOM objects could belong to.")
        raise InputFileError(text.format(name=ct.GetName()))
    database = getattr(slicer, "dicomDatabase", None)
    paths = [database.fileForInstance(uid) if database is not None else "" for uid in uids]
    missing = [uid for uid, path in zip(uids, paths, strict=True) if not path or not Path(path).is_file()]
    if missing:
        raise InputFileError(
            _(
                "{count} of the {all} slices of '{name}' are not in Slicer's DICOM database any more, or "
                "their files are gone (the first: {uid}). Import the series again with the module DICOM, "
                "then export."
            ).format(count=len(missing), all=len(uids), name=ct.GetName(), uid=missing[0])
        )
    return [Path(path) for path in paths]


def _finding(logic, done):
    numbers = measure(done.mask, done.ct.spacing, done.ct.hu)
    model = done.rows[-1]["Model"] if done.rows else ""
    sha256 = checksum(model, logic.getParameterNode().weights)
    return Finding(done.mask, numbers, len(done.rows), done.interval_ml, done.is_guess, model, sha256)
