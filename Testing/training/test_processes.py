"""Several processes train as one does, stop together, and go on in any number."""

import os
import signal
import sys
import threading
import time

import numpy as np
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
from ICHHPINetLib.training.sampling import Mixture, Sampler  # noqa: E402
from Testing.training.tiny import TINY, settings  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the launcher of these tests forks")

SMALL = Recipe(
    Mixture(real=1.0, whole=0.0, voxels=8 * 16 * 16, aged=0.0, moved=0.0, hard=0.0),
    longest=2,
    volume_alone=0.9,
)


def on_two(function, *arguments):
    """Calls ``function`` in two processes with gloo."""
    accelerate.debug_launcher(_alone, (function, *arguments), num_processes=2)


def _alone(function, *arguments):
    # Forked from a process that has trained alone.
    accelerate.PartialState._reset_state()
    function(*arguments)


def train(pack, folder, until, **changes):
    folder.mkdir(exist_ok=True)
    trainer = Trainer(pack, settings(folder, **{"steps": 30, "recipe": SMALL, **changes}), TINY)
    trainer.run(lambda line: None, until=until)
    return trainer


def once(ready, act):
    def wait():
        while not ready():
            time.sleep(0.01)
        act()

    threading.Thread(target=wait, daemon=True).start()


def test_two_processes_train_as_one_that_averages_two_rounds(small_pack, tmp_path):
    train(small_pack, tmp_path / "one", 20, batch=2)
    on_two(train, small_pack, tmp_path / "two", 20)
    one, two = (torch.load(tmp_path / name / "x.pt", weights_only=True) for name in ("one", "two"))
    assert one["step"] == two["step"] == 20
    for part in ("network", "average", "optimizer"):
        torch.testing.assert_close(one[part], two[part], rtol=1e-3, atol=1e-5)


def test_the_first_of_a_batch_draws_what_is_drawn_without_one(small_pack):
    one, first, second = (Sampler(small_pack, ["a", "b"], Mixture(), seed) for seed in (7, [7, 0], [7, 1]))
    drawn = one.draw().hu
    assert np.array_equal(drawn, first.draw().hu)
    assert not np.array_equal(drawn, second.draw().hu)


def test_two_go_on_where_one_stopped_and_one_that_leaves_ends_the_other(small_pack, tmp_path):
    train(small_pack, tmp_path, 1)
    first = (tmp_path / "x.pt").stat().st_mtime_ns

    def one_leaves():
        if rank() > 0:
            once(lambda: (tmp_path / "x.pt").stat().st_mtime_ns > first, lambda: os._exit(0))
        with pytest.raises(DeviceError, match="Another process of this training ended"):
            train(small_pack, tmp_path, None, steps=10**6, save_minutes=0.0)

    on_two(one_leaves)
    assert torch.load(tmp_path / "x.pt", weights_only=True)["step"] > 1


def test_sigterm_to_one_of_two_stops_both_and_one_goes_on(small_pack, tmp_path):
    def told():
        if rank() > 0:
            once(
                lambda: signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL,
                lambda: os.kill(os.getpid(), signal.SIGTERM),
            )
        step = train(small_pack, tmp_path, None, steps=10**6).step
        (tmp_path / str(rank())).write_text(str(step))

    on_two(told)
    stopped = {int((tmp_path / name).read_text()) for name in "01"}
    assert len(stopped) == 1 and max(stopped) < 10**6
    end = max(stopped) + 1
    assert train(small_pack, tmp_path, end, steps=10**6).step == end


def test_what_cannot_be_shared_is_refused_in_words(small_pack, tmp_path):
    def refused():
        with pytest.raises(InputFileError, match="a multiple of 2"):
            Trainer(small_pack, settings(tmp_path, batch=3), TINY)
        with pytest.raises(InputFileError, match="do not begin with the same"):
            Trainer(small_pack, settings(tmp_path, seed=rank()), TINY)
        with pytest.raises(DeviceError, match="card of its own"):
            Trainer(small_pack, settings(tmp_path, device="cuda:1"), TINY)

    on_two(refused)


def test_the_command_packs_writes_and_speaks_once(small_cases, tmp_path, capfd):
    def command():
        words = ["train", "--cases", small_cases, "--run", tmp_path / "run", "--steps", "1"]
        words += ["--variant", "volume_pro"]
        assert main([*map(str, words), "--device", "cpu", "--export", str(tmp_path / "x.safetensors")]) == 0

    on_two(command)
    said = capfd.readouterr().out
    assert said.count("Reading") == said.count("2 cases to train on") == said.count("SHA256") == 1
    assert "averages 2 rounds" in said
    assert (tmp_path / "x.safetensors").exists()
