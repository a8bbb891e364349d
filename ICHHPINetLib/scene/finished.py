"""The finished CT of a saved scene, as arrays that outlive the scene."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from ..imaging.ct import CT, FileGeometry
from ..words import tr as _
from .adapter import SceneAdapter
from .archive import load_mrb
from .geometry import CTGeometry
from .headless import headless_scene
from .origin import acquired


def read_finished(path: str | os.PathLike) -> tuple[CT, np.ndarray, str]:
    """The one CT with a hematoma in a scene (``.mrb``), its mask uint8 (Z, Y, X), and when it was taken.

    The last as :func:`.origin.acquired` says it. Raises InputFileError where the scene cannot be read, or
    holds no hematoma or those of several CTs.
    """
    path = Path(path)
    with headless_scene() as scene:
        found = []
        for node in load_mrb(scene, path):
            adapter = SceneAdapter(scene, node)
            mask = adapter.read_mask() if adapter.has_result() else None
            if mask is not None:
                found.append((adapter, node, mask))
        if not found:
            raise InputFileError(
                _("The scene '{path}' holds no hematoma of a CT. Finish it in Slicer first.").format(
                    path=path
                )
            )
        if len(found) > 1:
            names = ", ".join(node.GetName() for _adapter, node, _mask in found)
            raise InputFileError(
                _(
                    "The scene '{path}' holds hematomas of several CTs: {names}. Export the two "
                    "masks, and name those."
                ).format(path=path, names=names)
            )
        ((adapter, node, mask),) = found
        hu, spacing = adapter.read_ct()
        geometry = FileGeometry(_image(adapter.geometry(), hu.dtype))
        return CT.of_array(hu, spacing, geometry, name=node.GetName()), mask, acquired(scene, node)


def _image(geometry: CTGeometry, dtype: np.dtype) -> sitk.Image:
    """An empty image in the place of a CT node, in the node's order; ITK's world is LPS."""
    image = sitk.GetImageFromArray(np.zeros(geometry.stored_shape, dtype))
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.ijk_to_world
    steps = np.linalg.norm(matrix[:3, :3], axis=0)
    image.SetSpacing(steps.tolist())
    image.SetDirection((matrix[:3, :3] / steps).ravel().tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    return image
