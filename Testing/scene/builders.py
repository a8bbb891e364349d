"""CTs, transforms, painted segments and a session without a network."""

from types import SimpleNamespace

import numpy as np

from ICHHPINetLib.interaction.result import RoundResult
from ICHHPINetLib.interaction.round_log import RoundLog
from ICHHPINetLib.interaction.scribbles import Scribbles

SHAPE = (6, 20, 24)
SPACING = (5.0, 0.45, 0.45)


def rotation(degrees, axis=0):
    """4 x 4 rotation about a world axis."""
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    first, second = [index for index in range(3) if index != axis]
    matrix = np.eye(4)
    matrix[[first, first, second, second], [first, second, first, second]] = cosine, -sine, sine, cosine
    return matrix


def oblique():
    """IJK to RAS of the contract's CT: rotated by 20 degrees, 0.45 x 0.45 x 5 mm, DICOM's usual x and y."""
    matrix = rotation(20) @ np.diag([-0.45, -0.45, 5.0, 1.0])
    matrix[:3, 3] = 57.3, 41.9, -63.2
    return matrix


def voxels(shape=SHAPE):
    """HU in which every voxel is another one."""
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape)


def add_ct(scene, name="CT", matrix=None, array=None):
    from ICHHPINetLib.scene import add_ct_node

    return add_ct_node(
        scene, name, voxels() if array is None else array, oblique() if matrix is None else matrix
    )


def add_transform(scene, matrix, name="Registration"):
    from ICHHPINetLib.scene.geometry import to_matrix

    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    transform.SetMatrixTransformToParent(to_matrix(matrix))
    return transform


def add_warp(scene, name="Warp"):
    """A non-linear transform node."""
    import vtk

    points = [vtk.vtkPoints() for _ in range(2)]
    for position in np.random.default_rng(0).normal(0, 50, (8, 3)):
        points[0].InsertNextPoint(position)
        points[1].InsertNextPoint(position + np.random.default_rng(int(abs(position[0]))).normal(0, 5, 3))
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetBasisToR()
    spline.SetSourceLandmarks(points[0])
    spline.SetTargetLandmarks(points[1])
    transform = scene.AddNewNodeByClass("vtkMRMLTransformNode", name)
    transform.SetAndObserveTransformToParent(spline)
    return transform


def paint(node, segment, marked, ijk_to_local, erase=False):
    """Paint as the Segment Editor does: merge a label map of any grid into a segment."""
    import slicer

    from ICHHPINetLib.scene.geometry import image_from_array, to_matrix

    logic = slicer.vtkSlicerSegmentationsModuleLogic
    marked = np.asarray(marked, np.uint8)
    image = image_from_array(1 - marked if erase else marked, slicer.vtkOrientedImageData)
    image.SetImageToWorldMatrix(to_matrix(ijk_to_local))
    merge = logic.MODE_MERGE_MIN if erase else logic.MODE_MERGE_MASK
    assert logic.SetBinaryLabelmapToSegment(image, node, segment, merge)


def marks(shape, *places):
    """bool array with True at ``places``, each an index or a tuple of slices."""
    array = np.zeros(shape, bool)
    for place in places:
        array[place] = True
    return array


def drawn(shape=SHAPE):
    """A one-voxel wide scribble of each kind."""
    return Scribbles(marks(shape, np.s_[2, 8, 5:12]), marks(shape, np.s_[3, 15, 4:9], np.s_[4, 3:8, 20]))


def measured(mask, spacing=SPACING):
    volume = float(np.count_nonzero(mask) * np.prod(spacing) / 1000)
    return SimpleNamespace(volume_ml=volume, abc2_ml=volume * 0.9)


def result(mask, number=1):
    mask = np.asarray(mask, np.uint8)
    return RoundResult(mask, mask.astype(np.float32), number, 0.25, [2], "cpu", "default")


def write(adapter, result, scribbles=None):
    """Write one more round, as a controller would; the row of the table."""
    log = adapter.load_rounds().with_round(result, scribbles or adapter.read_scribbles())
    numbers = measured(result.mask)
    adapter.write_rounds(log.measured(numbers.volume_ml, numbers.abc2_ml))
    return adapter.rounds_rows()[-1]


class FakeSession:
    """The interface of InteractiveSession; a bleed is what lies within one voxel of the foreground.

    Of ``ct`` it takes shape and spacing.
    """

    warnings = ()

    def __init__(self, ct, settings=None):
        self.log = RoundLog.empty(ct.shape, ct.spacing)

    def refine(self, scribbles, on_progress=None, is_cancelled=None, *, accumulate=True):
        from scipy.ndimage import binary_dilation

        together = self.log.scribbles.merged(scribbles) if accumulate else scribbles
        mask = (binary_dilation(together.foreground) | (self.log.mask > 0)) & ~together.background
        one = result(mask | together.foreground, self.log.number + 1)
        self.log = self.log.with_round(one, together)
        return one
