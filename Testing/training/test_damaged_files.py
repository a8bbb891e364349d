"""Checkpoints and packs with any damaged field are refused with a sentence."""

import copy
import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("skimage")

from ICHHPINetLib import InputFileError  # noqa: E402
from ICHHPINetLib.training import pack  # noqa: E402
from ICHHPINetLib.training.checkpoint import load_optimizer, load_states  # noqa: E402
from ICHHPINetLib.training.checkpoint_file import read_state  # noqa: E402
from ICHHPINetLib.training.export import export_checkpoint  # noqa: E402
from ICHHPINetLib.training.loop import Trainer  # noqa: E402
from ICHHPINetLib.training.optimizer import Muon  # noqa: E402
from Testing.training.tiny import TINY, settings  # noqa: E402

MODULES, TRUST = ("network", "average"), "mpffm.decoder.trust"
NONSENSE = (None, -5, float("nan"), "x", True, [], {}, [None], {"a": 1}, torch.tensor([1.0, 2.0]))


@pytest.fixture(scope="module")
def trainer(small_pack, tmp_path_factory):
    """A training without a step, saved."""
    trainer = Trainer(small_pack, settings(tmp_path_factory.mktemp("run")), TINY)
    trainer.save()
    return trainer


@pytest.fixture(scope="module")
def saved(trainer):
    """Its fields, but one tensor of each network: whether they fit one is not asked when they are read."""
    state = torch.load(trainer.settings.checkpoint, weights_only=True)
    return {
        **state,
        **{name: {TRUST: state[name]["module." * (name == "average") + TRUST]} for name in MODULES},
    }


def test_every_field_of_a_checkpoint(saved, tmp_path):
    path = tmp_path / "x.pt"
    damaged = list(NONSENSE)
    for name in saved:
        damaged.append({key: value for key, value in saved.items() if key != name})
        # Other cases and other texts are of another training, and nothing is known of what it has seen.
        whole = {"seen": (None, []), "train": ([],), "recipe": ("x",), "start": ("x",)}.get(name, ())
        others = [value for value in NONSENSE if not any(value is one or value == one for one in whole)]
        damaged += [{**saved, name: value} for value in others]
    damaged += [{**saved, "step": step} for step in (2.0, "3", 2**70, torch.tensor(3))]
    for state in damaged:
        torch.save(state, path)
        with pytest.raises(InputFileError, match="no checkpoint that can be read"):
            read_state(path)
    torch.save(saved, path)
    assert read_state(path)["step"] == 0


def test_nobody_goes_on_from_a_damaged_checkpoint(saved, small_pack, tmp_path):
    torch.save({**saved, "step": -5}, tmp_path / "x.pt")
    with pytest.raises(InputFileError, match="'step' is damaged"):
        Trainer(small_pack, settings(tmp_path), TINY)
    with pytest.raises(InputFileError, match="'step' is damaged"):
        Trainer(small_pack, settings(tmp_path, checkpoint=tmp_path / "y.pt", start=tmp_path / "x.pt"), TINY)
    with pytest.raises(InputFileError, match="'step' is damaged"):
        export_checkpoint(tmp_path / "x.pt", tmp_path / "x.safetensors")


@pytest.mark.parametrize("field", MODULES)
def test_tensors_of_a_checkpoint(saved, trainer, field, tmp_path):
    path, module = tmp_path / "x.pt", getattr(trainer, field)
    whole = saved[field][TRUST]
    for value in (whole * float("nan"), whole.to(torch.complex64), None, 1.0):
        torch.save({**saved, field: {TRUST: value}}, path)
        with pytest.raises(InputFileError):
            read_state(path)
    state = module.state_dict()
    name = next(key for key in state if key.endswith(TRUST))
    less = {key: value for key, value in state.items() if key != name}
    for damaged in (less, {**less, name: whole.long()}, {**less, name: whole[None, None]}):
        with pytest.raises(InputFileError, match="another version"):
            load_states(path, [(module, damaged)])
    torch.save(saved, path)
    with pytest.raises(InputFileError, match="another version"):
        export_checkpoint(path, tmp_path / "x.safetensors")


def test_the_state_of_an_optimizer(tmp_path):
    kernel, other = (torch.nn.Parameter(torch.ones(3, 4)) for _ in range(2))
    optimizer = Muon([{"params": [kernel], "kernels": True}, {"params": [other]}], 1e-3)
    (kernel.sum() + other.sum()).backward()
    optimizer.step()
    whole = optimizer.state_dict()
    damaged = []
    for key, name, value in (
        (0, "momentum", torch.zeros(3)),
        (0, "momentum", torch.full((3, 4), float("inf"))),
        (0, "momentum", None),
        (0, "extra", torch.zeros(1)),
        (1, "step", None),
        (1, "step", -5),
        (1, "step", float("nan")),
        (1, "mean", torch.full((3, 4), float("nan"))),
        (1, "square", None),
        (2, "momentum", torch.zeros(1)),
    ):
        damaged.append(copy.deepcopy(whole))
        damaged[-1]["state"].setdefault(key, {})[name] = value
    for name, value in (("params", [1]), ("params", None), ("kernels", None), ("kernels", False)):
        damaged.append(copy.deepcopy(whole))
        damaged[-1]["param_groups"][0][name] = value
    damaged += [{**whole, "param_groups": groups} for groups in ([], [{}], [{}, {}])]
    for one in damaged:
        with pytest.raises(InputFileError, match="state of the optimizer"):
            load_optimizer(tmp_path / "x.pt", optimizer, one)
    load_optimizer(tmp_path / "x.pt", optimizer, whole)


def test_a_checkpoint_that_is_cut_off(saved, tmp_path):
    path = tmp_path / "x.pt"
    torch.save(saved, path)
    content = path.read_bytes()
    for length in np.random.default_rng(0).integers(len(content), size=20):
        path.write_bytes(content[:length])
        with pytest.raises(InputFileError):
            read_state(path)


def test_a_checkpoint_with_flipped_bits(saved, tmp_path):
    path = tmp_path / "x.pt"
    torch.save(saved, path)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    for place in largest.header_offset + largest.file_size // 2 + np.arange(0, 40, 10):
        damaged = bytearray(content)
        damaged[place] ^= 0x40
        path.write_bytes(damaged)
        with pytest.raises(InputFileError, match="damaged"):
            read_state(path)


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
