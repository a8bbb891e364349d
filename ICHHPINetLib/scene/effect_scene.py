"""The scene of the Segment Editor effect: seeds in the user's segmentation, result in a preview node."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from ..errors import InvalidScribblesError, InvalidVolumeError
from ..interaction.round_log import RoundLog
from ..interaction.scribbles import Scribbles, settle
from ..words import tr as _
from ._mrml import slicer, vtk
from .geometry import (
    CTGeometry,
    grid_geometry,
    image_array,
    image_from_array,
    local_to_world,
    to_array,
)
from .segments import read_segment, segment_voxels, write_segment


class Preview(Protocol):
    """Owner of the segmentation node that shows the result before it is applied."""

    def find(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The node, None where there is none."""

    def make(self) -> slicer.vtkMRMLSegmentationNode:
        """The node, made where it is missing."""

    def remove(self) -> None:
        """Remove the node, if there is one."""


class EffectScene:
    """Two segments are the scribbles; a segment of a preview node is the result.

    It is a :class:`~ICHHPINetLib.interaction.scene_port.ScenePort`; its rounds last as long as the preview.

    The grid is that of the segmentation, to which the Segment Editor resamples the source
    volume: whatever is painted lies on it, and what is applied fits it to the voxel.

    Parameters
    ----------
    editor_node: ``vtkMRMLSegmentEditorNode`` with segmentation, source volume and masking.
    source_image: gives the source volume on the segmentation's grid, ``vtkOrientedImageData``.
    preview: see :class:`Preview`.

    Attributes
    ----------
    bleed_id, background_id: IDs of the segments that are the scribbles.
    shown_ml: volume of the preview, which the masking settings may make smaller than that of the round.
    """

    def __init__(
        self, editor_node, source_image: Callable[[], slicer.vtkOrientedImageData | None], preview: Preview
    ) -> None:
        self.editor_node = editor_node
        self.bleed_id = ""
        self.background_id = ""
        self._source_image = source_image
        self._preview = preview
        self.shown_ml = 0.0
        self._painted: tuple[Hashable, bool] = (None, False)
        self._seen_key: Hashable = None
        self._seen: tuple[Scribbles | None, Scribbles]
        self._log: RoundLog | None = None
        self._log_key: Hashable = None

    # The CT

    def ct_key(self) -> Hashable | None:
        """Identity of the source volume, of its place on the segmentation's grid and of the bleed segment."""
        node, volume = self._segmentation_node, self.editor_node.GetSourceVolumeNode()
        if node is None or volume is None or volume.GetImageData() is None:
            return None
        # Not the resampled image itself: the editor makes it anew for changes of no consequence.
        grid = node.GetSegmentation().GetConversionParameter(
            slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
        )
        places = tuple(_transform_time(place) for place in (node, volume))
        scalars = volume.GetImageData().GetPointData().GetScalars()
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        return (
            volume.GetID(),
            scalars.GetMTime() if scalars else 0,
            tuple(to_array(matrix).ravel()),
            node.GetID(),
            self.bleed_id,
            grid,
            places,
        )

    def check_ct(self) -> list[str]:
        """As ``geometry``, for the errors alone: each round says its doubts beside its result."""
        self.geometry()
        return []

    def read_ct(self) -> tuple[np.ndarray, tuple[float, float, float]]:
        """HU (Z, Y, X), a copy in canonical order, and spacing in mm (z, y, x)."""
        geometry = self.geometry()
        return geometry.to_canonical(image_array(self._source_image())), geometry.spacing

    def geometry(self) -> CTGeometry:
        """Grid of the segmentation as it lies now.

        Raises
        ------
        InvalidVolumeError
            If there is no source volume, or it lies under a non-linear transform.
        """
        image = self._source_image()
        if image is None or image.GetPointData().GetScalars() is None:
            raise InvalidVolumeError(_("The source volume holds no voxels. Choose the CT as source volume."))
        name = self.editor_node.GetSourceVolumeNode().GetName()
        matrix = local_to_world(self._segmentation_node) @ _index_to_local(image)
        return grid_geometry(name, image.GetDimensions()[::-1], matrix)

    # The scribbles

    def has_scribbles(self) -> bool:
        """Whether anything is painted in one of the two seeds."""
        node = self._segmentation_node
        seeds = self._seeds()
        images = [node.GetBinaryLabelmapInternalRepresentation(seed) for seed in seeds]
        key = (node.GetID() if node else "", *seeds, *(image.GetMTime() if image else 0 for image in images))
        if key != self._painted[0]:
            self._painted = key, any(segment_voxels(node, seed)[0].any() for seed in seeds)
        return self._painted[1]

    def read_scribbles(self) -> Scribbles:
        """All scribbles there are now; where the seeds overlap, :func:`.settle` decides.

        The seeds are the user's own segments: the losing voxels stay in them, and are overlooked until
        they are erased.

        Raises
        ------
        InvalidScribblesError
            If a seed is missing or lies outside the source volume.
        """
        geometry, node = self.geometry(), self._segmentation_node
        if len(self._seeds()) != 2:
            raise InvalidScribblesError(_("A seed segment was deleted. Choose both seed segments again."))
        foreground, background = (
            geometry.to_canonical(read_segment(node, seed, geometry.ijk_to_world, geometry.stored_shape))
            for seed in (self.bleed_id, self.background_id)
        )
        key = self.ct_key(), self.background_id
        since, lost = self._seen if self._seen_key == key else (None, Scribbles.empty(geometry.shape))
        scribbles = settle(foreground & ~lost.foreground, background & ~lost.background, since)
        lost = Scribbles(foreground & ~scribbles.foreground, background & ~scribbles.background)
        self._seen_key, self._seen = key, (scribbles, lost)
        return scribbles

    def write_scribbles(self, scribbles: Scribbles) -> None:
        """Replace what is painted in the two seeds."""
        geometry = self.geometry()
        for seed, marked in (
            (self.bleed_id, scribbles.foreground),
            (self.background_id, scribbles.background),
        ):
            write_segment(self._segmentation_node, seed, geometry.to_stored(marked), geometry.ijk_to_world)

    # The result

    def has_result(self) -> bool:
        """Whether the preview is there, of whatever CT."""
        return self._preview.find() is not None

    def read_mask(self) -> np.ndarray | None:
        """Result of the last round, uint8 (Z, Y, X), before masking; None without one for this CT."""
        log = self._current_log()
        return None if log is None else log.mask.copy()

    def show(self, mask: np.ndarray, is_preview: bool = True) -> None:
        """Show a mask (Z, Y, X), as far as the masking settings let it be applied."""
        geometry = self.geometry()
        preview = self._preview.make()
        segment_id = self._preview_segment(preview)
        shown = self._editable_only(geometry.to_stored(mask) != 0, geometry)
        self.shown_ml = float(np.count_nonzero(shown) * np.prod(geometry.spacing) / 1000)
        write_segment(preview, segment_id, shown, geometry.ijk_to_world)

    def load_rounds(self) -> RoundLog:
        """The rounds behind the preview; none behind one that came with a scene, or is of another CT."""
        if (log := self._current_log()) is not None:
            return log
        geometry = self.geometry()
        return RoundLog.empty(geometry.shape, geometry.spacing)

    def write_rounds(self, log: RoundLog) -> None:
        """Show the last round and keep it as memory of the next one; without any, remove the preview."""
        if not log.number:
            self.forget()
            return
        self.show(log.mask)
        self._log, self._log_key = log, self.ct_key()

    def forget(self) -> None:
        """Forget every round and remove the preview; the scribbles stay."""
        self._log, self._log_key = None, None
        self._preview.remove()

    def preview_labelmap(self):
        """The preview on the segmentation's grid, ``vtkOrientedImageData`` of 0 and 1, to be applied.

        Raises
        ------
        InvalidScribblesError
            If there is no preview.
        """
        preview = self._preview.find()
        if preview is None or preview.GetSegmentation().GetSegment(self.bleed_id) is None:
            raise InvalidScribblesError(_("There is no preview to apply. Click Initialize first."))
        geometry, source = self.geometry(), self._source_image()
        mask = read_segment(preview, self.bleed_id, geometry.ijk_to_world, geometry.stored_shape)
        image = image_from_array(mask.astype(np.uint8), slicer.vtkOrientedImageData)
        image.SetExtent(source.GetExtent())
        image.SetSpacing(source.GetSpacing())
        image.SetOrigin(source.GetOrigin())
        image.CopyDirections(source)
        return image

    # Inner workings

    def _current_log(self) -> RoundLog | None:
        """The rounds, where the last one is still shown and was one of what the editor shows now."""
        if self._log is None or self._preview.find() is None or self._log_key != self.ct_key():
            return None
        return self._log

    @property
    def _segmentation_node(self):
        return self.editor_node.GetSegmentationNode()

    def _seeds(self) -> list[str]:
        node = self._segmentation_node
        if node is None:
            return []
        return [
            seed for seed in (self.bleed_id, self.background_id) if node.GetSegmentation().GetSegment(seed)
        ]

    def _preview_segment(self, preview) -> str:
        segmentation = preview.GetSegmentation()
        if segmentation.GetSegment(self.bleed_id) is None:
            seed = self._segmentation_node.GetSegmentation().GetSegment(self.bleed_id)
            segmentation.RemoveAllSegments()
            segmentation.AddEmptySegment(self.bleed_id, seed.GetName(), seed.GetColor())
        return self.bleed_id

    def _editable_only(self, mask: np.ndarray, geometry: CTGeometry) -> np.ndarray:
        """``mask`` in the editable area and the bleed segment as it is elsewhere: what Apply would leave."""
        node, editor = self._segmentation_node, self.editor_node
        in_range = editor.GetSourceVolumeIntensityMask()
        if editor.GetMaskMode() == slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere and not in_range:
            return mask
        source, locked = self._source_image(), slicer.vtkOrientedImageData()
        arguments = [locked, editor.GetMaskMode(), source, self.bleed_id, editor.GetMaskSegmentID() or ""]
        if in_range:
            arguments += [source, editor.GetSourceVolumeIntensityMaskRange()]
        if not node.GenerateEditMask(*arguments):
            raise InvalidVolumeError(_("The editable area cannot be determined. Check the masking settings."))
        # Slicer marks what must not be edited.
        fixed = image_array(locked) != 0
        now = read_segment(node, self.bleed_id, geometry.ijk_to_world, geometry.stored_shape)
        return np.where(fixed, now, mask)


def visible_segments(segmentation_node) -> list[str]:
    """IDs of the visible segments, in the order of the segment list."""
    display = segmentation_node.GetDisplayNode() if segmentation_node else None
    if display is None:
        return []
    ids = vtk.vtkStringArray()
    display.GetVisibleSegmentIDs(ids)
    return [ids.GetValue(index) for index in range(ids.GetNumberOfValues())]


def choose_seeds(segmentation_node, bleed_id: str = "", background_id: str = "") -> tuple[str, str]:
    """IDs of the bleed and the background segment.

    Empty or outdated choices fall back to the first and the last visible segment.

    Raises
    ------
    InvalidScribblesError
        If fewer than two segments are visible, or both choices are one segment.
    """
    visible = visible_segments(segmentation_node)
    if len(visible) < 2:
        raise InvalidScribblesError(
            _(
                "Two visible segments are needed: one painted on the bleed, one on tissue around it. "
                "Add a segment or make it visible."
            )
        )
    bleed = bleed_id if bleed_id in visible else next(one for one in visible if one != background_id)
    background = background_id if background_id in visible else [one for one in visible if one != bleed][-1]
    if bleed == background:
        raise InvalidScribblesError(
            _("Bleed and background are the same segment. Choose two different ones.")
        )
    return bleed, background


@contextmanager
def other_segments_kept(editor_node, segment_id: str) -> Iterator[None]:
    """Edit ``segment_id`` under the editor's masking settings without overwriting any other segment.

    "Editable area: outside ..." spares the selected segment, so that the edited one has to
    be the selected one meanwhile.
    """
    overwrite, selected = editor_node.GetOverwriteMode(), editor_node.GetSelectedSegmentID()
    modifying = editor_node.StartModify()
    editor_node.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
    editor_node.SetSelectedSegmentID(segment_id)
    try:
        yield
    finally:
        editor_node.SetOverwriteMode(overwrite)
        editor_node.SetSelectedSegmentID(selected)
        editor_node.EndModify(modifying)


def _index_to_local(image) -> np.ndarray:
    """4 x 4 from array indices of an oriented image to the frame of its node."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    extent = image.GetExtent()
    start = np.eye(4)
    start[:3, 3] = extent[0], extent[2], extent[4]
    return to_array(matrix) @ start


def _transform_time(node) -> tuple[str, int]:
    transform = node.GetParentTransformNode()
    return (transform.GetID(), transform.GetTransformToWorldMTime()) if transform else ("", 0)
