"""CT and result files: NRRD, NIfTI, MetaImage and DICOM, through SimpleITK.

Arrays keep the order in which the file stores them; the SimpleITK image beside them
carries the geometry, so that results land on exactly the same voxels.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError, OutputError
from .dicom import check_frames, is_dicom_file, read_dicom_folder
from .integrity import FORMATS
from .label_files import is_segmentation
from .open_image import check_perpendicular, doubts_about_size, nifti_doubts, open_image
from .output_files import check_writable, whole_file
from .scribble_files import read_scribbles
from .segment_kinds import ALGORITHM, HEMATOMA
from .validation import check_volume

__all__ = [
    "CTImage",
    "check_writable",
    "read_ct",
    "read_image",
    "read_scribbles",
    "write_labelmap",
    "write_segmentation",
]

_CT_ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
# Of one file each: the data of a header's second file would be lost when it is renamed.
_LABELMAP_ENDINGS = (".nrrd", ".nii", ".nii.gz", ".mha")


@dataclass(frozen=True)
class CTImage:
    """A CT as it lies in its file.

    ``array`` is (Z, Y, X) in stored order, ``spacing`` mm (z, y, x), ``image`` the
    SimpleITK image with the full geometry, ``name`` a short name for people and
    ``warnings`` what was odd about the file but could be worked with. ``sheared_mm`` is how far
    the last slice lies beside the place that ``image`` gives it, after a tilt of the gantry.
    """

    array: np.ndarray
    spacing: tuple[float, float, float]
    image: sitk.Image
    name: str
    warnings: list[str] = field(default_factory=list)
    sheared_mm: float = 0.0

    @property
    def direction(self) -> np.ndarray:
        """3 x 3, in its columns the LPS directions of the index axes i, j, k."""
        return np.array(self.image.GetDirection()).reshape(3, 3)


def read_ct(path: str | os.PathLike, series: str | None = None) -> CTImage:
    """Read a CT from an NRRD, NIfTI or MetaImage file, a DICOM folder or a multi-frame DICOM file.

    ``series`` is the UID of the series to read where the folder holds several.

    Raises
    ------
    InputFileError
        If the path does not exist, cannot be read, holds several series, lacks slices
        or is a color picture or a time series.
    InvalidVolumeError
        If what was read is no CT volume (see ``check_volume``).
    """
    path = Path(path)
    if not path.exists():
        raise InputFileError(f"'{path}' does not exist. Name a CT: {FORMATS}.")
    sheared_mm = 0.0
    if path.is_dir():
        volume = read_dicom_folder(path, series)
        image, warnings, sheared_mm = volume.image, volume.warnings, volume.sheared_mm
    elif series:
        raise InputFileError(f"'{path}' is a file; a series is chosen from a DICOM folder.")
    else:
        image, warnings = _read_file(path)
    array = sitk.GetArrayFromImage(image)
    x, y, z = image.GetSpacing()
    spacing = (z, y, x)
    warnings += check_volume(array, spacing)
    return CTImage(array, spacing, image, _short_name(path), warnings, sheared_mm)


def _read_file(path: Path) -> tuple[sitk.Image, list[str]]:
    image, is_dicom = read_image(path), is_dicom_file(path)
    if not is_dicom and not path.name.lower().endswith(_CT_ENDINGS):
        raise InputFileError(f"The format of '{path}' says too little of its voxels. Name a CT: {FORMATS}.")
    check_perpendicular(image, path)
    if image.GetDimension() == 2 or image.GetSize()[2] < 2:
        raise InputFileError(_single_slice(path))
    if is_dicom:
        return image, check_frames(path, image)
    return image, [*nifti_doubts(path, image), *doubts_about_size(image)]


def read_image(path: str | os.PathLike) -> sitk.Image:
    """Read a file of one gray value a voxel, in two or three dimensions.

    Raises InputFileError, which names the file, for everything else.
    """
    image = open_image(path)
    if is_segmentation(image):
        raise InputFileError(f"'{path}' is a segmentation, not a CT. Name the CT on which it was drawn.")
    values = image.GetNumberOfComponentsPerPixel()
    if values > 1:
        raise InputFileError(
            f"'{path}' has {values} values a voxel, as a color (RGB) picture has. "
            "Load the original gray-value CT series."
        )
    if image.GetDimension() > 3:
        raise InputFileError(
            f"'{path}' has {image.GetDimension()} dimensions ({_size(image)}), as a time series has. "
            "Save one time point as a file of its own and load that."
        )
    return image


def write_segmentation(path: str | os.PathLike, mask: np.ndarray, ct: CTImage, flagged: bool = False) -> None:
    """Write a mask as a segmentation that 3D Slicer opens: one segment "Hematoma", coded and colored.

    ``mask`` is (Z, Y, X) on the CT's stored grid, bleed wherever it is not 0; ``path``
    ends with .seg.nrrd. Where ``flagged``, a mask that nobody has looked at, Slicer shows the
    segment as flagged and DICOM calls it automatic; otherwise as in progress and
    semi-automatic. The file is written whole or not at all. Raises OutputError.
    """
    path = Path(path)
    if not path.name.lower().endswith(".seg.nrrd"):
        raise OutputError(f"A segmentation cannot be written as '{path.name}'. End its name with .seg.nrrd.")
    image = _labels((np.asarray(mask) != 0).astype(np.uint8), ct)
    geometry = _reference_geometry(ct.image)
    tags = {
        "TerminologyEntry": HEMATOMA.terminology,
        "Segmentation.Status": "flagged" if flagged else "inprogress",
        "DICOM.SegmentAlgorithmType": "AUTOMATIC" if flagged else "SEMIAUTOMATIC",
        "DICOM.SegmentAlgorithmName": ALGORITHM,
    }
    extent = " ".join(f"0 {size - 1}" for size in image.GetSize())
    header = {
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_ConversionParameters": f"Reference image geometry|{geometry}|Geometry of the CT&",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
        "Segment0_ID": HEMATOMA.name,
        "Segment0_Name": HEMATOMA.name,
        "Segment0_NameAutoGenerated": "0",
        "Segment0_Color": " ".join(f"{part:.6f}" for part in HEMATOMA.color),
        "Segment0_ColorAutoGenerated": "0",
        "Segment0_Extent": extent,
        "Segment0_LabelValue": "1",
        "Segment0_Layer": "0",
        "Segment0_Tags": "".join(f"{name}:{value}|" for name, value in tags.items()),
    }
    for key, value in header.items():
        image.SetMetaData(key, value)
    _write(path, image)


def write_labelmap(path: str | os.PathLike, mask: np.ndarray, ct: CTImage) -> None:
    """Write integer labels 0..255 (Z, Y, X) on the CT's stored grid as NRRD, NIfTI or MetaImage.

    The ending of ``path`` chooses the format; the file is written whole or not at all.
    Raises OutputError.
    """
    path = Path(path)
    if not path.name.lower().endswith(_LABELMAP_ENDINGS):
        raise OutputError(
            f"A label map cannot be written as '{path.name}'. "
            f"End its name with one of {', '.join(_LABELMAP_ENDINGS)}."
        )
    _write(path, _labels(np.asarray(mask).astype(np.uint8), ct))


def _labels(labels: np.ndarray, ct: CTImage) -> sitk.Image:
    if labels.shape != ct.image.GetSize()[::-1]:
        raise OutputError(
            f"The mask {labels.shape} is not on the CT's grid {ct.image.GetSize()[::-1]}; "
            "bring it back to the stored order first."
        )
    image = sitk.GetImageFromArray(np.ascontiguousarray(labels))
    image.CopyInformation(ct.image)
    return image


def _reference_geometry(image: sitk.Image) -> str:
    """Voxel-to-world matrix (RAS, by rows) and extent, as Slicer serializes a geometry."""
    to_ras = np.diag([-1.0, -1.0, 1.0])
    matrix = np.eye(4)
    matrix[:3, :3] = to_ras @ np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    matrix[:3, 3] = to_ras @ image.GetOrigin()
    extent = [bound for size in image.GetSize() for bound in (0, size - 1)]
    return "".join(f"{value!r};" for value in [*matrix.ravel().tolist(), *extent])


def _write(path: Path, image: sitk.Image) -> None:
    with whole_file(path) as temporary:
        sitk.WriteImage(image, str(temporary), useCompression=True)


def _single_slice(path: Path) -> str:
    if is_dicom_file(path):
        return f"'{path}' is one slice of a DICOM series. Name its folder, '{path.parent}', to load them all."
    return f"'{path}' holds a single 2D slice, but a volume is needed. Load the whole series."


def _short_name(path: Path) -> str:
    name = path.resolve().name
    if path.is_dir():
        return name
    for ending in (*_CT_ENDINGS, ".dcm"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _size(image: sitk.Image) -> str:
    return " x ".join(str(size) for size in image.GetSize())
