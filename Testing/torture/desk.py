"""A user at a real scene: what is painted into it, and everything that can be read from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import ICHHPINetLib as hpi
from ICHHPINetLib.interaction.controller import Controller

from ..inline_executor import InlineExecutor
from . import specimens
from .attempt import Attempt

OWN, MINE = "Edema of the user", "Segmentation of the user"
_SPACINGS = ((5.0, 0.45, 0.45), (1.0, 1.0, 1.0), (2.5, 0.9, 0.7))


def draw_ct(attempt: Attempt, scene, name: str):
    """A CT node of random grid, and what it is like in words."""
    from ICHHPINetLib.scene import add_ct_node

    rng = attempt.rng
    shape = tuple(int(size) for size in rng.integers((5, 10, 10), (8, 20, 20)))
    spacing = attempt.choose(_SPACINGS)
    kind = attempt.choose(["straight", "oblique", "feet last", "sagittal"])
    axes = {
        "straight": np.diag([-1.0, -1.0, 1.0]),
        "oblique": _turn(20) @ np.diag([-1.0, -1.0, 1.0]),
        "feet last": np.diag([-1.0, -1.0, -1.0]),
        "sagittal": np.array([[0, 0, 1.0], [-1.0, 0, 0], [0, 1.0, 0]]),
    }[kind]
    matrix = np.eye(4)
    matrix[:3, :3] = axes * spacing[::-1]
    matrix[:3, 3] = rng.uniform(-90, 90, 3).round(2)
    ct = add_ct_node(scene, name, specimens.head(rng, shape), matrix)
    moved = attempt.chance(0.1)
    if moved:
        _put_under_transform(scene, ct, _turn(7))
    return ct, f"{kind}{' under a transform' if moved else ''}, {shape}, {spacing} mm, named {name[:20]!r}"


def _turn(degrees: float) -> np.ndarray:
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


def _put_under_transform(scene, ct, turn: np.ndarray) -> None:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    for row in range(3):
        for column in range(3):
            matrix.SetElement(row, column, turn[row, column])
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Registration")
    node.SetMatrixTransformToParent(matrix)
    ct.SetAndObserveTransformNodeID(node.GetID())


class Desk:
    """Adapter and controller of one CT; arrays are (Z, Y, X) in canonical order: a reload may turn others."""

    def __init__(self, scene, ct, network) -> None:
        from ICHHPINetLib.scene import SceneAdapter

        self.scene, self.ct = scene, ct
        self.adapter = SceneAdapter(scene, ct)
        self.controller = Controller(
            self.adapter,
            lambda ct, settings: hpi.InteractiveSession(network, ct),
            InlineExecutor(),
        )
        self.controller.ct_chosen()

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.adapter.geometry().shape

    def paint(
        self, attempt: Attempt, is_foreground: bool, marked: np.ndarray, erase_other=False, erase=False
    ) -> None:
        """Paint or erase as the Segment Editor does: with a label map of a part of the CT's grid."""
        marked = self.adapter.geometry().to_stored(marked)
        node, *segments = self.adapter.ensure_scribbles()
        if not is_foreground:
            segments.reverse()
        merge(node, segments[0], marked, self.ct, attempt.chance(0.5), erase)
        if erase_other:
            merge(node, segments[1], marked, self.ct, attempt.chance(0.5), erase=True)

    def painted(self, place: str, name: str) -> np.ndarray:
        """Voxels of the segment ``name`` of our node of the role ``place``, or of the user's node."""
        node = self.scene.GetFirstNodeByName(place) if place == MINE else self.adapter.node(place)
        segment = node and node.GetSegmentation().GetSegmentIdBySegmentName(name)
        if not segment:
            return np.zeros(self.shape, bool)
        return self.adapter.geometry().to_canonical(segment_on(node, segment, self.ct))

    def labelmap(self) -> np.ndarray | None:
        node = self.adapter.node("hematomaLabelmap")
        if node is None or node.GetImageData() is None:
            return None
        return self.adapter.geometry().to_canonical(voxels(node))

    def places(self) -> np.ndarray:
        """World coordinates of every voxel of the CT, (3, Z, Y, X)."""
        geometry = self.adapter.geometry()
        k, j, i = np.indices(geometry.stored_shape)
        world = np.tensordot(geometry.ijk_to_world, np.stack([i, j, k, np.ones_like(i)]), 1)[:3]
        return np.stack([geometry.to_canonical(axis) for axis in world])


def labels_of(scribbles: hpi.Scribbles) -> np.ndarray:
    """0, 1 and 2 for nothing, foreground and background."""
    return scribbles.foreground + 2 * scribbles.background.astype(np.uint8)


def voxels(node) -> np.ndarray:
    """A copy of a volume node's voxels."""
    from vtk.util.numpy_support import vtk_to_numpy

    image = node.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1]).copy()


def _oriented(array: np.ndarray, low: tuple[int, ...], ct):
    """``array`` as a label map whose first voxel is ``low`` (z, y, x) of the CT's grid."""
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    image = slicer.vtkOrientedImageData()
    (z, y, x), (depth, rows, columns) = low, array.shape
    image.SetExtent(x, x + columns - 1, y, y + rows - 1, z, z + depth - 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True))
    matrix = vtk.vtkMatrix4x4()
    ct.GetIJKToRASMatrix(matrix)
    image.SetImageToWorldMatrix(matrix)
    return image


def merge(node, segment: str, marked: np.ndarray, ct, whole: bool, erase: bool = False) -> None:
    """Add ``marked`` to a segment, or take it away, on the ``whole`` grid or on the part that it fills."""
    import slicer

    logic = slicer.vtkSlicerSegmentationsModuleLogic
    low, high = (0, 0, 0), marked.shape
    if not whole:
        places = np.argwhere(marked)
        low, high = tuple(places.min(0).tolist()), tuple((places.max(0) + 1).tolist())
    box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
    values = (~marked[box] if erase else marked[box]).astype(np.uint8)
    mode = logic.MODE_MERGE_MIN if erase else logic.MODE_MERGE_MASK
    logic.SetBinaryLabelmapToSegment(_oriented(values, low, ct), node, segment, mode)


def segment_on(node, segment: str, ct) -> np.ndarray:
    """bool (Z, Y, X) of a segment on the grid of the CT, whatever grid it is stored on."""
    import slicer

    stored = slicer.vtkOrientedImageData()
    node.GetBinaryLabelmapRepresentation(segment, stored)
    if 0 in stored.GetDimensions() or stored.GetPointData().GetScalars() is None:
        return np.zeros(ct.GetImageData().GetDimensions()[::-1], bool)
    grid = _oriented(np.zeros(ct.GetImageData().GetDimensions()[::-1], np.uint8), (0, 0, 0), ct)
    out = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(stored, grid, out)
    from vtk.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(out.GetPointData().GetScalars()).reshape(out.GetDimensions()[::-1]) > 0


def add_own_segments(attempt: Attempt, desk: Desk) -> dict[tuple[str, str], np.ndarray]:
    """Segments of the user: in our node of scribbles, or in a segmentation of their own."""
    own = {}
    for place in attempt.choose([["scribbles"], [MINE], ["scribbles", MINE]]):
        node = None if place == MINE else desk.adapter.node(place)
        if node is None:
            node = desk.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", place)
            # In this order: on the grid of another frame, Slicer itself moves voxels when it saves.
            node.SetAndObserveTransformNodeID(desk.ct.GetTransformNodeID())
            node.SetReferenceImageGeometryParameterFromVolumeNode(desk.ct)
        segment = node.GetSegmentation().AddEmptySegment("", OWN)
        marked = attempt.rng.random(desk.shape) > 0.9
        merge(node, segment, desk.adapter.geometry().to_stored(marked), desk.ct, attempt.chance(0.5))
        own[place, OWN] = marked
    return own


@dataclass(frozen=True)
class Snapshot:
    """All of a scene that belongs to the user's work, by what it is."""

    parts: dict[str, Any]

    @classmethod
    def of(cls, desk: Desk, own) -> Snapshot:
        name = desk.ct.GetName()
        parts = {
            "CT": desk.adapter.read_ct()[0],
            "place of the CT": desk.places().round(2) + 0.0,
            # XML knows no control characters, and makes spaces of some others.
            "name of the CT": "".join(sign for sign in name if sign.isprintable() and sign != " "),
            "foreground scribbles": desk.painted("scribbles", "Hemorrhage scribble"),
            "background scribbles": desk.painted("scribbles", "Background scribble"),
            "finished scribbles": desk.adapter.load_rounds().scribbles.labels(),
            "hematoma": desk.painted("hematoma", "Hematoma"),
            "label map": desk.labelmap(),
            "rounds": desk.adapter.rounds(),
            "table": desk.adapter.rounds_rows(),
        }
        return cls(parts | {f"{role} {segment}": desk.painted(role, segment) for role, segment in own})

    def difference(self, other: Snapshot) -> str | None:
        """What differs, in words."""
        for key, one in self.parts.items():
            two = other.parts[key]
            if isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
                if one.shape != two.shape or not np.array_equal(one, two):
                    count = int((one != two).sum()) if one.shape == two.shape else "all"
                    return f"{key}: {count} values differ"
            elif key == "table" and _same_rows(one, two):
                continue
            elif type(one) is not type(two) or one != two:
                return f"{key} is {str(two)[:60]}, not {str(one)[:60]}"
        return None


def _same_rows(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> bool:
    """Whether two tables are alike but for the six digits that numbers have in files."""
    return len(rows) == len(others) and all(
        row.keys() == other.keys()
        and all(
            math.isclose(value, other[key], rel_tol=1e-4) if isinstance(value, float) else value == other[key]
            for key, value in row.items()
        )
        for row, other in zip(rows, others, strict=True)
    )
