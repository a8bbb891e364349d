"""Grow from seeds, as 3D Slicer offers it."""

from __future__ import annotations

import numpy as np

from ...errors import MissingPackageError
from ...imaging.ct import CT
from ..scribbled_session import ScribbledSession

try:
    from slicer import vtkImageGrowCutSegment
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
except ImportError as error:
    raise MissingPackageError(
        "The growcut baseline runs 3D Slicer's own filter, which was not found. "
        "Install it with `pip install slicer-core`, or run inside 3D Slicer."
    ) from error

# Beyond the brain window an intensity step says bone or air, however high it is.
_WINDOW_HU = (-20.0, 120.0)
_FOREGROUND, _BACKGROUND = 1, 2


class GrowCutSession(ScribbledSession):
    """``vtkImageGrowCutSegment`` on the head crop, without distance penalty (Slicer's default)."""

    name = "growcut"
    needs_background = True

    def __init__(self, ct: CT) -> None:
        super().__init__(ct)
        self._intensity = self._image(np.rint(np.clip(self._hu, *_WINDOW_HU)).astype(np.int16))

    def _segment(self, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
        seeds = np.where(foreground, _FOREGROUND, np.where(background, _BACKGROUND, 0)).astype(np.uint8)
        # A new filter each round: an old one keeps what an overruled scribble had grown.
        grow_cut = vtkImageGrowCutSegment()
        grow_cut.SetIntensityVolume(self._intensity)
        grow_cut.SetSeedLabelVolume(self._image(seeds))
        grow_cut.Update()
        labels = vtk_to_numpy(grow_cut.GetOutput().GetPointData().GetScalars())
        return labels.reshape(foreground.shape) == _FOREGROUND

    def _image(self, array: np.ndarray) -> vtkImageData:
        image = vtkImageData()
        image.SetDimensions(*array.shape[::-1])
        image.SetSpacing(*self._spacing[::-1])
        image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(), deep=True))
        return image
