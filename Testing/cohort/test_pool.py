"""Work on workers: each piece once, whoever dies meanwhile."""

import os
import socket
import sys
from types import SimpleNamespace

import pytest

from ICHHPINetLib.cohort.pool import WorkerLost, open_pool
from ICHHPINetLib.cohort.worker import own_device
from ICHHPINetLib.errors import InputFileError
from Testing.cohort.chores import chore, tries

linux_alone = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@linux_alone
def test_a_killed_worker_costs_no_piece_and_a_deadly_piece_no_other(tmp_path):
    """In processes of their own, as everywhere but in these tests."""
    with open_pool(workers=1) as pool:
        assert pool.memory > 0 and pool.threads == 1
        done = dict(pool.run(chore, [(str(tmp_path), n, {1: 1, 3: 9}.get(n, 0)) for n in range(6)]))
    assert done == {0: 0, 1: 1, 2: 4, 3: WorkerLost(3), 4: 16, 5: 25}
    assert [tries(tmp_path, n) for n in range(6)] == [1, 2, 1, 3, 1, 1]
    pids = {pid for n in range(6) for pid in (tmp_path / str(n)).read_text().split()}
    assert str(os.getpid()) not in pids


@pytest.mark.filterwarnings("ignore:Port")
def test_a_scheduler_that_is_started_anew_costs_nothing(tmp_path):
    from distributed import LocalCluster

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def cluster():
        options = {"processes": False, "protocol": "tcp", "dashboard_address": None, "silence_logs": 50}
        return LocalCluster(n_workers=1, threads_per_worker=1, scheduler_port=port, **options)

    running, done = cluster(), []
    try:
        with open_pool(scheduler=f"tcp://127.0.0.1:{port}") as pool:
            for index, result in pool.run(chore, [(str(tmp_path), n) for n in range(8)]):
                done.append((index, result))
                if len(done) == 3:
                    running.close()
                    running = cluster()
    finally:
        running.close()
    assert sorted(done) == [(n, n * n) for n in range(8)]


def test_an_exception_ends_the_run_and_not_the_pool(scheduler, tmp_path):
    with open_pool(scheduler=scheduler) as pool:
        with pytest.raises(ZeroDivisionError):
            list(pool.run(divmod, [(3, 1), (3, 0), (3, 2)]))
        assert dict(pool.run(divmod, [(3, 1), (3, 2)])) == {0: (3, 0), 1: (1, 1)}


def test_a_wrong_address_is_told(monkeypatch):
    monkeypatch.setattr("ICHHPINetLib.cohort.pool._FIRST_CONNECTION_S", 0.2)
    with pytest.raises(InputFileError, match="No Dask scheduler"), open_pool(scheduler="tcp://127.0.0.1:9"):
        pass


@pytest.mark.parametrize(
    ("name", "device", "own"),
    [
        (0, "auto", "cuda:0"),
        (3, "cuda", "cuda:1"),
        ("SLURMCluster-7-1", "auto", "cuda:1"),
        ("a", "auto", "cuda:0"),
        (3, "cuda:0", "cuda:0"),
        (3, "cpu", "cpu"),
    ],
)
def test_each_worker_of_a_computer_has_a_card_of_its_own(monkeypatch, name, device, own):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr("distributed.get_worker", lambda: SimpleNamespace(name=name))
    assert own_device(device) == own
