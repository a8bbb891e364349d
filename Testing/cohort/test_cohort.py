"""``ichhpinet cohort`` from a registry to its results, on a cluster within this process."""

import json
import os

import numpy as np
import pytest
import SimpleITK as sitk
from pyarrow import parquet

from ICHHPINetLib import InteractiveSession, cli
from ICHHPINetLib.cohort import cli as cohort_cli
from ICHHPINetLib.cohort.pool import Pool, WorkerLost
from ICHHPINetLib.cohort.quality_sheet import by_doubt, quality_sheet
from ICHHPINetLib.imaging.ct_files import read_ct


def test_every_ct_of_a_table_gets_what_was_given_for_it(cohort, registry, tiny_weights, tmp_path):
    rows, printed = cohort(registry / "cases.csv")
    assert [(row["id"], row["status"], row["source"]) for row in rows.values()] == [
        ("measured", "done", "mask"),
        ("refined", "done", "scribbles"),
        ("guessed", "done", "guess"),
        ("of another CT", "failed", "guess"),
    ]
    assert "age" in printed and "does not exist" in rows["of another CT"]["error"]

    report = tmp_path / "report.json"
    words = ["measure", registry / "a_mask.nii.gz", "--ct", registry / "a.nii.gz", "--report", report]
    assert cli.main([str(word) for word in words]) == 0
    assert_same(rows["measured"], json.loads(report.read_text()))
    words = ["segment", registry / "a.nii.gz", *["--scribbles", registry / "a_scribbles.nrrd"] * 2]
    words += ["-o", tmp_path / "mask.seg.nrrd", "--report", report, "--weights", tiny_weights]
    assert cli.main([*map(str, words), "--device", "cpu"]) == 0
    last = json.loads(report.read_text())["rounds"][-1]
    assert_same(rows["refined"], last)
    folder = tmp_path / "out" / "cases" / "refined"
    masks = [sitk.ReadImage(str(one)) for one in (tmp_path / "mask.seg.nrrd", folder / "hematoma.seg.nrrd")]
    assert np.array_equal(*map(sitk.GetArrayFromImage, masks))
    assert json.loads((folder / "report.json").read_text())["rounds"][-1]["round"] == 2
    assert (folder / "thumbnail.png").read_bytes().startswith(b"\x89PNG")

    columns = parquet.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert [row["volume_ml"] for row in columns[:3]] == [
        float(row["volume_ml"]) for row in [*rows.values()][:3]
    ]
    assert columns[3]["volume_ml"] is None


def assert_same(row, numbers):
    assert float(row["volume_ml"]) == numbers["volume_ml"]
    assert int(row["foci"]) == numbers["foci"]
    if "likely_volume_ml" in numbers:
        assert float(row["likely_high_ml"]) == pytest.approx(numbers["likely_volume_ml"][1], abs=1e-3)


def test_a_folder_is_guessed_and_done_but_once(cohort, registry, tiny_network, tmp_path, monkeypatch):
    rows, printed = cohort(registry)
    assert [(row["id"], row["status"]) for row in rows.values()] == [
        ("a", "done"),
        ("c", "done"),
        ("damaged", "failed"),
        ("b_ct", "done"),
    ]
    assert "1 failed" in printed and "cut off" in rows["damaged"]["error"]
    ct = read_ct(registry / "c.nrrd")
    doubt = InteractiveSession(tiny_network, ct).guess().doubt
    assert [float(rows["c"][f"likely_{end}_ml"]) for end in ("low", "high")] == list(doubt.interval_ml)

    times = stamps(tmp_path)
    os.utime(registry / "a.nii.gz")
    image = sitk.ReadImage(str(registry / "c.nrrd"))
    sitk.WriteImage(image + 1, str(registry / "c.nrrd"))
    again, printed = cohort(registry)
    assert "done before: 1" in printed, "the touched one is for a worker to look at"
    assert again["a"] == rows["a"] and again["b_ct"] == rows["b_ct"], "even their seconds"
    assert again["c"]["input_sha256"] != rows["c"]["input_sha256"]
    assert [name for name, time in stamps(tmp_path).items() if time != times[name]] == ["c"]

    (tmp_path / "out" / "cases" / "a" / "hematoma.seg.nrrd").unlink()
    monkeypatch.setattr("ICHHPINetLib.cohort.record.__version__", "next")
    assert "CTs to do: 4, done before: 0" in cohort(registry)[1], "other software, other results"


def stamps(tmp_path):
    return {path.parent.name: path.stat().st_mtime_ns for path in tmp_path.glob("out/cases/*/report.json")}


def test_ctrl_c_keeps_what_is_done(cohort, registry, monkeypatch):
    def press(save):
        if [row["status"] for row in save._rows.values()].count("done") == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(cohort_cli._Save, "sometimes", press)
    rows, printed = cohort(registry, code=130)
    assert "stopped" in printed
    done = [name for name, row in rows.items() if row["status"] == "done"]
    assert len(done) == 2
    monkeypatch.undo()
    rows, printed = cohort(registry)
    assert "done before: 2" in printed or "done before: 3" in printed, "one more may have been under way"
    assert len(rows) == 4


def test_a_ct_that_kills_its_workers_is_a_row(cohort, registry, monkeypatch):
    def run(pool, function, items):
        for index, (case, job) in enumerate(items):
            yield index, WorkerLost(3) if case.id == "refined" else function(case, job)

    monkeypatch.setattr(Pool, "run", run)
    rows, _ = cohort(registry / "cases.csv")
    assert rows["refined"]["status"] == "failed" and "died 3 times" in rows["refined"]["error"]
    assert [row["status"] for row in rows.values()].count("done") == 2


def test_a_dry_run_writes_nothing(cohort, registry, tmp_path):
    rows, printed = cohort(registry / "cases.csv", "--dry-run")
    assert not rows and not (tmp_path / "out").exists()
    assert "4 CTs" in printed and "none.nii.gz' does not exist" in printed


def test_a_table_of_somebody_elses_stays(cohort, registry, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("patient,age\n")
    assert "not of this command" in cohort(registry, code=2)[1]
    assert (tmp_path / "out" / "results.csv").read_text() == "patient,age\n"


def test_what_no_worker_could_do_ends_before_the_first_ct(cohort, registry, tmp_path):
    assert "--workers" in cohort(registry, "--workers", 2, code=2)[1]
    assert "cannot be read" in cohort(registry, "--weights", tmp_path / "none.safetensors", code=2)[1]


def row(name, doubt=0.0, status="done", **more):
    numbers = {"volume_ml": 1.0, "foci": 1, "doubt_ml": doubt, "source": "guess", "ct": "/x", "error": "why"}
    return {"id": name, "status": status, **numbers, **more}


def test_the_quality_sheet_begins_with_what_needs_a_look():
    rows = [
        row("sure", 1),
        row("unsure", 9),
        row("odd", 2, warnings="<b>odd</b>"),
        row("bad", status="failed"),
    ]
    assert [one["id"] for one in by_doubt(rows)] == ["bad", "odd", "unsure", "sure"]
    page = quality_sheet([*rows, row("a <b> & #1")]).decode()
    assert "&lt;b&gt;odd" in page and "<b>" not in page
    assert 'src="cases/a%20%3Cb%3E%20%26%20%231/thumbnail.png"' in page
