"""Finished CTs of a scene, as arrays that outlive it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import InputFileError
from ..imaging.acquired import acquisition_of, stated
from ..imaging.ct import CT, FileGeometry
from ..measurement import measure
from ..measurement.comparison import Side
from ..words import tr as _
from . import rounds_table, saved_rounds
from .adapter import SceneAdapter
from .archive import load_mrb
from .geometry import CTGeometry
from .headless import headless_scene
from .origin import acquired, identity


@dataclass(frozen=True)
class FinishedCT:
    """A CT with a hematoma.

    Attributes
    ----------
    mask: uint8 (Z, Y, X) on the voxels of ``ct``.
    when: it was taken, as :func:`.origin.acquired` says it.
    patient, born, series: identifiers from DICOM, empty where there are none.
    interval_ml: between which volumes the true one is expected; None where nobody knows.
    is_guess: whether no scribble is behind the mask, and no edit by hand.
    is_edited: whether it was changed by hand since the last round.
    rows: of the table of rounds, see :data:`.rounds_table.COLUMNS`.
    """

    ct: CT
    mask: np.ndarray
    when: str
    patient: str
    born: str
    series: str
    interval_ml: tuple[float, float] | None
    is_guess: bool
    is_edited: bool
    rows: list[dict[str, Any]]

    def as_side(self, name: str) -> Side:
        """One side of a comparison."""
        known = acquisition_of(self.ct)
        if self.when:
            digits = self.when.replace("-", "").replace(" ", "").replace(":", "")
            known = stated(known, lambda word: digits if word == "AcquisitionDateTime" else "")
        known = replace(known, patient=self.patient, born=self.born, series=self.series)
        numbers = measure(self.mask, self.ct.spacing, self.ct.hu)
        return Side(name, numbers, self.interval_ml, known, self.is_guess)


def finished_cts(scene, nodes: Iterable) -> list:
    """Those of the CT nodes ``nodes`` that have a hematoma."""
    adapters = [SceneAdapter(scene, node) for node in nodes]
    return [one.ct for one in adapters if one.has_result() and one.read_mask() is not None]


def finished(adapter: SceneAdapter) -> FinishedCT:
    """What the scene holds of a CT.

    Raises InputFileError where it has no hematoma, InvalidVolumeError where it cannot be a CT.
    """
    log = adapter.load_rounds()
    mask, (hu, spacing), node = adapter.read_mask(), adapter.read_ct(), adapter.ct
    if mask is None:
        raise InputFileError(_("'{name}' has no hematoma yet: refine first.").format(name=node.GetName()))
    ct = CT.of_array(hu, spacing, node_geometry(adapter.geometry()), name=node.GetName())
    rows = adapter.rounds_rows()
    is_edited = bool(log.number) and not np.array_equal(mask, log.finished_mask)
    return FinishedCT(
        ct,
        mask,
        acquired(adapter.scene, node),
        *identity(adapter.scene, node),
        saved_rounds.likely_ml(adapter.node("hematoma"), log.volume_ml(mask)),
        rounds_table.is_guess(rows) and not is_edited,
        is_edited,
        rows,
    )


def read_finished(path: str | os.PathLike) -> FinishedCT:
    """The one CT with a hematoma in a scene (``.mrb``).

    Raises InputFileError where the scene cannot be read, or holds no hematoma or those of several CTs.
    """
    path = Path(path)
    with headless_scene() as scene:
        found = finished_cts(scene, load_mrb(scene, path))
        if not found:
            raise InputFileError(
                _("The scene '{path}' holds no hematoma of a CT. Finish it in Slicer first.").format(
                    path=path
                )
            )
        if len(found) > 1:
            names = ", ".join(node.GetName() for node in found)
            raise InputFileError(
                _(
                    "The scene '{path}' holds hematomas of several CTs: {names}. Export the two "
                    "masks, and name those."
                ).format(path=path, names=names)
            )
        return finished(SceneAdapter(scene, found[0]))


def node_geometry(geometry: CTGeometry) -> FileGeometry:
    """How a CT node lies, as if it were a file in the node's order; ITK's world is LPS."""
    image = sitk.GetImageFromArray(np.zeros(geometry.stored_shape, np.uint8))
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.ijk_to_world
    steps = np.linalg.norm(matrix[:3, :3], axis=0)
    image.SetSpacing(steps.tolist())
    image.SetDirection((matrix[:3, :3] / steps).ravel().tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    return FileGeometry(image)
