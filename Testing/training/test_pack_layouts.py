"""Training data are packed from any layout, and what cannot teach is left out."""

import numpy as np
import pytest

pytest.importorskip("torch")

from ICHHPINetLib import InputFileError
from ICHHPINetLib.training import pack
from ICHHPINetLib.training.cli import open_pack
from Testing.datasets import lookalikes


@pytest.mark.parametrize("layout", ["pairs", "ct_ich", "bhsd", "mbh_seg", "instance", "nnunet"])
def test_every_layout_packs(layout, tmp_path):
    folder = getattr(lookalikes, layout)(tmp_path / "cases")
    pack.build(folder, None, tmp_path / "pack.npz")
    cases = pack.load(tmp_path / "pack.npz").cases
    assert any(case.bleeds for case in cases.values())
    assert all(case.slice_mm == 5 for case in cases.values())


def test_the_layout_changes_nothing(tmp_path):
    packs = []
    for layout in ("pairs", "instance", "nnunet"):
        pack.build(getattr(lookalikes, layout)(tmp_path / layout), None, tmp_path / f"{layout}.npz")
        packs.append(next(iter(pack.load(tmp_path / f"{layout}.npz").cases.values())))
    assert all(np.array_equal(one.codes, packs[0].codes) for one in packs)
    assert all(np.array_equal(one.fraction, packs[0].fraction) for one in packs)


def test_cases_without_a_mask_are_left_out_and_named(tmp_path):
    folder = lookalikes.nnunet(tmp_path / "cases")
    notes = pack.build(folder, None, tmp_path / "pack.npz")
    assert sorted(pack.load(tmp_path / "pack.npz").cases) == ["ICH_001"]
    assert "ICH_002: left out. It has no mask in labelsTr." in notes


def test_a_pack_of_other_cases_is_not_taken_for_theirs(tmp_path):
    one, other = lookalikes.pairs(tmp_path / "one"), lookalikes.nnunet(tmp_path / "other")
    for _ in range(2):
        assert set(open_pack(tmp_path / "run", None, one, None).cases) == {"a", "b"}
    with pytest.raises(InputFileError, match="made of other cases"):
        open_pack(tmp_path / "run", None, other, None)
    assert set(open_pack(tmp_path / "run", tmp_path / "run" / "pack.npz", other, None).cases) == {"a", "b"}


def test_a_misfit_stops_before_anything_is_packed(tmp_path):
    folder = lookalikes.instance(tmp_path / "cases")
    lookalikes.write(folder / "train_2" / "label" / "002.nii.gz", lookalikes.labels(1)[:2])
    with pytest.raises(InputFileError, match="case 002"):
        pack.build(folder, None, tmp_path / "pack.npz")
    assert not (tmp_path / "pack.npz").exists()
