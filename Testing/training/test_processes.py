"""Several processes train as one does, stop together, and go on in any number."""

import os
import signal
import sys
import threading
import time

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("skimage")
accelerate = pytest.importorskip("accelerate")
rank = torch.distributed.get_rank

from ICHHPINetLib import InputFileError  # noqa: E402
from ICHHPINetLib.cli import main  # noqa: E402
from ICHHPINetLib.errors import DeviceError  # noqa: E402
from ICHHPINetLib.training.loop import Trainer  # noqa: E402
from ICHHPINetLib.training.recipe import Recipe  # noqa: E402
from ICHHPINetLib.training.sampling import Mixture  # noqa: E402
from Testing.training.tiny import TINY, settings  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the launcher of these tests forks")

SMALL = Recipe(Mixture(real=1.0, whole=0.0, voxels=8 * 16 * 16, aged=0.0, moved=0.0, hard=0.0))


def on_two(function, *arguments):
    """Calls ``function`` in two processes with gloo."""
    accelerate.debug_launcher(_alone, (function, *arguments), num_processes=2)


def _alone(function, *arguments):
    # Forked from a process that has trained alone.
    accelerate.PartialState._reset_state()
    function(*arguments)


def train(pack, folder, until, **changes):
    folder.mkdir(exist_ok=True)
    trainer = Trainer(pack, settings(folder, steps=30, recipe=SMALL, **changes), TINY)
    trainer.run(lambda line: None, until=until)


def same_training(one, other):
    one, other = (torch.load(folder / "x.pt", weights_only=True) for folder in (one, other))
    assert one["step"] == other["step"]
    for part in ("network", "average"):
        torch.testing.assert_close(one[part], other[part], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one["optimizer"], other["optimizer"], rtol=1e-3, atol=1e-5)


def test_two_processes_train_as_one_that_averages_two_rounds(small_pack, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    train(small_pack, one, 20, batch=2)
    on_two(train, small_pack, two, 20)
    same_training(one, two)
    # And each goes on as the other began.
    on_two(train, small_pack, one, 22)
    train(small_pack, two, 22, batch=2)
    same_training(one, two)


def test_a_process_that_ends_ends_the_others_with_a_sentence(small_pack, tmp_path):
    def one_leaves():
        train(small_pack, tmp_path, 1)
        if rank() > 0:
            os._exit(0)
        with pytest.raises(DeviceError, match="Another process of this training ended"):
            train(small_pack, tmp_path, 3)

    on_two(one_leaves)
    assert torch.load(tmp_path / "x.pt", weights_only=True)["step"] == 1


def test_sigterm_to_one_process_saves_and_stops_all(small_pack, tmp_path):
    def told():
        if rank() > 0:
            threading.Thread(target=terminate_once_awaited, daemon=True).start()
        trainer = Trainer(small_pack, settings(tmp_path, steps=10**6, recipe=SMALL), TINY)
        trainer.run(lambda line: None)
        (tmp_path / str(rank())).write_text(str(trainer.step))

    def terminate_once_awaited():
        while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    on_two(told)
    step = torch.load(tmp_path / "x.pt", weights_only=True)["step"]
    assert {int((tmp_path / name).read_text()) for name in "01"} == {step}


def test_what_cannot_be_shared_is_refused_in_words(small_pack, tmp_path):
    train(small_pack, tmp_path / "0", 1)

    def refused():
        with pytest.raises(InputFileError, match="a multiple of 2"):
            Trainer(small_pack, settings(tmp_path, batch=3), TINY)
        with pytest.raises(InputFileError, match="do not begin with the same"):
            train(small_pack, tmp_path / str(rank()), 2)
        with pytest.raises(DeviceError, match="card of its own"):
            Trainer(small_pack, settings(tmp_path, device="cuda:1"), TINY)

    on_two(refused)


def test_the_command_packs_writes_and_speaks_once(small_cases, tmp_path, capfd):
    def command():
        words = ["train", "--cases", small_cases, "--run", tmp_path / "run", "--steps", "1"]
        assert main([*map(str, words), "--device", "cpu", "--export", str(tmp_path / "x.safetensors")]) == 0

    on_two(command)
    said = capfd.readouterr().out
    assert said.count("Reading") == said.count("2 cases to train on") == said.count("SHA256") == 1
    assert "averages 2 rounds" in said
    assert (tmp_path / "x.safetensors").exists()
