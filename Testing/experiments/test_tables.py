"""The experiments from command to files, on tiny cases and networks."""

from __future__ import annotations

import csv
import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("skimage")
pytest.importorskip("matplotlib")

from experiments import paper, table
from experiments.trained import recipe_of
from ICHHPINetLib.training.recipe import Recipe

QUICK = ("--rounds", 2, "--seeds", 1, "--device", "cpu")


def files(folder, name):
    """The JSON and the CSV's rows; the Markdown and the plot must be there too."""
    text = (folder / f"{name}.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    with (folder / f"{name}.csv").open() as stream:
        return (
            json.loads((folder / f"{name}.json").read_text(encoding="utf-8")),
            list(csv.DictReader(stream)),
            text,
        )


@pytest.fixture(scope="module")
def table1(cases, tiny_weights, tmp_path_factory):
    from ICHHPINetLib import cli

    folder = tmp_path_factory.mktemp("table1")
    for fold in (0, 1):
        (folder / f"fold{fold}.safetensors").write_bytes(tiny_weights.read_bytes())
    words = ["--cases", cases, "--weights", folder / "fold{fold}.safetensors", "--folds", 0, 1]
    words += ["--methods", "ours", "threshold", "medsam", "samed", *QUICK, "--output", folder]
    assert cli.main(["reproduce", "table1", *map(str, words)]) == 0
    return folder, words


def test_table_1_compares_methods_over_folds_beside_the_paper(table1):
    folder, _ = table1
    content, rows, text = files(folder, "table1")
    assert [row["Method"] for row in rows[:2]] == ["ours", "threshold"]
    by_name = {row["Method"]: row for row in rows}
    assert by_name["ours"]["Paper: Dice"] == "0.7467"
    assert by_name["ours"]["Paper: Dice SD"] == "0.024"
    assert float(by_name["ours"]["Parameters M"]) > 0
    assert float(by_name["threshold"]["Seconds a round"]) > 0
    assert float(by_name["threshold"]["Memory MiB"]) > 0
    assert float(by_name["threshold"]["Dice"]) > 0.5
    assert float(by_name["threshold"]["Dice SD"]) >= 0
    assert {row["b"] for row in content["comparisons"]} == {"threshold"}
    assert content["comparisons"][0]["cases"] == 3
    assert "Wilcoxon" in text
    assert "as far as their names say" in text
    assert paper.OTHER_PROTOCOL in content["notes"]


def test_methods_without_weights_stand_in_table_1_as_not_run(table1, reproduce):
    _, rows, text = files(table1[0], "table1")
    by_name = {row["Method"]: row for row in rows}
    for name, dice in (("MedSAM", "0.5292"), ("SAMed", "0.4146")):
        assert by_name[name]["Dice"] == "not run: weights needed"
        assert not by_name[name]["Jaccard"], "no figure of the paper in a measured column"
        assert by_name[name]["Paper: Dice"] == dice
    assert "reproduce table1 --cases DATA --methods medsam:medsam_vit_b.pth`" in text
    assert "--methods samed:'runs/samed_fold{fold}/samed.safetensors'`" in text
    message = reproduce("table1", "--cases", "x", "--methods", "nninteractive", code=2)
    assert "nnInteractive_v1.0" in message


def test_networks_of_several_folds_are_one_method(table1, reproduce, tmp_path):
    results = sorted((table1[0] / "results").glob("ours_*.json"))
    assert [json.loads(path.read_text(encoding="utf-8"))["method"] for path in results] == ["tiny", "tiny"]
    reproduce(*results, "-o", tmp_path / "benchmark.md", command=("benchmark",))
    assert "**tiny**: 3 cases" in (tmp_path / "benchmark.md").read_text(encoding="utf-8")


def test_what_was_evaluated_before_is_not_evaluated_again(table1, reproduce):
    folder, words = table1
    stamps = {path.name: path.stat().st_mtime_ns for path in (folder / "results").iterdir()}
    assert len(stamps) == 4
    assert reproduce("table1", *words).count("done before") == 4
    changed = [2 if word == 1 and words[i - 1] == "--seeds" else word for i, word in enumerate(words)]
    reproduce("table1", *changed, "--methods", "threshold", "--folds", "0")
    again = {path.name: path.stat().st_mtime_ns for path in (folder / "results").iterdir()}
    assert [name for name in stamps if again[name] != stamps[name]] == ["threshold_fold0.json"]


def test_table_5_joins_folds_and_stands_beside_the_papers_rounds(table1, reproduce, tmp_path):
    results = sorted((table1[0] / "results").glob("ours_*.json"))
    reproduce("table5", *results, results[0], "--output", tmp_path)
    content, rows, _ = files(tmp_path, "table5")
    assert [row["Round"] for row in rows[:2]] == ["Dice, tiny", "Dice, paper"]
    assert rows[1]["1"] == "0.6133"
    assert content["methods"][0]["cases"] == 3


def test_prompt_shift_and_benchmark(table1, cases, tiny_weights, reproduce, tmp_path):
    shift = tmp_path / "shift"
    words = ("--cases", cases, "--weights", tiny_weights, "--folds", 0, *QUICK, "--output", shift)
    reproduce("prompt_shift", *words, "--users", "robot", "lazy_user")
    _, rows, text = files(shift, "prompt_shift")
    assert [row["Who scribbles"] for row in rows] == ["robot", "lazy user (any bleeding slice)"]
    assert float(rows[0]["Dice-AUC - robot's"]) == 0
    assert "does not say what they were trained on" in text
    output = tmp_path / "benchmark.md"
    ours = sorted((table1[0] / "results").glob("*_fold0.json"))
    reproduce(*ours, shift / "results" / "lazy_user_fold0.json", "-o", output, command=("benchmark",))
    text = output.read_text(encoding="utf-8")
    for part in ("Dice-AUC", "NSD-AUC", "Rounds to Dice 0.85", "worst tenth", "HD95", "Agree at 30 mL"):
        assert part in text
    for part in ("ABC/2 of the truth", "&lt;5 mL", "Prompt shift", "lazy user", "p (Wilcoxon)"):
        assert part in text
    assert "tiny" in text
    assert str(cases) not in text, "a document must not tell where the data lay"


@pytest.mark.parametrize("change", [{"seeds": [0, 1]}, {"data": {"name": "another", "min_slices": 1}}])
def test_results_of_two_protocols_are_not_joined(table1, reproduce, tmp_path, change):
    one, two = sorted((table1[0] / "results").glob("ours_*.json"))
    result = json.loads(two.read_text(encoding="utf-8"))
    path = tmp_path / "other.json"
    path.write_text(json.dumps({**result, **change, "data": {**result["data"], **change.get("data", {})}}))
    message = reproduce(one, path, "-o", tmp_path / "x.md", code=2, command=("benchmark",))
    assert "differ in data set" in message


def test_users_are_compared_on_the_runs_that_all_have(table1, reproduce, tmp_path):
    path = next((table1[0] / "results").glob("ours_fold0.json"))
    robot = json.loads(path.read_text(encoding="utf-8"))
    lazy = {**robot, "prompts": "lazy_user", "cases": robot["cases"][:1]}
    lazy["data"] = {**robot["data"], "cases": 1}
    twice = {**robot, "seeds": [0, 1], "cases": [with_another_seed(case) for case in robot["cases"]]}
    written = [tmp_path / "robot.json", tmp_path / "lazy.json"]
    for file, content in zip(written, (twice, lazy), strict=True):
        file.write_text(json.dumps(content), encoding="utf-8")
    reproduce(*written, "-o", tmp_path / "x.md", command=("benchmark",))
    panel = (tmp_path / "x.md").read_text(encoding="utf-8").split("## Prompt shift")[1]
    rows = [line.split(" | ")[1:] for line in panel.splitlines() if line.startswith(("| robot", "| lazy"))]
    assert rows[0] == rows[1], "the lazy user's one run is compared with the same one of the robot"
    assert rows[0][0] == "1"
    written[1].write_text(json.dumps({**lazy, "sha256": "f" * 64}), encoding="utf-8")
    message = reproduce(*written, "-o", tmp_path / "x.md", code=2, command=("benchmark",))
    assert "different weights" in message


def with_another_seed(case):
    worse = [{**row, "dice": 0.0} for row in case["runs"][0]["rounds"]]
    return {**case, "runs": [*case["runs"], {**case["runs"][0], "seed": 1, "rounds": worse}]}


def test_a_run_that_failed_is_run_again(table1, cases, reproduce, tmp_path):
    path = tmp_path / "results" / "threshold_fold1.json"
    path.parent.mkdir()
    done = json.loads((table1[0] / "results" / "threshold_fold1.json").read_text(encoding="utf-8"))
    words = ("table1", "--cases", cases, *QUICK, "--folds", 1, "--methods", "threshold", "--output", tmp_path)
    path.write_text(json.dumps(done), encoding="utf-8")
    assert "done before" in reproduce(*words)
    done["cases"][0]["runs"][0] = {"seed": 0, "error": "OSError: full", "rounds": []}
    path.write_text(json.dumps(done), encoding="utf-8")
    assert "done before" not in reproduce(*words)
    assert not json.loads(path.read_text(encoding="utf-8"))["cases"][0]["runs"][0]["error"]


def test_a_benchmark_needs_the_robot(table1, reproduce, tmp_path):
    path = tmp_path / "x.json"
    result = json.loads(next((table1[0] / "results").glob("ours_*.json")).read_text(encoding="utf-8"))
    path.write_text(json.dumps({**result, "prompts": "lazy_user"}))
    message = reproduce(path, "-o", tmp_path / "x.md", code=2, command=("benchmark",))
    assert "scribbled by the robot" in message


def test_an_evaluation_that_was_stopped_is_no_result_and_is_made_again(table1, cases, reproduce, tmp_path):
    path = tmp_path / "results" / "threshold_fold0.json"
    path.parent.mkdir()
    done = json.loads((table1[0] / "results" / "threshold_fold0.json").read_text(encoding="utf-8"))
    path.write_text(json.dumps({**done, "cases": done["cases"][:1]}), encoding="utf-8")
    message = reproduce(path, "-o", tmp_path / "x.md", code=2, command=("benchmark",))
    assert "1 of 2 cases" in message
    words = ("--cases", cases, *QUICK, "--folds", 0, "--methods", "threshold", "--output", tmp_path)
    assert "done before" not in reproduce("table1", *words)
    assert len(json.loads(path.read_text(encoding="utf-8"))["cases"]) == 2


def test_overlapping_results_are_refused(table1, reproduce, tmp_path):
    first = next((table1[0] / "results").glob("ours_*.json"))
    changed = json.loads(first.read_text(encoding="utf-8"))
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**changed, "sha256": "0" * 64}))
    assert "two results" in reproduce("table5", first, other, code=2)


@pytest.fixture(scope="module")
def table2(cases, tiny_training, tmp_path_factory):
    """Two networks, trained and evaluated: the folder and the words of the command."""
    pytest.importorskip("tensorboard")
    from ICHHPINetLib import cli

    folder = tmp_path_factory.mktemp("table2")
    words = ["table2", "--cases", cases, "--steps", 2, *QUICK, "--output", folder]
    assert cli.main(["reproduce", *map(str, words), "--only", "full", "volume_pro"]) == 0
    return folder, words


def test_table_2_trains_evaluates_and_goes_on(table2, reproduce):
    folder, words = table2
    content, rows, text = files(folder, "table2")
    assert [row["Network"] for row in rows] == ["Volume-Pro", "paper: Volume-Pro", "ours", "paper: ours"]
    assert content["steps"] == 2
    assert "2 steps" in text
    by_round = content["dice_by_round"]
    assert list(by_round) == ["volume_pro", "full"]
    assert [one[-1] for one in by_round.values()] == pytest.approx(
        [row["Dice"]["mean"] for row in content["rows"][::2]]
    )
    assert text.count("| Volume-Pro |") == 3, "by round and against the whole, too"
    from ICHHPINetLib.ablations.network import load_network

    (weights,) = (folder / "runs" / "volume_pro_fold0").glob("steps2_seed0_*.safetensors")
    assert load_network(weights, "cpu").config.variant == "volume_pro"
    assert "training from" not in reproduce(*words, "--only", "full", "volume_pro")
    assert "not finished yet" in reproduce(
        *words[:3], "--steps", 900, *words[5:], "--only", "full_again", "--minutes", 0
    )
    assert list((folder / "runs" / "full_again_fold0").glob("steps900_seed1_*.pt")), "another seed"


def test_the_recipe_changes_one_thing_a_row():
    default, *changed = table.RECIPE
    assert recipe_of(default) == Recipe()
    assert default.pretrained
    for one in changed:
        differing = [name for name, value in vars(recipe_of(one)).items() if value != getattr(Recipe(), name)]
        assert len(differing) + (not one.pretrained) == 1, one.name


def test_rows_are_compared_with_the_recipe_from_one_start(table2, cases, reproduce, tmp_path):
    (start,) = (table2[0] / "runs" / "full_fold0").glob("steps2_seed0_*.pt")
    words = ("recipe", "--cases", cases, "--steps", 1, *QUICK, "--output", tmp_path, "--start", start)
    reproduce(*words, "--only", "recipe", "from_scratch")
    content, rows, text = files(tmp_path, "recipe")
    assert [row["Network"] for row in rows] == ["the recipe", "no pretraining"]
    assert [(one["metric"], one["a"], one["b"]) for one in content["comparisons"]] == [
        ("dice", "the recipe", row["Network"]) for row in rows[1:]
    ]
    assert content["comparisons"][0]["difference"] == pytest.approx(
        float(rows[0]["Dice"]) - float(rows[1]["Dice"])
    )
    assert "Paired comparison after round 2" in text
    assert "after the same pretraining" in text


def test_training_experiments_need_cases(reproduce, tmp_path):
    pytest.importorskip("tensorboard")
    assert "--cases" in reproduce("table3", "--output", tmp_path, code=2)
