"""One CT of a scene, its strokes, its result and its rounds, as arrays."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ICHHPINetError, InvalidVolumeError
from ..imaging.segment_kinds import BACKGROUND, FOREGROUND, HEMATOMA, SegmentKind
from ..imaging.validation import first_look
from ..interaction.scribbles import Scribbles, settle
from . import rounds_table, saved_state
from ._mrml import slicer
from .geometry import CTGeometry, image_array, image_from_array, read_geometry, read_voxels
from .nodes import SceneNodes
from .origin import check_modality
from .segments import (
    ensure_segment,
    find_segment,
    read_segment,
    segment_image,
    segment_voxels,
    show_status,
    write_segment,
)

if TYPE_CHECKING:
    from ..interaction.round_job import Outcome
    from ..interaction.session import InteractiveSession

_DAMAGED = (
    "What this scene remembers of earlier rounds is damaged and was left out. The work goes on from the "
    "scribbles and the hematoma in the scene: compare them with the CT before you refine."
)


class SceneAdapter:
    """Reads CT and strokes from MRML nodes, writes masks and rounds back.

    All arrays that go in and out are (Z, Y, X) in canonical order (axial slices from
    below to above, see :class:`.CTGeometry`), whatever the order, orientation and parent
    transform of the CT node. Nodes are found again by reference, mark or name, and made
    again where they were deleted. Segments of the user are never touched.

    It is a :class:`~ICHHPINetLib.interaction.scene_port.ScenePort`.

    >>> adapter = SceneAdapter(slicer.mrmlScene, ct_node)
    >>> adapter.ensure_scribbles()                      # the user paints
    >>> session = InteractiveSession(network, *adapter.read_ct())
    >>> adapter.restore_into(session)                   # a saved scene goes on where it stopped
    >>> result = session.refine(adapter.read_scribbles(), accumulate=False)
    >>> adapter.write_result(result, measure(result.mask, adapter.geometry().spacing))

    Parameters
    ----------
    scene: ``vtkMRMLScene``.
    ct: ``vtkMRMLScalarVolumeNode``, or None until one is chosen; may be exchanged at any time.
    """

    def __init__(self, scene, ct=None) -> None:
        self.scene = scene
        self.ct = ct
        self._painted: tuple[Hashable, bool] = (None, False)
        self._seen: tuple[Hashable, Scribbles | None] = (None, None)

    @property
    def _nodes(self) -> SceneNodes:
        return SceneNodes(self.scene, self.ct)

    def node(self, role: str):
        """Node of role "scribbles", "hematoma", "hematomaLabelmap" or "rounds"; None where there is none."""
        return self._nodes.find(role) if self._has_ct() else None

    def show_alone(self) -> None:
        """Hide strokes and results of other CTs."""
        if self._has_ct():
            self._nodes.show_alone()

    # The CT

    def ct_key(self) -> Hashable | None:
        """Identity of the CT, its voxels and its place; None where no CT is there."""
        if not self._has_ct() or self.ct.GetImageData() is None:
            return None
        try:
            place = tuple(np.round(self.geometry().ijk_to_world, 4).ravel().tolist())
        except InvalidVolumeError as error:
            # What is wrong is said by whoever reads the CT.
            place = str(error)
        return self.ct.GetID(), self.ct.GetImageData().GetMTime(), place

    def geometry(self) -> CTGeometry:
        """Grid of the CT as it lies now; see :func:`.read_geometry` for the errors."""
        return read_geometry(self.ct)

    def check_ct(self) -> list[str]:
        """Doubts about CT and saved work; errors are those of ``read_ct`` and of ``check_volume``."""
        check_modality(self.scene, self.ct)
        geometry = self.geometry()
        doubts = first_look(geometry.reorientation.apply(read_voxels(self.ct)), geometry.spacing)
        if saved_state.is_damaged(self.node("hematoma"), self.node("scribbles"), self.ct):
            doubts.append(_DAMAGED)
        return doubts

    def read_ct(self) -> tuple[np.ndarray, tuple[float, float, float]]:
        """HU (Z, Y, X), a copy, and spacing in mm (z, y, x).

        InvalidVolumeError where the series behind it is no CT, and those of ``geometry``.
        """
        geometry = self.geometry()
        check_modality(self.scene, self.ct)
        return geometry.to_canonical(read_voxels(self.ct)), geometry.spacing

    # The strokes

    def ensure_scribbles(self):
        """The node to paint into, with its two segments, made as far as it is missing.

        Returns
        -------
        (segmentation node, ID of the foreground segment, ID of the background segment)
        """
        created = self._nodes.find("scribbles") is None
        node = self._nodes.ensure("scribbles")
        try:
            grid = self.geometry().ijk_to_world
        except InvalidVolumeError:
            # Whoever reads the CT says what is wrong with it.
            grid = None
        foreground, background = (ensure_segment(node, kind, grid) for kind in (FOREGROUND, BACKGROUND))
        segmentation = node.GetSegmentation()
        if segmentation.GetSegmentIndex(foreground) > segmentation.GetSegmentIndex(background):
            segmentation.SetSegmentIndex(foreground, segmentation.GetSegmentIndex(background))
        if created and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetAllSegmentsVisibility3D(False)
        self._nodes.publish()
        return node, foreground, background

    def has_strokes(self) -> bool:
        """Whether anything is painted."""
        node = self.node("scribbles")
        if node is None:
            return False
        segments = self._scribble_segments(node)
        images = [segment_image(node, segment) for segment in segments]
        key = (node.GetID(), *segments, *(image.GetMTime() if image else 0 for image in images))
        if key != self._painted[0]:
            self._painted = key, any(segment_voxels(node, segment)[0].any() for segment in segments)
        return self._painted[1]

    def read_scribbles(self) -> Scribbles:
        """All strokes there are now, of finished rounds and new ones.

        Where both labels meet in a voxel, the one that is new since the strokes were last read wins,
        and foreground where both are new. The loser is erased in the scene too: nothing else tells
        later which of the two came first.

        Raises
        ------
        InvalidScribblesError
            If strokes lie outside the CT, or under a non-linear transform.
        """
        geometry, node = self.geometry(), self.node("scribbles")
        if node is None:
            return Scribbles.empty(geometry.shape)
        drawn = [self._read(node, kind, geometry) for kind in (FOREGROUND, BACKGROUND)]
        strokes = settle(*drawn, since=self._seen_strokes(node))
        for kind, before, now in zip(
            (FOREGROUND, BACKGROUND), drawn, (strokes.foreground, strokes.background), strict=True
        ):
            if not np.array_equal(before, now):
                write_segment(node, find_segment(node, kind), now, geometry.ijk_to_world)
        self._seen = self._strokes_key(node), strokes
        return _reoriented(strokes, geometry.to_canonical)

    def finished_scribbles(self) -> Scribbles:
        """The strokes that the last finished round knew; empty before the first round."""
        geometry, node = self.geometry(), self.node("scribbles")
        strokes = None if node is None else saved_state.load_strokes(node, self.ct)
        if strokes is not None:
            return _reoriented(strokes, geometry.to_canonical)
        return self.read_scribbles() if self.rounds() else Scribbles.empty(geometry.shape)

    def write_scribbles(self, strokes: Scribbles) -> None:
        """Replace the painted strokes, now on the grid of the CT."""
        geometry = self.geometry()
        node, foreground, background = self.ensure_scribbles()
        for segment, mask in ((foreground, strokes.foreground), (background, strokes.background)):
            write_segment(node, segment, geometry.to_stored(mask), geometry.ijk_to_world)
        self._seen = self._strokes_key(node), _reoriented(strokes, geometry.to_stored)

    def clear_strokes(self) -> None:
        """Remove every stroke."""
        node = self.node("scribbles")
        if node is not None:
            for segment in self._scribble_segments(node):
                self._empty(node, segment)
            saved_state.forget_strokes(node)
            self._seen = None, None

    # The result

    def has_result(self) -> bool:
        """Whether the segment of the hematoma is there, empty or not."""
        node = self.node("hematoma")
        return node is not None and find_segment(node, HEMATOMA) is not None

    def read_mask(self) -> np.ndarray | None:
        """The hematoma in the scene, uint8 (Z, Y, X), with edits of the user; None without one."""
        if not self.has_result():
            return None
        geometry = self.geometry()
        mask = self._read(self.node("hematoma"), HEMATOMA, geometry)
        if not mask.any() and not self.rounds():
            return None
        return geometry.to_canonical(mask.astype(np.uint8))

    def edited_ml(self) -> float | None:
        """Volume of a hematoma that is another than that of the label map or of the table's last row."""
        mask, rows = self.read_mask(), self.rounds_rows()
        if mask is None or not rows:
            return None
        geometry = self.geometry()
        voxel_ml, count = float(np.prod(geometry.spacing)) / 1000, np.count_nonzero(mask)
        written = self._written()
        # Tables in files have six digits.
        counted = rows[-1]["Volume (mL)"] / voxel_ml
        edited = abs(count - counted) > 1 + 1e-5 * counted
        if written is not None:
            edited = edited or not np.array_equal(geometry.to_stored(mask) != 0, written)
        return count * voxel_ml if edited else None

    def rounds(self) -> int:
        """Number of rounds that led to the result in the scene."""
        node = self.node("hematoma")
        return 0 if node is None else saved_state.load_round(node)

    def rounds_rows(self) -> list[dict[str, Any]]:
        """The table of rounds, oldest first, see :data:`.rounds_table.COLUMNS`."""
        table = self.node("rounds")
        return [] if table is None else rounds_table.rows(table)

    def show_preview(self, mask: np.ndarray) -> None:
        """Show an unfinished mask (Z, Y, X), without counting it as a round."""
        geometry = self.geometry()
        node = self.node("hematoma")
        if node is None or not saved_state.is_preview(node):
            # Once a round: it is asked for several times a second.
            before = self._read(node, HEMATOMA, geometry)
            saved_state.begin_preview(self._nodes.ensure("hematoma"), self.ct, before)
        self._write_hematoma(geometry.to_stored(mask), geometry)

    def restore_mask(self, mask: np.ndarray) -> None:
        """Show a mask (Z, Y, X) again that a preview has taken the place of."""
        geometry = self.geometry()
        saved_state.end_preview(self._write_hematoma(geometry.to_stored(mask), geometry))

    def drop_preview(self) -> None:
        """Put back what a preview that came with the scene has taken the place of."""
        node = self.node("hematoma")
        if node is None or not saved_state.is_preview(node):
            return
        geometry = self.geometry()
        before = saved_state.before_preview(node, self.ct)
        # The label map is of the last round, without edits by hand.
        before = self._written() if before is None else before
        if before is not None and before.shape == geometry.stored_shape:
            self.restore_mask(geometry.to_canonical(before.astype(np.uint8)))

    def write_round(self, outcome: Outcome) -> None:
        """Write a finished round: :meth:`write_result` with what a controller hands over."""
        self.write_result(outcome.result, outcome.measurement, outcome.strokes)

    def write_result(self, result, measurement, strokes: Scribbles | None = None) -> dict[str, Any]:
        """Write a finished round: segment, label map, row of the table, state for a reload.

        Parameters
        ----------
        result: a ``RoundResult``: mask (Z, Y, X), round, seconds, device, model.
        measurement: a ``Measurement`` of the mask: volume_ml, abc2_ml.
        strokes: all strokes behind the result; those in the scene where left out.

        Returns
        -------
        The new row of the table.
        """
        geometry = self.geometry()
        if strokes is None:
            strokes = self.read_scribbles()
        else:
            # What was drawn in the meantime may be wrong in any way: the round is of what was before.
            with suppress(ICHHPINetError):
                self.read_scribbles()
        before = self.finished_scribbles() if self.rounds() else Scribbles.empty(geometry.shape)
        row = {
            "Round": result.round,
            "Volume (mL)": float(measurement.volume_ml),
            "Change (mL)": float(measurement.volume_ml) - self._last_volume(result.round, geometry),
            "ABC/2 (mL)": float(measurement.abc2_ml),
            "Scribbled slices": _changed_slices(before, strokes),
            "Time (s)": float(result.seconds),
            "Device": str(result.device),
            "Model": str(result.model),
        }
        scribbles = self.ensure_scribbles()[0]
        hematoma = self._write_mask(geometry.to_stored(result.mask), geometry)
        rounds_table.append(self._nodes.ensure("rounds"), row)
        # Last: whatever fails before, the scene still counts the rounds it had.
        saved_state.push_strokes(
            scribbles, self.ct, result.round, _reoriented(strokes, geometry.to_stored)
        )
        saved_state.save_round(hematoma, result.round)
        self._show_status(hematoma)
        self._nodes.publish()
        return row

    def remove_last_round(self, mask: np.ndarray) -> None:
        """Go back to ``mask`` (Z, Y, X), the result of the round before the last.

        The strokes in the scene stay as they are; see :meth:`write_scribbles`.
        """
        geometry, number = self.geometry(), self.rounds()
        hematoma = self._write_mask(geometry.to_stored(mask), geometry)
        saved_state.save_round(hematoma, max(number - 1, 0))
        rounds_table.drop_from(self._nodes.ensure("rounds"), max(number, 1))
        self._show_status(hematoma)
        scribbles = self.node("scribbles")
        if scribbles is not None:
            saved_state.pop_strokes(scribbles)
        self._nodes.publish()

    def clear_rounds(self) -> None:
        """Empty the result, the label map and the table; the strokes stay. No node is made for it."""
        hematoma, labelmap, table = (self.node(role) for role in ("hematoma", "hematomaLabelmap", "rounds"))
        if hematoma is not None:
            saved_state.save_round(hematoma, 0)
            saved_state.end_preview(hematoma)
            segment = find_segment(hematoma, HEMATOMA)
            if segment is not None:
                self._empty(hematoma, segment)
                self._show_status(hematoma)
        if labelmap is not None and labelmap.GetImageData() is not None:
            empty = np.zeros_like(image_array(labelmap.GetImageData()))
            labelmap.SetAndObserveImageData(image_from_array(empty))
        if table is not None:
            rounds_table.drop_from(table, 0)
        if self.node("scribbles") is not None:
            saved_state.forget_strokes(self.node("scribbles"))

    def restore_into(self, session: InteractiveSession) -> int:
        """Bring a session on this CT to the round that the scene stopped at.

        Returns
        -------
        Number of the last finished round; 0, with the session untouched, where there is none.
        """
        number, mask = self.rounds(), self.read_mask()
        if not number or mask is None:
            return 0
        session.restore(mask, self.finished_scribbles(), number)
        return number

    # Inner workings

    def _has_ct(self) -> bool:
        return self.ct is not None and self.ct.GetScene() is not None

    def _scribble_segments(self, node) -> list[str]:
        found = (find_segment(node, kind) for kind in (FOREGROUND, BACKGROUND))
        return [segment for segment in found if segment is not None]

    def _read(self, node, kind: SegmentKind, geometry: CTGeometry) -> np.ndarray:
        segment = None if node is None else find_segment(node, kind)
        if segment is None:
            return np.zeros(geometry.stored_shape, bool)
        return read_segment(node, segment, geometry.ijk_to_world, geometry.stored_shape)

    def _strokes_key(self, node) -> Hashable:
        # The time tells the CT from one of a scene before, which may have had the same names.
        return node.GetID(), self.ct.GetImageData().GetMTime(), self.ct.GetImageData().GetDimensions()

    def _seen_strokes(self, node) -> Scribbles | None:
        """Strokes as they were read or written last, in the order of the CT node."""
        key, strokes = self._seen
        return strokes if key == self._strokes_key(node) else saved_state.load_strokes(node, self.ct)

    def _empty(self, node, segment: str) -> None:
        geometry = self.geometry()
        write_segment(node, segment, np.zeros(geometry.stored_shape, bool), geometry.ijk_to_world)

    def _last_volume(self, number: int, geometry: CTGeometry) -> float:
        earlier = [row for row in self.rounds_rows() if row["Round"] < number]
        if earlier:
            return earlier[-1]["Volume (mL)"]
        # The table was deleted. The segment may show a preview by now, the label map never does.
        written = self._written() if number > 1 else None
        return 0.0 if written is None else float(np.count_nonzero(written) * np.prod(geometry.spacing) / 1000)

    def _written(self) -> np.ndarray | None:
        """The label map, bool (Z, Y, X) in the order of the node; None without one."""
        node = self.node("hematomaLabelmap")
        return None if node is None or node.GetImageData() is None else image_array(node.GetImageData()) != 0

    def _write_mask(self, stored: np.ndarray, geometry: CTGeometry):
        hematoma = self._write_hematoma(stored, geometry)
        saved_state.end_preview(hematoma)
        labelmap = self._nodes.ensure("hematomaLabelmap")
        labelmap.SetAndObserveTransformNodeID(self.ct.GetTransformNodeID())
        labelmap.CopyOrientation(self.ct)
        labelmap.SetAndObserveImageData(image_from_array((stored != 0).astype(np.uint8)))
        self._nodes.publish()
        return hematoma

    def _show_status(self, hematoma) -> None:
        """Flagged while it is a guess, so that an exported segmentation says so too."""
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        status, algorithm = logic.NotStarted, "MANUAL"
        if saved_state.load_round(hematoma):
            status, algorithm = logic.InProgress, "SEMIAUTOMATIC"
            if rounds_table.is_guess(self.rounds_rows()):
                status, algorithm = logic.Flagged, "AUTOMATIC"
        show_status(hematoma, find_segment(hematoma, HEMATOMA), status, algorithm)

    def _write_hematoma(self, stored: np.ndarray, geometry: CTGeometry):
        hematoma = self._nodes.ensure("hematoma")
        segment = ensure_segment(hematoma, HEMATOMA, geometry.ijk_to_world)
        write_segment(hematoma, segment, stored, geometry.ijk_to_world)
        return hematoma


def _reoriented(strokes: Scribbles, reorient) -> Scribbles:
    return Scribbles(reorient(strokes.foreground), reorient(strokes.background))


def _changed_slices(before: Scribbles, now: Scribbles) -> int:
    """Number of axial slices on which strokes were added or erased."""
    changed = (before.foreground ^ now.foreground) | (before.background ^ now.background)
    return int(np.count_nonzero(changed.any(axis=(1, 2))))
