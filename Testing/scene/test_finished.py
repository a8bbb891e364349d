"""A saved scene as one side of a comparison."""

import json

import numpy as np
import pytest

from ICHHPINetLib import cli
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.interaction.result import RoundResult
from ICHHPINetLib.interaction.scribbles import Scribbles
from Testing.imaging.images import as_ct, ct_image

SHAPE = (6, 20, 24)


def finish(scene, name, voxels, angle=10.0):
    """A CT with a hematoma, and the two as they went in."""
    from ICHHPINetLib.scene import SceneAdapter, add_ct_image

    image, mask = ct_image(SHAPE, angle=angle), np.zeros(SHAPE, np.uint8)
    mask.ravel()[700 : 700 + voxels] = 1
    adapter = SceneAdapter(scene, add_ct_image(scene, image, name))
    scribbles = Scribbles(mask > 0, mask > 1)
    adapter.write_scribbles(scribbles)
    result = RoundResult(mask, mask.astype(np.float32), 1, 0.5, [0], "cpu", "fake")
    adapter.write_rounds(adapter.load_rounds().with_round(result, scribbles).measured(1.0, 1.0))
    return as_ct(image), mask


def test_ct_and_mask_come_back_in_their_place(scene, tmp_path):
    from ICHHPINetLib.imaging.registration import hu_image
    from ICHHPINetLib.scene import save_mrb
    from ICHHPINetLib.scene.finished import read_finished

    ct, mask = finish(scene, "CT", 300)
    save_mrb(scene, tmp_path / "one.mrb")
    read, marks, when = read_finished(tmp_path / "one.mrb")
    np.testing.assert_array_equal(marks, mask)
    np.testing.assert_array_equal(read.hu, ct.hu)
    for name in ("GetOrigin", "GetDirection", "GetSpacing"):
        assert np.allclose(getattr(hu_image(read), name)(), getattr(hu_image(ct), name)(), atol=1e-4)
    assert when == ""


def test_two_scenes_are_compared(scene, tmp_path, capsys):
    from ICHHPINetLib.scene import headless_scene, save_mrb
    from ICHHPINetLib.scene.finished import read_finished

    finish(scene, "CT", 300)
    save_mrb(scene, tmp_path / "one.mrb")
    with headless_scene() as other:
        finish(other, "CT", 380)
        save_mrb(other, tmp_path / "two.mrb")
    words = ["compare", tmp_path / "one.mrb", tmp_path / "two.mrb", "--report", tmp_path / "r.json"]
    assert cli.main([str(word) for word in words]) == 0
    content = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert content["difference_ml"] == pytest.approx(80 * 1.25 / 1000)
    finish(scene, "Other", 300)
    save_mrb(scene, tmp_path / "both.mrb")
    with pytest.raises(InputFileError, match="several CTs: CT, Other"):
        read_finished(tmp_path / "both.mrb")
    with headless_scene() as empty:
        save_mrb(empty, tmp_path / "empty.mrb")
    with pytest.raises(InputFileError, match="no hematoma"):
        read_finished(tmp_path / "empty.mrb")
