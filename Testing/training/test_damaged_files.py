"""Checkpoints and packs with any damaged field are refused with a sentence."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("skimage")

from ICHHPINetLib import InputFileError  # noqa: E402
from ICHHPINetLib.training import pack  # noqa: E402
from ICHHPINetLib.training.loop import Trainer  # noqa: E402
from ICHHPINetLib.weights.export import export_checkpoint  # noqa: E402
from Testing.training.tiny import TINY, settings  # noqa: E402

NONSENSE = (None, -5, float("nan"), "x", True, [], {}, [None], {"a": 1}, torch.tensor([1.0, 2.0]))


@pytest.fixture(scope="module")
def saved(small_pack, tmp_path_factory):
    """Fields of the checkpoint of a training of one step."""
    folder = tmp_path_factory.mktemp("run")
    trainer = Trainer(small_pack, settings(folder), TINY)
    sum(parameter.square().sum() for parameter in trainer.network.parameters()).backward()
    trainer.optimizer.step()
    trainer.step = 1
    trainer.save()
    return torch.load(folder / "x.pt", weights_only=True)


@pytest.fixture
def refuse(small_pack, tmp_path):
    """Expects that nobody goes on from damaged fields, starts with them or exports them."""

    def check(state, exports=True, starts=True):
        torch.save(state, tmp_path / "x.pt")
        with pytest.raises(InputFileError):
            Trainer(small_pack, settings(tmp_path), TINY)
        if starts:
            with pytest.raises(InputFileError):
                start = settings(tmp_path, checkpoint=tmp_path / "y.pt", start=tmp_path / "x.pt")
                Trainer(small_pack, start, TINY)
        if exports:
            with pytest.raises(InputFileError):
                export_checkpoint(tmp_path / "x.pt", tmp_path / "x.safetensors")

    return check


def test_every_field_of_a_checkpoint(saved, refuse):
    rng = np.random.default_rng(0)
    for name in saved:
        refuse({key: value for key, value in saved.items() if key != name})
        for value in rng.permutation(len(NONSENSE))[:4]:
            if name == "seen" and NONSENSE[value] in (None, []):
                continue
            # An empty list of cases, or another text, is of another training, but not damaged.
            whole = (name == "train" and NONSENSE[value] == []) or (
                name in ("recipe", "start") and NONSENSE[value] == "x"
            )
            refuse({**saved, name: NONSENSE[value]}, exports=not whole, starts=not whole)
    for state in NONSENSE:
        refuse(state)


@pytest.mark.parametrize("step", [None, -5, float("nan"), 2.0, True, "3", torch.tensor(3)])
def test_a_step_that_is_none(saved, refuse, step):
    refuse({**saved, "step": step})


@pytest.mark.parametrize("field", ["network", "average"])
def test_tensors_of_a_checkpoint(saved, refuse, field):
    name = next(key for key in saved[field] if key.endswith("mpffm.decoder.trust"))
    whole = saved[field][name]
    for value in (
        whole * float("nan"),
        whole.to(torch.complex64),
        whole.long(),
        whole[None, None],
        None,
        1.0,
    ):
        # Only the average is exported, whatever the shapes in the other are.
        refuse({**saved, field: {**saved[field], name: value}}, exports=field == "average" or value is None)
    less = {key: value for key, value in saved[field].items() if key != name}
    refuse({**saved, field: less}, exports=field == "average")


def test_the_state_of_the_optimizer(saved, refuse):
    state = saved["optimizer"]["state"]
    kernel = next(key for key, one in state.items() if "momentum" in one)
    other = next(key for key, one in state.items() if "step" in one)
    for key, name, value in (
        (kernel, "momentum", torch.zeros(3)),
        (kernel, "momentum", state[kernel]["momentum"] * float("inf")),
        (kernel, "momentum", None),
        (kernel, "extra", torch.zeros(1)),
        (other, "step", None),
        (other, "step", -5),
        (other, "step", float("nan")),
        (other, "mean", state[other]["mean"] * float("nan")),
        (other, "square", None),
        (999, "momentum", torch.zeros(1)),
    ):
        damaged = copy.deepcopy(saved["optimizer"])
        damaged["state"].setdefault(key, {})[name] = value
        refuse({**saved, "optimizer": damaged}, exports=False, starts=False)
    for name, value in (("params", [0]), ("params", None), ("kernels", None), ("kernels", False)):
        damaged = copy.deepcopy(saved["optimizer"])
        damaged["param_groups"][0][name] = value
        refuse({**saved, "optimizer": damaged}, exports=False, starts=False)
    for groups in ([], [{}], [{}, {}]):
        refuse(
            {**saved, "optimizer": {**saved["optimizer"], "param_groups": groups}},
            exports=False,
            starts=False,
        )


def test_a_checkpoint_with_flipped_bits_or_cut_off(saved, small_pack, tmp_path):
    torch.save(saved, tmp_path / "x.pt")
    content = (tmp_path / "x.pt").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(20):
        (tmp_path / "x.pt").write_bytes(content[: rng.integers(len(content))])
        with pytest.raises(InputFileError):
            export_checkpoint(tmp_path / "x.pt", tmp_path / "x.safetensors")


@pytest.fixture(scope="module")
def packed():
    codes = np.full((2, 4, 6), 100, np.uint8)
    return {
        "case/a/codes": codes,
        "case/a/inside": np.packbits(codes > 0),
        "case/a/fraction": codes,
        "case/a/slice_mm": np.float32(5),
        "shape/0/mask": np.packbits(np.ones((2, 3, 3), bool)),
        "shape/0/size": np.array((2, 3, 3), np.int32),
        "shape/0/place": np.array((5, 0.5, 0.5, 0.5), np.float32),
    }


def test_every_field_of_a_pack(packed, tmp_path):
    path = tmp_path / "pack.npz"
    np.savez(path, **packed)
    assert pack.load(path).cases["a"].bleeds
    for name, array in packed.items():
        whole = np.array(array)
        damaged = [
            np.full_like(whole, 255 if whole.dtype == np.uint8 else -1)[..., np.newaxis],
            whole.astype(complex),
            np.array("x"),
            np.array([], whole.dtype),
            np.float32("nan"),
        ]
        if whole.dtype.kind in "if":
            damaged += [whole * -1, whole * 10**6]
        if whole.dtype.kind == "f":
            damaged += [whole * np.float32("nan"), whole * np.float32("inf")]
        changes = [{**packed, name: value} for value in damaged]
        changes.append({**packed, f"{name}x": array})
        if not name.endswith("fraction"):
            changes.append({key: value for key, value in packed.items() if key != name})
        for change in changes:
            np.savez(path, **change)
            with pytest.raises(InputFileError, match="is no training pack"):
                pack.load(path)
    for change in ({}, {"case": packed["case/a/codes"]}, {"other/a/codes": packed["case/a/codes"]}):
        np.savez(path, **change)
        with pytest.raises(InputFileError, match="is no training pack"):
            pack.load(path)


def test_a_pack_with_flipped_bits_or_cut_off(packed, tmp_path):
    path = tmp_path / "pack.npz"
    np.savez_compressed(path, **packed)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for number in range(60):
        damaged = bytearray(content)
        if number % 2:
            damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
        else:
            del damaged[rng.integers(len(content)) :]
        path.write_bytes(damaged)
        try:
            loaded = pack.load(path)
        except InputFileError:
            continue
        # A bit that means nothing, such as one of a date.
        assert np.array_equal(loaded.cases["a"].codes, packed["case/a/codes"])
        assert len(loaded.shapes) == 1
