"""CT nodes as arrays, and the way back: matrices, transforms, axial order.

Matrices are 4 x 4 numpy arrays that map homogeneous column vectors. ``ijk`` are VTK's
voxel indices (column, row, slice), ``world`` is RAS in mm with every parent transform
applied. Arrays are (Z, Y, X) = (k, j, i).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ICHHPINetError, InvalidVolumeError
from ..imaging import acquisition as rules
from ..imaging import acquisition_words as sentences
from ..imaging.orientation import Reorientation, to_canonical
from ..words import tr as _
from ._mrml import numpy_support, slicer, vtk
from .names import clean, keep_saveable


@dataclass(frozen=True)
class CTGeometry:
    """The voxel grid of a CT node, in the node's order and in canonical order.

    Canonical order is what the network sees: axis 0 from inferior to superior, axis 1
    from anterior to posterior, axis 2 from right to left.

    Attributes
    ----------
    stored_shape: (Z, Y, X) of the node's own array.
    shape: (Z, Y, X) in canonical order.
    spacing: mm (z, y, x) in canonical order.
    ijk_to_world: 4 x 4 of the node.
    reorientation: stored order to canonical order and back.
    """

    stored_shape: tuple[int, int, int]
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    ijk_to_world: np.ndarray
    reorientation: Reorientation

    def to_canonical(self, array: np.ndarray) -> np.ndarray:
        """A copy of a stored-order array (Z, Y, X) in canonical order."""
        return np.array(self.reorientation.apply(array), order="C")

    def to_stored(self, array: np.ndarray) -> np.ndarray:
        """A canonical-order array (Z, Y, X) in the order of the node."""
        return np.ascontiguousarray(self.reorientation.undo(array))

    def world_of(self, index: tuple[int, int, int]) -> np.ndarray:
        """RAS (3,) of the middle of a voxel (z, y, x) in canonical order."""
        stored = self.reorientation.stored_index(index, self.shape)
        return (self.ijk_to_world @ [*stored[::-1], 1.0])[:3]


def to_array(matrix) -> np.ndarray:
    """A ``vtkMatrix4x4`` as a numpy array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def to_matrix(array: np.ndarray):
    """A numpy array as a ``vtkMatrix4x4``."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(array, float).ravel().tolist())
    return matrix


def local_to_world(node, error: type[ICHHPINetError] = InvalidVolumeError) -> np.ndarray:
    """Matrix of the parent transforms of ``node``, up to the world.

    Raises
    ------
    error
        If one of the transforms is not linear.
    """
    transform = node.GetParentTransformNode()
    if transform is None:
        return np.eye(4)
    if not transform.IsTransformToWorldLinear():
        raise error(
            _(
                "'{name}' lies under the non-linear transform '{transform}'. Harden it first: in the "
                "Data module, right-click the cell of '{name}' in the column of transforms, 'Harden "
                "transform'."
            ).format(name=node.GetName(), transform=transform.GetName())
        )
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    return to_array(matrix)


def ijk_to_world(volume_node) -> np.ndarray:
    """Matrix from voxel indices of a volume node to the world, see :func:`local_to_world`."""
    return local_to_world(volume_node) @ ijk_to_ras(volume_node)


def ijk_to_ras(volume_node) -> np.ndarray:
    """Matrix of a volume node without its parent transforms."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return to_array(matrix)


def image_array(image) -> np.ndarray:
    """The scalars of a single-component ``vtkImageData`` as a (Z, Y, X) view."""
    columns, rows, slices = image.GetDimensions()
    return numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(slices, rows, columns)


def image_from_array(array: np.ndarray, kind=None):
    """A ``vtkImageData`` (or ``kind``) with a copy of ``array`` (Z, Y, X), extent from 0."""
    image = (kind or vtk.vtkImageData)()
    image.SetDimensions(*array.shape[::-1])
    scalars = numpy_support.numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True)
    scalars.SetName("ImageScalars")
    image.GetPointData().SetScalars(scalars)
    return image


def read_geometry(ct_node) -> CTGeometry:
    """Grid of a ``vtkMRMLScalarVolumeNode``, wherever and however it lies in the scene.

    Raises
    ------
    InvalidVolumeError
        If the node has no voxels, is a color or label image, lies under a non-linear
        transform, or has axes that are not perpendicular.
    """
    image = check_ct_node(ct_node)
    return grid_geometry(ct_node.GetName(), image.GetDimensions()[::-1], ijk_to_world(ct_node))


def grid_geometry(name: str, stored_shape: tuple[int, int, int], matrix: np.ndarray) -> CTGeometry:
    """Grid of ``stored_shape`` (Z, Y, X) that ``matrix``, 4 x 4, puts into the world.

    Raises
    ------
    InvalidVolumeError
        If a spacing is zero or the axes are not perpendicular; ``name`` says whose.
    """
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.all(spacing > 0):
        raise InvalidVolumeError(sentences.zero_spacing(name=name))
    axes = matrix[:3, :3] / spacing
    if rules.is_sheared(axes):
        raise InvalidVolumeError(sentences.sheared_node(name=name))
    # Directions of ITK are LPS, those of MRML are RAS.
    canonical, reorientation = to_canonical(
        np.broadcast_to(np.uint8(0), stored_shape), np.diag([-1.0, -1.0, 1.0]) @ axes
    )
    z, y, x = (round(float(step), 6) for step in reorientation.spacing(tuple(spacing[::-1])))
    return CTGeometry(
        stored_shape=stored_shape,
        shape=canonical.shape,
        spacing=(z, y, x),
        ijk_to_world=matrix,
        reorientation=reorientation,
    )


def read_voxels(ct_node) -> np.ndarray:
    """HU (Z, Y, X) in the order of the node, a view on its memory."""
    return image_array(check_ct_node(ct_node))


def check_ct_node(ct_node):
    """Image data of a CT node; InvalidVolumeError where it cannot be a CT."""
    if ct_node is None or not ct_node.IsA("vtkMRMLScalarVolumeNode"):
        raise InvalidVolumeError(_("No CT volume is selected. Choose a scalar volume."))
    name = ct_node.GetName()
    if ct_node.GetScene() is None:
        raise InvalidVolumeError(
            _("'{name}' is no longer in the scene. Load it again or choose another CT.").format(name=name)
        )
    if ct_node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InvalidVolumeError(
            _("'{name}' is a label map, not a CT. Choose the CT that it belongs to.").format(name=name)
        )
    image = ct_node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None or 0 in image.GetDimensions():
        raise InvalidVolumeError(_("'{name}' holds no voxels. Load the CT again.").format(name=name))
    if image.GetNumberOfScalarComponents() != 1:
        values = image.GetNumberOfScalarComponents()
        raise InvalidVolumeError(sentences.color_node(name=name, values=values))
    return image


def add_ct_node(scene, name: str, array: np.ndarray, ijk_to_ras: np.ndarray):
    """Add a scalar volume node with a copy of ``array`` (Z, Y, X) in HU; see :mod:`.names` for its name."""
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", clean(name))
    node.SetIJKToRASMatrix(to_matrix(ijk_to_ras))
    node.SetAndObserveImageData(image_from_array(array))
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(80, 40)
    color = slicer.vtkMRMLColorLogic.GetColorTableNodeID(slicer.vtkMRMLColorTableNode.Grey)
    display.SetAndObserveColorNodeID(color)
    keep_saveable(node)
    return node


def add_ct_image(scene, image, name: str):
    """Add a ``SimpleITK.Image`` (3D, one component) as a scalar volume node in its own geometry."""
    import SimpleITK as sitk

    lps_to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return add_ct_node(scene, name, sitk.GetArrayViewFromImage(image), lps_to_ras @ matrix)
