"""What a training goes on from and begins with, and that nothing leaks from one fold to another."""

import shutil
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("skimage")

from ICHHPINetLib import InputFileError, load_network  # noqa: E402
from ICHHPINetLib.ablations.network import ablated  # noqa: E402
from ICHHPINetLib.training.export import export_checkpoint  # noqa: E402
from ICHHPINetLib.training.loop import Trainer  # noqa: E402
from Testing.training.tiny import TINY, settings  # noqa: E402


@pytest.fixture(scope="module")
def trained(small_pack, tmp_path_factory):
    """A training that was stopped at once, went on to step 3 of 4, and was exported.

    The trainer, what it said before it stopped, and the folder with x.pt and x.safetensors.
    """
    folder, lines = tmp_path_factory.mktemp("trained"), []
    Trainer(small_pack, settings(folder, minutes=0, validation=["a"]), TINY).run(lines.append)
    trainer = Trainer(small_pack, settings(folder), TINY)
    assert trainer.step == 1
    trainer.run(lines.append, until=3)
    digest = export_checkpoint(folder / "x.pt", folder / "x.safetensors")
    return SimpleNamespace(trainer=trainer, lines=lines, folder=folder, digest=digest)


@pytest.fixture
def tmp_path(trained, tmp_path):
    """A folder with the files of ``trained``."""
    return shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)


def test_training_stops_resumes_and_exports(small_pack, trained, tmp_path):
    assert any("validation Dice" in line for line in trained.lines)
    again = Trainer(small_pack, settings(tmp_path), TINY)
    assert again.step == trained.trainer.step == 3
    again.run(lambda line: None, until=3)
    assert again.step == 3, "what is finished is not trained on"
    network = load_network(tmp_path / "x.safetensors", device="cpu")
    assert network.sha256 == trained.digest
    assert network.name == f"x ({trained.digest[:8]})"


def test_a_checkpoint_goes_on_with_its_own_network_alone(small_pack, tmp_path):
    with pytest.raises(InputFileError, match="another network"):
        Trainer(small_pack, settings(tmp_path), ablated(TINY, "slice_pro"))
    state = torch.load(tmp_path / "x.pt", weights_only=True)
    state["config"]["variant"] = "full"
    torch.save(state, tmp_path / "x.pt")
    assert Trainer(small_pack, settings(tmp_path), TINY).network.config == TINY


def test_a_training_can_start_from_the_weights_of_another(small_pack, trained, tmp_path):
    trainer = Trainer(
        small_pack, settings(tmp_path, checkpoint=tmp_path / "y.pt", start=tmp_path / "x.pt"), TINY
    )
    assert trainer.step == 0
    before, after = trained.trainer.network.state_dict(), trainer.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    for content in (b"no checkpoint", b""):
        (tmp_path / "z.pt").write_bytes(content)
        with pytest.raises(InputFileError, match="can be read"):
            Trainer(
                small_pack, settings(tmp_path, checkpoint=tmp_path / "y.pt", start=tmp_path / "z.pt"), TINY
            )


def test_a_training_can_start_from_a_weights_file(small_pack, tmp_path):
    loaded = load_network(tmp_path / "x.safetensors", device="cpu")
    start = settings(tmp_path, checkpoint=tmp_path / "y.pt", start=tmp_path / "x.safetensors")
    trainer = Trainer(small_pack, start, TINY)
    image = torch.randn(3, 2, 32, 32)
    scribbles, previous = torch.zeros(3, 2, 32, 32), torch.zeros(3, 1, 32, 32)
    for network in (trainer.network, trainer.average.module):
        for one, two in zip(
            network.eval().segment_volume(image, scribbles, previous).converted,
            loaded.segment_volume(image, scribbles, previous).converted,
            strict=True,
        ):
            torch.testing.assert_close(one, two, atol=5e-3, rtol=5e-3)
    trainer.network.train()
    trainer.run(lambda line: None, until=1)
    assert trainer.step == 1


def test_a_training_does_not_go_on_with_another_split(small_pack, tmp_path):
    """Two folds in one folder: the second would have learned from its own test cases."""
    for changes, what in (({"train": ["a"]}, "train"), ({"seed": 1}, "seed")):
        with pytest.raises(InputFileError, match=f"another {what}"):
            Trainer(small_pack, settings(tmp_path, **changes), TINY)


def test_weights_that_saw_a_held_out_bleed_are_no_beginning(small_pack, trained, tmp_path):
    assert trained.trainer.seen == {"a"}
    with pytest.raises(InputFileError, match=r"held out now, a among"):
        start = settings(tmp_path, checkpoint=tmp_path / "y.pt", start=tmp_path / "x.pt", train=["b"])
        Trainer(small_pack, start, TINY)
    start = settings(tmp_path, checkpoint=tmp_path / "y.pt", start=tmp_path / "x.pt")
    assert Trainer(small_pack, start, TINY).seen == {"a"}


def test_a_checkpoint_of_another_version_is_refused_in_words(small_pack, tmp_path):
    state = torch.load(tmp_path / "x.pt", weights_only=True)
    state["network"].pop("mpffm.decoder.trust")
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(InputFileError, match="another version"):
        Trainer(small_pack, settings(tmp_path), TINY)
    torch.save({"weights": 1}, tmp_path / "x.pt")
    with pytest.raises(InputFileError, match="Name a checkpoint"):
        Trainer(small_pack, settings(tmp_path), TINY)


def test_where_cases_are_held_out_nobody_begins_with_weights_of_unknown_origin(small_pack, tmp_path):
    begin = {"checkpoint": tmp_path / "y.pt", "start": tmp_path / "x.safetensors"}
    with pytest.raises(InputFileError, match="does not say which cases"):
        Trainer(small_pack, settings(tmp_path, **begin, train=["b"]), TINY)
    trainer = Trainer(small_pack, settings(tmp_path, **begin), TINY)
    assert trainer.seen is None
    trainer.save()
    again = {"checkpoint": tmp_path / "z.pt", "start": tmp_path / "y.pt", "train": ["b"]}
    with pytest.raises(InputFileError, match="does not say which cases"):
        Trainer(small_pack, settings(tmp_path, **again), TINY)


def test_a_missing_file_to_begin_with_is_named(small_pack, tmp_path):
    with pytest.raises(InputFileError, match=r"none\.pt cannot be read"):
        Trainer(small_pack, settings(tmp_path / "new", start=tmp_path / "none.pt"), TINY)
