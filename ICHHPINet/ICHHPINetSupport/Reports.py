"""Between the scene and files for others: a page of PDF, DICOM objects, and masks to go on from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import slicer
from ICHHPINetLib.dicom_export.files import write_objects
from ICHHPINetLib.dicom_export.sc import make_sc
from ICHHPINetLib.dicom_export.seg import make_seg, rounding_notes
from ICHHPINetLib.dicom_export.source import read_source
from ICHHPINetLib.dicom_export.sr import make_sr
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.imaging.as_loaded import as_loaded, on_series
from ICHHPINetLib.imaging.ct import CT
from ICHHPINetLib.imaging.ct_files import read_ct_of_files
from ICHHPINetLib.imaging.dicom_seg import is_dicom
from ICHHPINetLib.imaging.mask_files import read_start
from ICHHPINetLib.imaging.output_files import write_bytes
from ICHHPINetLib.measurement import measure
from ICHHPINetLib.measurement.finding import Finding
from ICHHPINetLib.reporting.key_image import key_image_of
from ICHHPINetLib.reporting.report_page import ListedRound, Report, report_pdf
from ICHHPINetLib.scene.finished import finished, node_geometry
from ICHHPINetLib.scene.origin import identity, instance_uids
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
    series, mask = _onSeries(logic.scene.ct, done.ct.hu, done.mask)
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


def goOnFrom(logic, path):
    """Show the mask of a file as the hematoma of the CT of ``logic``; the next round goes on from it.

    :return: its volume in mL
    :raises ICHHPINetError: if there are rounds already, or the file holds no mask of this CT
    """
    scene = logic.scene
    if scene.rounds():
        raise InputFileError(_("This CT has rounds already. Start over first, then go on from the file."))
    ct, name = CT.of_array(*scene.read_ct()), scene.ct.GetName()
    if is_dicom(Path(path)) and instance_uids(scene.ct):
        # There the places of slices are those of the series, not of Slicer's volume.
        series, _mask = _onSeries(scene.ct, ct.hu, np.zeros(ct.shape, np.uint8))
        mask = as_loaded(read_start(Path(path), series.geometry, name), series)
    else:
        series = identity(slicer.mrmlScene, scene.ct)[2]
        mask = read_start(Path(path), node_geometry(scene.geometry()), name, series)
    log = scene.load_rounds().with_mask(mask)
    scene.write_rounds(log)
    return log.volume_ml(mask)


def _onSeries(ct, hu, mask):
    """The series that the node ``ct`` was loaded from, and on its voxels a ``mask`` that lies on ``hu``."""
    series = read_ct_of_files(seriesFiles(ct), ct.GetName())
    moved = on_series(mask, hu, series)
    if moved is None:
        text = _(
            "'{name}' is not, voxel by voxel, the DICOM series that it was loaded from: it was cropped, "
            "resampled or changed. Use the volume as it was loaded."
        )
        raise InputFileError(text.format(name=ct.GetName()))
    return series, moved


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
