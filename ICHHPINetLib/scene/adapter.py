"""One CT of a scene, its scribbles, its result and its rounds, as arrays."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from typing import Any

import numpy as np

from ..errors import ICHHPINetError, InvalidVolumeError
from ..imaging.ct import first_look
from ..imaging.segment_kinds import BACKGROUND, FOREGROUND, HEMATOMA, SegmentKind
from ..interaction.round_log import RoundLog
from ..interaction.scribbles import Scribbles, settle
from ..words import tr as _
from . import rounds_table, saved_rounds
from ._mrml import slicer
from .geometry import CTGeometry, image_array, image_from_array, read_geometry, read_voxels
from .nodes import SceneNodes
from .origin import check_modality
from .saved_rounds import SavedRounds
from .segments import (
    ensure_segment,
    find_segment,
    read_segment,
    segment_image,
    segment_voxels,
    show_status,
    write_segment,
)
from .waiting_scribbles import WaitingScribbles


class SceneAdapter:
    """Reads CT and scribbles from MRML nodes, writes masks and rounds back.

    All arrays that go in and out are (Z, Y, X) in canonical order (axial slices from
    below to above, see :class:`.CTGeometry`), whatever the order, orientation and parent
    transform of the CT node. Nodes are found again by reference, mark or name, and made
    again where they were deleted. Segments of the user are never touched.

    It is a :class:`~ICHHPINetLib.interaction.scene_port.ScenePort`.

    >>> adapter = SceneAdapter(slicer.mrmlScene, ct_node)
    >>> adapter.ensure_scribbles()                      # the user paints
    >>> session = InteractiveSession(network, *adapter.read_ct())
    >>> session.log = adapter.load_rounds()             # a saved scene goes on where it stopped
    >>> session.refine(adapter.read_scribbles(), accumulate=False)
    >>> adapter.write_rounds(session.log)

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
        self._waiting: tuple[Hashable, WaitingScribbles | None] = (None, None)

    @property
    def _nodes(self) -> SceneNodes:
        return SceneNodes(self.scene, self.ct)

    def node(self, role: str):
        """Node of role "scribbles", "hematoma", "hematomaLabelmap" or "rounds"; None where there is none."""
        return self._nodes.find(role) if self._has_ct() else None

    def show_alone(self) -> None:
        """Hide scribbles and results of other CTs."""
        if self._has_ct():
            self._nodes.show_alone()

    # The CT

    def ct_key(self) -> Hashable | None:
        """Identity of the CT, its voxels and its place; None where no CT is there."""
        if not self._has_ct() or self.ct.GetImageData() is None:
            return None
        place: Hashable
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
        """Doubts about CT and saved work; errors are those of ``read_ct`` and of ``CT.of_array``."""
        check_modality(self.scene, self.ct)
        geometry = self.geometry()
        doubts = first_look(geometry.reorientation.apply(read_voxels(self.ct)), geometry.spacing)
        if self._saved(geometry).is_damaged():
            doubts.append(
                _(
                    "What this scene remembers of earlier rounds is damaged and was left out. The "
                    "work goes on from the scribbles and the hematoma in the scene: compare them "
                    "with the CT before you refine."
                )
            )
        return doubts

    def read_ct(self) -> tuple[np.ndarray, tuple[float, float, float]]:
        """HU (Z, Y, X), a copy, and spacing in mm (z, y, x).

        InvalidVolumeError where the series behind it is no CT, and those of ``geometry``.
        """
        geometry = self.geometry()
        check_modality(self.scene, self.ct)
        return geometry.to_canonical(read_voxels(self.ct)), geometry.spacing

    # The scribbles

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

    def has_scribbles(self) -> bool:
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
        """All scribbles there are now, of finished rounds and new ones.

        Where both labels meet in a voxel, the one that is new since the scribbles were last read wins,
        and foreground where both are new. The loser is erased in the scene too: nothing else tells
        later which of the two came first.

        Raises
        ------
        InvalidScribblesError
            If scribbles lie outside the CT, or under a non-linear transform.
        """
        geometry, node = self.geometry(), self.node("scribbles")
        if node is None:
            return Scribbles.empty(geometry.shape)
        drawn = self._read(node, FOREGROUND, geometry), self._read(node, BACKGROUND, geometry)
        scribbles = settle(*drawn, since=self._seen_scribbles(node))
        for kind, before, now in zip(
            (FOREGROUND, BACKGROUND), drawn, (scribbles.foreground, scribbles.background), strict=True
        ):
            if not np.array_equal(before, now) and (segment := find_segment(node, kind)) is not None:
                write_segment(node, segment, now, geometry.ijk_to_world)
        self._seen = self._scribbles_key(node), scribbles
        return _reoriented(scribbles, geometry.to_canonical)

    def write_scribbles(self, scribbles: Scribbles) -> None:
        """Replace the painted scribbles, now on the grid of the CT."""
        geometry = self.geometry()
        node, foreground, background = self.ensure_scribbles()
        for segment, mask in ((foreground, scribbles.foreground), (background, scribbles.background)):
            write_segment(node, segment, geometry.to_stored(mask), geometry.ijk_to_world)
        self._seen = self._scribbles_key(node), _reoriented(scribbles, geometry.to_stored)
        self._waiting_scribbles(node, geometry).written()

    # Single scribbles that no round has seen

    def note_scribble(self) -> None:
        """Call after each scribble and each wipe of the eraser; what lies outside the CT is passed over."""
        if (node := self.node("scribbles")) is not None:
            with suppress(ICHHPINetError):
                self._waiting_scribbles(node, self.geometry()).note()

    def can_undo_scribble(self) -> bool:
        """Whether there is a scribble that no round has seen, as far as one was noted."""
        node, (key, waiting) = self.node("scribbles"), self._waiting
        return node is not None and bool(waiting) and key == (node.GetID(), self.ct_key())

    def undo_scribble(self) -> bool:
        """Take back the last scribble that no round has seen; False where there is none."""
        self.note_scribble()
        if not self.can_undo_scribble():
            return False
        self._waiting_scribbles(self.node("scribbles"), self.geometry()).take_back()
        # Who wins where scribbles cross goes by what the last round has seen.
        self._seen = None, None
        return True

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

    def rounds(self) -> int:
        """Number of rounds that led to the result in the scene."""
        return saved_rounds.round_number(self.node("hematoma"))

    def rounds_rows(self) -> list[dict[str, Any]]:
        """The table of rounds, oldest first, see :data:`.rounds_table.COLUMNS`."""
        table = self.node("rounds")
        return [] if table is None else rounds_table.rows(table)

    def show(self, mask: np.ndarray, is_preview: bool) -> None:
        """Show a mask (Z, Y, X) without counting it as a round: a preview, or what was there before one."""
        geometry = self.geometry()
        if is_preview and not saved_rounds.is_preview(self.node("hematoma")):
            # Once a round: it is asked for several times a second.
            before = geometry.to_canonical(self._read(self.node("hematoma"), HEMATOMA, geometry))
            self._nodes.ensure("hematoma")
            self._saved(geometry).begin_preview(before)
        hematoma, _labelmap = self._write_hematoma(geometry.to_stored(mask), geometry)
        if not is_preview:
            saved_rounds.end_preview(hematoma)

    def load_rounds(self) -> RoundLog:
        """The rounds in the scene; a preview that it was saved with makes place for what was before it."""
        geometry = self.geometry()
        self._drop_preview(geometry)

        def last_mask() -> np.ndarray:
            # The label map is of the last round, without edits by hand.
            written = self._written(geometry)
            mask = self.read_mask() if written is None else geometry.to_canonical(written)
            return np.zeros(geometry.shape, np.uint8) if mask is None else mask

        log = self._saved(geometry).load(last_mask, self.read_scribbles, self.rounds_rows())
        self._note_seen(log, geometry)
        return log

    def write_rounds(self, log: RoundLog) -> None:
        """Write result, label map, table and what a reload needs of the rounds; see ``_clear`` for none."""
        if not log.number and log.edited is None:
            self._clear()
            self._note_seen(log, self.geometry())
            return
        geometry = self.geometry()
        # What was drawn in the meantime may be wrong in any way: the round is of what was before.
        with suppress(ICHHPINetError):
            self.read_scribbles()
        self.ensure_scribbles()
        hematoma, segment = self._write_mask(geometry.to_stored(log.mask), geometry)
        rounds_table.show(self._nodes.ensure("rounds"), log)
        self._saved(geometry).save(log)
        self._note_seen(log, geometry)
        self._show_status(hematoma, segment)
        self._nodes.publish()

    def _clear(self) -> None:
        """Empty the result, the label map and the table; the scribbles stay. No node is made for it."""
        hematoma, labelmap, table = (self.node(role) for role in ("hematoma", "hematomaLabelmap", "rounds"))
        saved_rounds.forget(hematoma, self.node("scribbles"))
        if hematoma is not None:
            segment = find_segment(hematoma, HEMATOMA)
            if segment is not None:
                geometry = self.geometry()
                nothing = np.zeros(geometry.stored_shape, bool)
                write_segment(hematoma, segment, nothing, geometry.ijk_to_world)
                self._show_status(hematoma, segment)
        if labelmap is not None and labelmap.GetImageData() is not None:
            empty = np.zeros_like(image_array(labelmap.GetImageData()))
            labelmap.SetAndObserveImageData(image_from_array(empty))
        if table is not None:
            rounds_table.drop_from(table, 0)

    # Inner workings

    def _waiting_scribbles(self, node, geometry: CTGeometry) -> WaitingScribbles:
        key = node.GetID(), self.ct_key()
        known, waiting = self._waiting
        if waiting is None or key != known:
            waiting = WaitingScribbles(node, self.ct, geometry, self._saved(geometry).scribbles())
            self._waiting = key, waiting
        return waiting

    def _note_seen(self, log: RoundLog, geometry: CTGeometry) -> None:
        if (node := self.node("scribbles")) is not None:
            # What was drawn may be wrong in any way, and must not stop a round from being written.
            with suppress(ICHHPINetError):
                self._waiting_scribbles(node, geometry).seen(log.scribbles)

    def _saved(self, geometry: CTGeometry) -> SavedRounds:
        return SavedRounds(self.node("hematoma"), self.node("scribbles"), self.ct, geometry)

    def _drop_preview(self, geometry: CTGeometry) -> None:
        if saved_rounds.is_preview(self.node("hematoma")):
            before = self._saved(geometry).before_preview()
            if before is None:
                written = self._written(geometry)
                before = None if written is None else geometry.to_canonical(written)
            if before is not None:
                self.show(before, is_preview=False)

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

    def _scribbles_key(self, node) -> Hashable:
        # The time tells the CT from one of a scene before, which may have had the same names.
        return node.GetID(), self.ct.GetImageData().GetMTime(), self.ct.GetImageData().GetDimensions()

    def _seen_scribbles(self, node) -> Scribbles | None:
        """Scribbles as they were read or written last, in the order of the CT node."""
        key, scribbles = self._seen
        if key == self._scribbles_key(node):
            return scribbles
        geometry = self.geometry()
        finished = self._saved(geometry).scribbles()
        return None if finished is None else _reoriented(finished, geometry.to_stored)

    def _written(self, geometry: CTGeometry) -> np.ndarray | None:
        """The label map, uint8 (Z, Y, X) in the order of the node; None without one on this grid."""
        node = self.node("hematomaLabelmap")
        if node is None or node.GetImageData() is None:
            return None
        written = (image_array(node.GetImageData()) != 0).astype(np.uint8)
        return written if written.shape == geometry.stored_shape else None

    def _write_mask(
        self, stored: np.ndarray, geometry: CTGeometry
    ) -> tuple[slicer.vtkMRMLSegmentationNode, str]:
        hematoma, segment = self._write_hematoma(stored, geometry)
        saved_rounds.end_preview(hematoma)
        labelmap = self._nodes.ensure("hematomaLabelmap")
        labelmap.SetAndObserveTransformNodeID(self.ct.GetTransformNodeID())
        labelmap.CopyOrientation(self.ct)
        labelmap.SetAndObserveImageData(image_from_array((stored != 0).astype(np.uint8)))
        self._nodes.publish()
        return hematoma, segment

    def _show_status(self, hematoma, segment: str) -> None:
        """Flagged while it is a guess, so that an exported segmentation says so too."""
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        status, algorithm = logic.NotStarted, "MANUAL"
        if saved_rounds.round_number(hematoma):
            status, algorithm = logic.InProgress, "SEMIAUTOMATIC"
            if rounds_table.is_guess(self.rounds_rows()):
                status, algorithm = logic.Flagged, "AUTOMATIC"
        show_status(hematoma, segment, status, algorithm)

    def _write_hematoma(
        self, stored: np.ndarray, geometry: CTGeometry
    ) -> tuple[slicer.vtkMRMLSegmentationNode, str]:
        """The node and the ID of its segment, which shows ``stored`` from now on."""
        hematoma = self._nodes.ensure("hematoma")
        segment = ensure_segment(hematoma, HEMATOMA, geometry.ijk_to_world)
        write_segment(hematoma, segment, stored, geometry.ijk_to_world)
        return hematoma, segment


def _reoriented(scribbles: Scribbles, reorient) -> Scribbles:
    return Scribbles(reorient(scribbles.foreground), reorient(scribbles.background))
