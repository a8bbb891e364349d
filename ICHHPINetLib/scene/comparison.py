"""Whether a scene that was read from a file holds what one in memory does."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..imaging.integrity import check_whole
from ._mrml import numpy_support, slicer, vtk
from .geometry import ijk_to_ras
from .segments import segment_voxels

# What we write and read; other nodes are Slicer's own business.
_KINDS = (
    "vtkMRMLScalarVolumeNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLTableNode",
    "vtkMRMLScriptedModuleNode",
)
_SAME_MM = 1e-3
_SAME_VOXELS = 1e-2
_LOST_BY_GRID = 0.25


def same_nodes(scene, other) -> bool:
    """Whether each volume, segmentation, table and parameter node of ``scene`` is in ``other``, alike."""
    nodes, others = _nodes(scene), _nodes(other)
    return len(nodes) == len(others) and all(map(_same_node, nodes, others))


def is_in_file(node, path: str | os.PathLike) -> bool:
    """Whether the file ``path``, to which ``node`` was exported, holds its content.

    InputFileError where it is cut off.
    """
    # Slicer's own reader ends the whole process at some files that are cut off.
    check_whole(Path(path))
    scene = slicer.vtkMRMLScene()
    read, storage = node.CreateNodeInstance(), node.CreateDefaultStorageNode()
    scene.AddNode(read)
    scene.AddNode(storage)
    storage.SetFileName(str(path))
    return bool(storage.ReadData(read)) and _same_content(node, read)


def _same_node(node, other) -> bool:
    """Whether two nodes have the same class, name, attributes and content."""
    return (
        node.GetClassName() == other.GetClassName()
        and _text(node.GetName()) == _text(other.GetName())
        and all(
            _text(node.GetAttribute(name)) == _text(other.GetAttribute(name))
            for name in node.GetAttributeNames()
        )
        and _same_content(node, other)
    )


def _same_content(node, other) -> bool:
    """Whether two nodes have the same voxels, segments or cells, in the same places."""
    if node.IsA("vtkMRMLSegmentationNode"):
        return _same_segments(node, other)
    if node.IsA("vtkMRMLTableNode"):
        return _cells(node) == _cells(other)
    if node.IsA("vtkMRMLScalarVolumeNode"):
        return _same_voxels(node, other)
    return True


def _nodes(scene) -> list:
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    nodes = [node for node in nodes if node.GetSaveWithScene() and any(map(node.IsA, _KINDS))]
    return sorted(nodes, key=lambda node: (node.GetClassName(), _text(node.GetName()) or ""))


def _text(value: str | None) -> str | None:
    """A text as it comes out of XML, which makes spaces of all white space."""
    return None if value is None else " ".join(value.split())


def _same_voxels(node, other) -> bool:
    image, read = node.GetImageData(), other.GetImageData()
    if image is None or read is None:
        return image is read
    (voxels, place), (found, there) = _right_handed(node), _right_handed(other)
    same = np.array_equal(voxels, found, equal_nan=voxels.dtype.kind == "f")
    return same and np.allclose(place, there, atol=_SAME_MM)


def _right_handed(node) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (Z, Y, X, values) and their matrix, slices in the order that Slicer's reader gives them."""
    image, matrix = node.GetImageData(), ijk_to_ras(node).copy()
    columns, rows, slices = image.GetDimensions()
    # Volumes of colors or vectors may lie in the scene, too.
    voxels = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(slices, rows, columns, -1)
    if np.linalg.det(matrix[:3, :3]) < 0:
        matrix[:3, 3] += matrix[:3, 2] * (len(voxels) - 1)
        matrix[:3, 2] *= -1
        voxels = voxels[::-1]
    return voxels, matrix


def _same_segments(node, other) -> bool:
    segmentation, read = node.GetSegmentation(), other.GetSegmentation()
    ids = segmentation.GetSegmentIDs()
    if set(ids) != set(read.GetSegmentIDs()):
        return False
    for one in ids:
        if segmentation.GetSegment(one).GetName() != read.GetSegment(one).GetName():
            return False
        marks, found = segment_voxels(node, one), segment_voxels(other, one)
        # Slicer itself moves the voxels of a segmentation under a transform to another grid when it saves it.
        same = _about_as_many if node.GetParentTransformNode() else _same_places
        if not same(marks, found):
            return False
    return True


def _same_places(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether two segments, bool (Z, Y, X) and the matrix from indices to mm, have voxels in the same places.

    Their grids may differ: Slicer turns an axis of left-handed ones around when it saves them.
    """
    (marks, matrix), (found, there) = one, other
    occupied = np.argwhere(found)
    if len(occupied) != np.count_nonzero(marks):
        return False
    if not len(occupied):
        return True
    change = np.linalg.solve(matrix, there)
    exact = occupied[:, ::-1] @ change[:3, :3].T + change[:3, 3]
    nearest = np.rint(exact).astype(int)
    inside = (nearest >= 0).all() and (nearest < marks.shape[::-1]).all()
    if not inside or np.abs(exact - nearest).max() > _SAME_VOXELS:
        return False
    return bool(marks[tuple(nearest[:, ::-1].T)].all())


def _about_as_many(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether two segments, as for ``_same_places``, have the same volume but for a change of grid."""
    volumes = [np.count_nonzero(marks) * abs(np.linalg.det(matrix[:3, :3])) for marks, matrix in (one, other)]
    return bool(abs(volumes[0] - volumes[1]) <= _LOST_BY_GRID * max(volumes))


def _cells(node) -> list[list[str]]:
    table: vtk.vtkTable = node.GetTable()
    return [
        [
            table.GetColumnName(column),
            *(table.GetValue(row, column).ToString() for row in range(table.GetNumberOfRows())),
        ]
        for column in range(table.GetNumberOfColumns())
    ]
