"""VTK and Slicer's classes, or one clear error where they are missing."""

from __future__ import annotations

from ..errors import MissingPackageError
from ..words import speak
from ..words import tr as _

try:
    import slicer
    import vtk
    from vtk.util import numpy_support

    # An empty folder named "slicer" in the search path imports without an error.
    slicer.vtkMRMLScene  # noqa: B018
except (ImportError, AttributeError) as error:
    raise MissingPackageError(
        _(
            "Slicer scenes need Slicer's data classes, which this Python lacks. "
            "Run inside 3D Slicer, or install them with: pip install slicer-core"
        )
    ) from error

try:
    from slicer.i18n import translate
except ImportError:
    # Of the application alone.
    translate = None
speak(translate)

__all__ = ["numpy_support", "slicer", "vtk"]
