"""The protocol with made-up sessions, and the whole way from a folder to a result file."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.errors import InputFileError, MissingPackageError, OutputError, WeightsError
from ICHHPINetLib.evaluation.cases import LoadedCase
from ICHHPINetLib.evaluation.protocol import run_cases, scribble_rounds
from ICHHPINetLib.evaluation.report import tables
from ICHHPINetLib.evaluation.run import evaluate, read_result
from ICHHPINetLib.evaluation.summary import summarize
from ICHHPINetLib.imaging.ct import CT
from ICHHPINetLib.simulation import users

pytest.importorskip("skimage")

SPACING = (5.0, 1.0, 1.0)
SHAPE = (6, 60, 56)


def bleed():
    slices, rows, columns = np.indices(SHAPE)
    return (((slices - 3) / 2.5) ** 2 + ((rows - 26) / 11) ** 2 + ((columns - 30) / 8) ** 2) <= 1


class PerfectOnScribbledSlices:
    """Knows the truth of every slice that was ever scribbled on, and nothing else."""

    def __init__(self, truth):
        self.truth, self.mask, self.given = truth, np.zeros(truth.shape, np.uint8), []

    def refine(self, scribbles):
        self.given.append(scribbles)
        for index in scribbles.slices():
            self.mask[index] = self.truth[index]
        return SimpleNamespace(mask=self.mask.copy())


class Deaf:
    """Never finds anything, not even what is scribbled."""

    def __init__(self, *_):
        pass

    def refine(self, scribbles):
        return SimpleNamespace(mask=np.zeros(scribbles.shape, np.uint8))


def case(name="a", truth=None, error=None):
    def load():
        if error:
            raise error
        return LoadedCase(CT(np.full(SHAPE, 30.0), SPACING), bleed() if truth is None else truth)

    return SimpleNamespace(id=name, bleed_types=("deep",), load=load)


def rows_of(session, rounds=8, seed=0):
    return list(scribble_rounds(session, bleed(), SPACING, rounds, np.random.default_rng(seed)))


def test_scribbles_on_the_worst_slice_until_nothing_is_wrong():
    rows = rows_of(PerfectOnScribbledSlices(bleed()))

    dices = [row["dice"] for row in rows]
    assert dices == sorted(dices)
    assert dices[-1] == 1
    scribbled = [row["slice"] for row in rows if row["slice"] is not None]
    assert sorted(scribbled) == np.flatnonzero(bleed().any(axis=(1, 2))).tolist()
    after = rows[len(scribbled) :]
    assert all(row["foreground_voxels"] == row["background_voxels"] == row["seconds"] == 0 for row in after)
    assert [row["round"] for row in rows] == list(range(1, 9))


def test_first_round_has_scribbles_of_both_kinds_on_one_slice():
    session = PerfectOnScribbledSlices(bleed())
    row = rows_of(session, rounds=1)[0]

    assert len(session.given[0].slices()) == 1
    assert row["foreground_voxels"] == np.count_nonzero(session.given[0].foreground) > 0
    assert row["background_voxels"] > 0


def test_counts_how_much_of_the_scribbles_was_obeyed():
    assert all(row["obeyed"] == 1 for row in rows_of(PerfectOnScribbledSlices(bleed())))
    deaf = rows_of(Deaf(), rounds=2)
    share = deaf[0]["background_voxels"] / (deaf[0]["background_voxels"] + deaf[0]["foreground_voxels"])
    assert deaf[0]["obeyed"] == pytest.approx(share)
    assert deaf[0]["hd95_mm"] is None


def test_same_seed_same_rounds_and_another_seed_another_start():
    def slices(seeds):
        reports = run_cases([case()], lambda *_: PerfectOnScribbledSlices(bleed()), 3, seeds)
        return [[row["slice"] for row in run["rounds"]] for run in reports[0]["runs"]]

    assert slices(2) == slices(4)[:2]
    assert len({tuple(run) for run in slices(4)}) > 1


def test_a_failing_case_does_not_stop_the_others():
    broken = case("broken", error=InputFileError("no such file"))
    other_shape = case("other", truth=np.pad(bleed(), 1))
    steps = []

    reports = run_cases(
        [broken, other_shape, case("fine")],
        lambda *_: PerfectOnScribbledSlices(bleed()),
        rounds=2,
        seeds=2,
        on_step=steps.append,
    )

    assert reports[0]["error"] == "InputFileError: no such file"
    assert reports[0]["runs"] == []
    assert "InvalidVolumeError" in reports[1]["error"]
    assert [len(run["rounds"]) for run in reports[2]["runs"]] == [2, 2]
    assert steps[-1].done == steps[-1].total == 12


def test_a_failing_run_keeps_its_first_rounds():
    class FailsInRoundTwo(PerfectOnScribbledSlices):
        def refine(self, scribbles):
            if self.given:
                raise ValueError("broken")
            return super().refine(scribbles)

    run = run_cases([case()], lambda *_: FailsInRoundTwo(bleed()), rounds=3, seeds=1)[0]["runs"][0]

    assert run["error"] == "ValueError: broken"
    assert len(run["rounds"]) == 1


def test_reports_the_truth_with_its_bedside_estimate():
    report = run_cases([case()], Deaf, rounds=1, seeds=1)[0]
    assert report["truth"]["volume_ml"] == pytest.approx(bleed().sum() * 5 / 1000)
    assert report["truth"]["abc2_ml"] > 0
    assert report["bleed_types"] == ["deep"]


@pytest.fixture
def folder(tmp_path):
    truth = bleed()
    volume = np.where(truth, 65, 30) + np.random.default_rng(0).normal(0, 3, SHAPE)
    volume[:, :4] = -1000
    for name, array in (("ct", volume.astype(np.int16)), ("mask", truth.astype(np.uint8))):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(SPACING[::-1])
        sitk.WriteImage(image, str(tmp_path / f"p_{name}.nii.gz"))
    return tmp_path


def test_evaluates_a_baseline_from_folder_to_file(folder):
    output = folder / "out" / "result.json"

    result = evaluate(folder, "threshold", rounds=2, seeds=2, output=output)

    assert read_result(output) == json.loads(json.dumps(result))
    assert result["method"] == "threshold"
    assert result["data"]["cases"] == 1
    assert str(folder) not in output.read_text(encoding="utf-8"), "a result must not tell where the data lay"
    rounds = result["cases"][0]["runs"][1]["rounds"]
    assert rounds[-1]["dice"] > 0.8
    assert rounds[-1]["obeyed"] == 1


def test_evaluates_a_network(folder, tiny_weights):
    result = evaluate(folder, str(tiny_weights), rounds=1, seeds=1, device="cpu", label="mine")
    assert result["method"] == "mine"
    assert len(result["sha256"]) == 64
    assert result["device"] == "cpu"
    assert result["cases"][0]["runs"][0]["rounds"][0]["obeyed"] == 1


def test_after_a_guess_the_robot_begins_where_it_is_wrong():
    class Guessing(PerfectOnScribbledSlices):
        def guess(self):
            # All but one slice.
            self.mask = self.truth.astype(np.uint8)
            self.mask[4] = 0
            return SimpleNamespace(mask=self.mask.copy())

    (report,) = run_cases([case()], lambda ct: Guessing(bleed()), 2, 1, guess=True)
    (run,) = report["runs"]
    assert run["error"] is None
    assert 0.5 < run["guess"]["dice"] < 1
    assert run["rounds"][0]["slice"] == 4
    assert [row["dice"] for row in run["rounds"]] == [1, 1]


def test_a_network_guesses_and_its_result_tells(folder, tiny_weights):
    result = evaluate(folder, str(tiny_weights), rounds=1, seeds=1, device="cpu", guess=True)
    assert result["prompts"] == "robot, after a first guess"
    summary = summarize(result)
    assert summary.guess_dice == result["cases"][0]["runs"][0]["guess"]["dice"]
    assert any("first guess" in row[0] for table in tables(summary) for row in table.rows)


def test_classical_methods_do_not_guess(folder):
    with pytest.raises(InputFileError, match="cannot guess"):
        evaluate(folder, "threshold", guess=True)


def test_what_cannot_work_is_told_before_the_first_round(folder):
    with pytest.raises(InputFileError, match="1 or more"):
        evaluate(folder, "threshold", rounds=0)
    with pytest.raises(OutputError):
        evaluate(folder, "threshold", output=folder)
    with pytest.raises((WeightsError, MissingPackageError)):
        evaluate(folder, str(folder / "nothing.safetensors"))


def test_files_that_are_no_result_are_refused(tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    with pytest.raises(InputFileError, match="no evaluation result"):
        read_result(wrong)
    with pytest.raises(InputFileError, match="cannot be read"):
        read_result(tmp_path / "missing.json")


def test_a_file_of_the_users_is_not_taken_for_finished_cases(tmp_path):
    theirs = tmp_path / "result.partial.json"
    for text in ("mine", "[1]", "{}"):
        theirs.write_text(text)
        with pytest.raises(OutputError, match="in the way"):
            evaluate(tmp_path, "threshold", output=tmp_path / "result.json")
        assert theirs.read_text() == text
    with pytest.raises(OutputError, match="cannot be written"):
        evaluate(tmp_path, "threshold", output=tmp_path / f"{'x' * 248}.json")


class Doubting(PerfectOnScribbledSlices):
    """Says which slice to check, and between which volumes the true one lies."""

    suggested = 4

    def refine(self, scribbles):
        doubt = SimpleNamespace(slices=[self.suggested], interval_ml=(0.0, 5.0))
        return SimpleNamespace(mask=super().refine(scribbles).mask, doubt=doubt)


def test_a_guided_user_draws_where_the_last_round_says():
    assert slices_of("guided_user")[1:] == [Doubting.suggested] * 3
    assert slices_of("lazy_user")[1:] != [Doubting.suggested] * 3


def slices_of(name):
    rng = np.random.default_rng(3)
    rows = scribble_rounds(Doubting(bleed()), bleed(), SPACING, 4, rng, users.user(name))
    return [row["slice"] for row in rows]


def test_intervals_are_judged_by_how_often_they_hold_the_truth():
    reports = run_cases([case("a"), case("b")], lambda ct: Doubting(bleed()), 2, 1)
    wide = summarize({"method": "wide", "rounds": 2, "cases": reports})
    assert [one.interval_coverage for one in wide.rounds] == [1.0, 1.0]
    assert [one.interval_width_ml for one in wide.rounds] == [5.0, 5.0]
    reports[0]["runs"][0]["rounds"][0]["interval_ml"] = [0.0, 0.1]
    assert summarize({"method": "half", "rounds": 2, "cases": reports}).rounds[0].interval_coverage == 0.5
    silent = run_cases([case()], lambda ct: Deaf(), 1, 1)
    silent = summarize({"method": "silent", "rounds": 1, "cases": silent})
    assert silent.rounds[0].interval_coverage is None
    assert all(isinstance(table.title, str) for table in [*tables(wide), *tables(silent)])
