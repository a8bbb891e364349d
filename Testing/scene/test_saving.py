"""Saving changes nothing in the live scene, and what is loaded again is what was saved."""

import numpy as np
import pytest

from ICHHPINetLib.interaction.scribbles import Scribbles
from Testing.scene.builders import add_ct, marks, oblique, paint, result, rotation, write

SHAPE = (6, 20, 24)
FIRST, SECOND = np.s_[2, 8, 5:12], np.s_[3, 4:15, 9]
DRAWN = {
    "foreground": ([FIRST], []),
    "background": ([], [FIRST]),
    "both": ([FIRST], [SECOND]),
    "crossing": ([FIRST, np.s_[3, 6, 3:16]], [SECOND]),
    "none": ([], []),
}
GRIDS = {
    "axis-aligned": np.diag([-1.0, -1.0, 1.0, 1.0]),
    "oblique": oblique(),
    "anisotropic": np.diag([-0.45, -0.45, 5.0, 1.0]),
    "turned": rotation(35, 1) @ rotation(20) @ np.diag([0.45, 0.45, -5.0, 1.0]),
}


def own_segments(scene, adapter, matrix, place):
    """Segments of the user: in a node of theirs on a grid of its own, or beside ours on the CT's."""
    if place == "own node":
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
        node.CreateDefaultDisplayNodes()
        shape, grid = (12, 40, 48), matrix @ np.diag([0.5, 0.5, 0.5, 1.0])
    else:
        node, shape, grid = adapter.ensure_scribbles()[0], SHAPE, matrix
    segment = node.GetSegmentation().AddEmptySegment("mine", "Mine")
    paint(node, segment, marks(shape, np.s_[2:5, 8:13, 10:20]), grid)
    node.GetSegmentation().AddEmptySegment("", "Still empty")


def contents(scene):
    """(segmentation node, segment) -> positions of its voxels, to 0.01 mm."""
    from ICHHPINetLib.scene.segments import segment_voxels

    found = {}
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLSegmentationNode")
        segmentation = node.GetSegmentation()
        for number in range(segmentation.GetNumberOfSegments()):
            segment_id = segmentation.GetNthSegmentID(number)
            marked, matrix = segment_voxels(node, segment_id)
            places = np.argwhere(marked)[:, ::-1]
            hundredths = 100 * (places @ matrix[:3, :3].T + matrix[:3, 3] + 0.00321)
            name = segmentation.GetSegment(segment_id).GetName()
            found[node.GetName(), name] = {tuple(point) for point in np.floor(hundredths).tolist()}
    return found


@pytest.mark.parametrize(
    ("grid", "drawn", "rounds", "place"),
    [
        ("axis-aligned", "crossing", 1, "own node"),
        ("axis-aligned", "background", 0, "beside ours"),
        ("oblique", "both", 1, "own node"),
        ("oblique", "crossing", 0, "beside ours"),
        ("anisotropic", "foreground", 1, "own node"),
        ("anisotropic", "none", 0, "beside ours"),
        ("turned", "none", 1, "own node"),
        ("turned", "both", 0, "beside ours"),
    ],
)
def test_saving_keeps_every_voxel(scene, tmp_path, grid, drawn, rounds, place):
    from ICHHPINetLib.scene import SceneAdapter, load_mrb, save_mrb
    from ICHHPINetLib.scene.headless import headless_scene

    adapter = SceneAdapter(scene, add_ct(scene, matrix=GRIDS[grid]))
    node, *segments = adapter.ensure_scribbles()
    own_segments(scene, adapter, GRIDS[grid], place)
    for segment, places in zip(segments, DRAWN[drawn], strict=True):
        if places:
            paint(node, segment, marks(SHAPE, *places), GRIDS[grid])
    if rounds:
        mask = adapter.geometry().to_canonical(marks(SHAPE, np.s_[2:4, 5:9, 6:10]))
        write(adapter, result(mask))
    # Read first: where scribbles cross, the loser is erased then.
    scribbles, mask, before = adapter.read_scribbles(), adapter.read_mask(), contents(scene)
    assert scribbles.foreground.any() == bool(DRAWN[drawn][0])
    assert scribbles.background.any() == bool(DRAWN[drawn][1])
    path = save_mrb(scene, tmp_path / "case.mrb")
    assert contents(scene) == before
    assert same(adapter.read_scribbles(), scribbles)
    with headless_scene() as fresh:
        for _ in range(2):
            later = SceneAdapter(fresh, load_mrb(fresh, path)[0])
            assert contents(fresh) == before
            assert same(later.read_scribbles(), scribbles)
            assert np.array_equal(later.read_mask(), mask) if rounds else later.read_mask() is None
            later.ensure_scribbles()
            save_mrb(fresh, path)


def same(one: Scribbles, other: Scribbles) -> bool:
    return np.array_equal(one.foreground, other.foreground) and np.array_equal(
        one.background, other.background
    )
