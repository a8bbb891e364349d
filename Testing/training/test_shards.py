"""A pack in shards holds what one in a file holds, and reads a case when it is asked for."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skimage")

from ICHHPINetLib import InputFileError
from ICHHPINetLib.training import pack
from ICHHPINetLib.training.cli import open_pack
from ICHHPINetLib.training.sampling import Mixture, Sampler


@pytest.fixture
def shards(small_cases, tmp_path, monkeypatch):
    """A folder with a shard for each case of ``small_cases``."""
    monkeypatch.setattr(pack, "SHARD_BYTES", 1000)
    pack.build(small_cases, small_cases / "shapes", tmp_path / "pack.npz")
    return tmp_path / "pack"


def shard_of(shards, case):
    return next(path for path in shards.iterdir() if f"case/{case}/codes".encode() in path.read_bytes())


def test_more_cases_than_a_file_holds_become_shards(shards, small_pack):
    assert len(list(shards.iterdir())) >= 2
    loaded = pack.load(shards)
    assert loaded.bleeding == small_pack.bleeding == {"a"}
    for name, case in small_pack.cases.items():
        assert loaded.cases[name].slice_mm == case.slice_mm
        for field in ("codes", "fraction", "inside"):
            assert np.array_equal(getattr(loaded.cases[name], field), getattr(case, field))
    assert np.array_equal(loaded.shapes[0].mask, small_pack.shapes[0].mask)


def test_the_same_samples_are_drawn_from_them(shards, small_pack):
    mixture = Mixture(whole=0.3, voxels=8 * 32 * 32)
    one, two = (Sampler(each, ["a", "b"], mixture, seed=3) for each in (small_pack, pack.load(shards)))
    assert all(np.array_equal(one.draw().hu, two.draw().hu) for _ in range(4))


def test_a_run_makes_shards_where_it_needs_them_and_finds_them(small_cases, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pack, "SHARD_BYTES", 1000)
    for _ in range(2):
        assert set(open_pack(tmp_path, None, small_cases, None).cases) == {"a", "b"}
        assert [path.name for path in tmp_path.iterdir()] == ["pack"]
    assert set(open_pack(tmp_path, tmp_path / "pack", None, None).cases) == {"a", "b"}
    assert capsys.readouterr().out.count("Reading") == 1, "nothing is packed again"


def test_a_damaged_case_is_named_when_it_is_read(shards):
    path = shard_of(shards, "a")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    cases = pack.load(shards).cases
    with pytest.raises(InputFileError, match=r"Case a cannot be read .* make it anew"):
        cases["a"]
    assert cases["b"].codes.any()


def test_a_shard_that_was_cut_short_is_named_at_once(shards):
    path = shard_of(shards, "a")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputFileError, match="no training pack"):
        pack.load(shards)
