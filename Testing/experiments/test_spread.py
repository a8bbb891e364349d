"""Evaluations on workers give the figures of one process."""

import json

import pytest

pytest.importorskip("distributed")
pytest.importorskip("skimage")
pytest.importorskip("torch")

from ICHHPINetLib.cohort.pool import WorkerLost, open_pool
from ICHHPINetLib.evaluation.methods import known_anywhere
from ICHHPINetLib.evaluation.run import evaluate, read_result
from ICHHPINetLib.evaluation.summary import summarize

OF_THE_RUN = {"seconds", "peak_memory_mib", "machine", "started"}


def figures(value):
    """All of a result that does not depend on when and where it was made."""
    if isinstance(value, dict):
        return {key: figures(one) for key, one in value.items() if key not in OF_THE_RUN}
    return [figures(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def pool(scheduler):
    with open_pool(scheduler=scheduler) as pool:
        yield pool


@pytest.mark.parametrize("method", ["network", "threshold"])
def test_figures_are_the_same_to_the_digit(pool, cases, tiny_weights, tmp_path, method):
    name = str(tiny_weights) if method == "network" else method
    options = {"rounds": 2, "seeds": 2, "guess": method == "network", "device": "cpu"}
    here = evaluate(cases, name, output=tmp_path / "here.json", **options)
    steps = []
    there = evaluate(cases, name, output=tmp_path / "there.json", pool=pool, on_step=steps.append, **options)
    assert figures(there) == figures(here)
    assert figures(read_result(tmp_path / "there.json")) == figures(json.loads(json.dumps(there)))
    assert there["machine"]["workers"] == 2
    assert steps[-1].done == steps[-1].total == 3 * 2 * 2
    assert not (tmp_path / "there.partial.json").exists()


def test_folds_of_an_experiment_share_workers(scheduler, cases, reproduce, tmp_path):
    words = [
        "table1",
        "--cases",
        cases,
        "--methods",
        "threshold",
        "--folds",
        0,
        1,
        "--rounds",
        2,
        "--seeds",
        2,
    ]
    for folder, more in (("here", ()), ("there", ("--scheduler", scheduler))):
        reproduce(*words, *more, "--output", tmp_path / folder)
    names = [path.name for path in sorted((tmp_path / "here" / "results").iterdir())]
    assert names == ["threshold_fold0.json", "threshold_fold1.json"]
    for name in names:
        here, there = (
            json.loads((tmp_path / folder / "results" / name).read_text()) for folder in ("here", "there")
        )
        assert figures(here) == figures(there)


def test_workers_in_other_folders_find_the_weights(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = ("default", "threshold", "fold0.safetensors", "medsam:fold0.safetensors", "nninteractive:model")
    assert [known_anywhere(name) for name in names] == [
        "default",
        "threshold",
        str(tmp_path / "fold0.safetensors"),
        f"medsam:{tmp_path / 'fold0.safetensors'}",
        f"nninteractive:{tmp_path / 'model'}",
    ]


class Deadly:
    """A pool whose worker dies of every run with seed 1, and of all runs of the first case."""

    threads = 1

    def run(self, function, items):
        for index, item in enumerate(items):
            deadly = item[2] == 1 or item[0].id == "050"
            yield index, WorkerLost(3) if deadly else function(*item)


def test_runs_whose_worker_died_are_told(cases, monkeypatch):
    monkeypatch.setattr("ICHHPINetLib.evaluation.spread.own_device", lambda device: device)
    result = evaluate(cases, "threshold", rounds=1, seeds=2, pool=Deadly())
    assert [bool(case["error"]) for case in result["cases"]] == [True, False, False]
    assert [bool(run["error"]) for run in result["cases"][1]["runs"]] == [False, True]
    assert len(summarize(result).failures) == 3
