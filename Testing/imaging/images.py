"""Small CTs and DICOM series for the tests of reading and writing."""

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.imaging.ct import CT, FileGeometry


def ct_image(shape=(6, 20, 24), spacing=(5.0, 0.5, 0.5), angle=0.0, origin=(-10.0, -20.0, 30.0)):
    """A SimpleITK CT of noise, turned about the z and x axes by ``angle`` degrees."""
    volume = np.random.default_rng(0).normal(35, 200, shape).astype(np.int16)
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing(spacing[::-1])
    image.SetOrigin(origin)
    turn = np.radians(angle)
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    image.SetDirection((about_z @ about_x).ravel().tolist())
    return image


def as_ct(image):
    return CT.of_array(sitk.GetArrayFromImage(image), image.GetSpacing()[::-1], FileGeometry(image))


def write_series(
    folder, image, uid="1.2.3.4", description="Head 5 mm", skip=(), shear_mm=0.0, prefix="slice", change=None
):
    """Write each axial slice of ``image`` as a DICOM file; ``skip`` leaves some out.

    ``change`` gets the number, the image and the tags of each slice before it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    orientation = "\\".join(f"{value:.8f}" for value in [*direction[:, 0], *direction[:, 1]])
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for index in range(image.GetDepth()):
        if index in skip:
            continue
        one = image[:, :, index]
        origin = np.array(image.TransformIndexToPhysicalPoint((0, 0, index)))
        origin = origin + index * shear_mm * direction[:, 1]
        tags = {
            "0008|0060": "CT",
            "0008|103e": description,
            "0020|000e": uid,
            "0020|000d": "1.2.3",
            "0008|0018": f"{uid}.{index + 1}",
            "0020|0013": str(index + 1),
            "0020|0032": "\\".join(f"{value:.8f}" for value in origin),
            "0020|0037": orientation,
            "0018|0050": str(image.GetSpacing()[2]),
            "0028|1052": "0",
            "0028|1053": "1",
        }
        if change is not None:
            change(index, one, tags)
        for tag, value in tags.items():
            one.SetMetaData(tag, value)
        # File names in another order than the slices.
        writer.SetFileName(str(folder / f"{prefix}_{(index * 7) % 31:03d}.dcm"))
        writer.Execute(one)


def require_slicer():
    """Slicer's data classes and VTK, or the test is skipped."""
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
    if not hasattr(slicer, "vtkMRMLSegmentationNode"):
        pytest.skip("slicer-core is not installed")
    import vtk
    import vtk.util.numpy_support

    return slicer, vtk
