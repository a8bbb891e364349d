"""Jobs in a thread of their own, one after the other."""

import threading

from ICHHPINetLib.interaction.executor import ThreadExecutor


def test_thread_runs_every_job_in_order_in_one_other_thread():
    seen = []
    executor = ThreadExecutor()
    for number in range(20):
        executor.submit(lambda number=number: seen.append((number, threading.current_thread())))
    assert executor.shutdown(5)
    assert [number for number, _ in seen] == list(range(20))
    assert len({thread for _, thread in seen}) == 1
    assert seen[0][1] is not threading.current_thread()
    assert seen[0][1].daemon


def test_no_thread_before_the_first_job():
    before = threading.active_count()
    executor = ThreadExecutor()
    assert threading.active_count() == before
    assert executor.shutdown(0)


def test_shutdown_says_when_a_job_does_not_end_in_time():
    release = threading.Event()
    executor = ThreadExecutor()
    executor.submit(release.wait)
    assert not executor.shutdown(0.01)
    release.set()
