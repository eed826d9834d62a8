"""One recipe's tables by hand: two repeats of a head, two ablations, intervals and p values exact.

Twenty speakers have one utterance of either class each, and a head knows both of a speaker or
takes each for the other. So every score is the share of the speakers whom it knows. How often a
resample of 20 speakers has one of k of them is binomial: 20 draws of probability k / 20.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from medusa.heads.runs.run_dir import PREDICTIONS, SUMMARY, RunDir
from medusa.manifests import LabelScheme, Manifest
from medusa.recipes.definition.load import load
from medusa.recipes.find_runs import RecipeRuns
from medusa.recipes.tables import tables
from medusa.recipes.tasks import head_tasks
from medusa.reports.tables.result_table import ResultTable
from medusa.scoring.predictions import Predictions
from medusa.workspace import Workspace

CLASSES = ("glad", "sad")
SPEAKERS = 20
RECIPE = """
title: by hand
config: small
repeats: 2
features: {loud: {}}
heads: {a: {features: [loud]}}
ablations:
  plain: {title: without MixUp, set: {mixup.p: 0.0}}
  smooth: {title: smoothed, set: {train.label_smoothing: 0.1}}
"""
# whom the whole head knows in either repeat; an ablation knows one more, or two fewer, in both
KNOWN = (set(range(16)), set(range(14)))
CHANGES = {None: set(), "plain": {19}, "smooth": {0, 1}}


def corpus() -> Manifest:
    rows = [
        {"id": f"{name}-{number}", "speaker": f"s{number}", "label": name, "split": "test"}
        for number in range(SPEAKERS)
        for name in CLASSES
    ]
    return Manifest(pd.DataFrame(rows), LabelScheme("two", CLASSES))


def finished_run(path: Path, record: dict[str, object], frame: pd.DataFrame, known: set[int]):
    """Write a run that knows both utterances of these speakers and takes all others wrongly."""
    run = RunDir(path)
    run.start(record)
    run.log(epoch=1, seconds=900.0)
    run.log(epoch=2, seconds=900.0)
    run.log(stage=2)  # This line has no time.
    right = frame["speaker"].isin([f"s{number}" for number in known])
    glad = (frame["label"] == "glad") == right
    logits = np.column_stack([glad, ~glad]).astype(float)
    ids, splits = frame["id"].tolist(), frame["split"].tolist()
    predictions = Predictions.of(ids, splits, logits, None, CLASSES, run.digest())
    predictions.write(run.path / PREDICTIONS)
    run.write_json(SUMMARY, {"notes": ["Two speakers are in several splits."]})
    run.finish()


@pytest.fixture
def by_title(tmp_path: Path) -> dict[str, ResultTable]:
    return made(tmp_path, RECIPE)


def made(tmp_path: Path, text: str) -> dict[str, ResultTable]:
    manifest = corpus()
    manifest.write(tmp_path / "manifest.parquet")
    (tmp_path / "toy.yaml").write_text(text)
    recipe, workspace = load(str(tmp_path / "toy.yaml")), Workspace.open(tmp_path)
    runs = RecipeRuns()
    facts = {"kind": "head", "manifest": manifest.digest()}
    for task in head_tasks(recipe):
        known = KNOWN[task.repeat] ^ CHANGES[task.ablation]
        path = workspace.runs / f"run.{task.name}"
        finished_run(path, facts | task.config.to_dict(), manifest.frame, known)
        runs.heads[task.name] = path.name
    assert len(runs.heads) == 6
    return {table.title: table for table in tables(workspace, recipe, runs)}


def column(table: ResultTable, name: str, last: bool = False) -> dict[str, str]:
    """Return a column by the first cell of each row; of two of that name the first or the last."""
    numbers = [number for number, title in enumerate(table.header) if title == name]
    return {row[0]: row[numbers[-1 if last else 0]] for row in table.rows}


def ends(cell: str) -> list[float]:
    return [float(part) for part in cell.split(" – ")]


def test_the_deviation_over_repeats_is_that_of_a_sample(by_title: dict[str, ResultTable]) -> None:
    # 16 and 14 of 20: 0.75, and 0.05 on either side of it is sqrt(2 * 0.05^2 / (2 - 1)) = 0.0707
    assert column(by_title["Heads"], "balanced macro-F1") == {"a": "0.750 ± 0.071"}
    table = by_title["Ablations"]
    for score in ("balanced macro-F1", "macro-F1", "accuracy"):
        assert column(table, score) == {
            "all of it": "0.750 ± 0.071",
            "without MixUp": "0.800 ± 0.071",  # 17 and 15
            "smoothed": "0.650 ± 0.071",  # 14 and 12
        }


def test_few_shots_have_an_interval_over_draws(tmp_path: Path, by_title) -> None:
    """Two draws have 0.8 and 0.7: the mean 0.75, and t of one degree of freedom (12.706) * 0.05."""
    assert "Few shots" not in by_title
    (tmp_path / "shots").mkdir()
    table = made(tmp_path / "shots", RECIPE.replace("repeats: 2", "repeats: 2\nshots: 4"))[
        "Few shots"
    ]
    (row,) = table.rows
    assert row[:4] == ["a", "4", "2", "0.750"]
    assert ends(row[4]) == pytest.approx([0.75 - 12.706 * 0.05, 0.75 + 12.706 * 0.05], abs=1e-3)
    assert row[5:] == row[3:5]


def test_a_change_has_the_sign_of_the_ablation_less_the_whole(
    by_title: dict[str, ResultTable],
) -> None:
    table = by_title["Ablations"]
    assert [row[0] for row in table.rows] == ["all of it", "without MixUp", "smoothed"]
    assert set(column(table, "hours").values()) == {"1.00"}  # Two repeats have half an hour each.
    change, interval = column(table, "change"), column(table, "95 %", last=True)
    assert change == {"all of it": "", "without MixUp": "+0.050", "smoothed": "-0.100"}
    one, two = (binom.ppf((0.025, 0.975), SPEAKERS, k / SPEAKERS) / SPEAKERS for k in (1, 2))
    assert one.tolist() == [0, 0.15] and two.tolist() == [0, 0.25]
    assert ends(interval["without MixUp"]) == pytest.approx([0, 0.15], abs=1e-3)
    assert ends(interval["smoothed"]) == pytest.approx([-0.25, 0], abs=1e-3)


def test_p_values_are_corrected_for_two_ablations(by_title: dict[str, ResultTable]) -> None:
    # No difference or the other way round: where not one of the k speakers is drawn. Twice that
    # is p of 0.717 with one speaker and of 0.243 with two; Holm doubles the smaller alone.
    one, two = (2 * (1 - k / SPEAKERS) ** SPEAKERS for k in (1, 2))
    p = column(by_title["Ablations"], "p (Holm)")
    assert p["all of it"] == ""
    # over 2000 resamples p has a deviation of 0.021 and, doubled, of 0.029
    assert float(p["without MixUp"]) == pytest.approx(one, abs=0.08)
    assert float(p["smoothed"]) == pytest.approx(2 * two, abs=0.1)


def test_the_hours_of_all_repeats_are_added(by_title: dict[str, ResultTable]) -> None:
    assert column(by_title["Heads"], "hours") == {"a": "1.00"}  # two repeats of half an hour


def test_the_interval_of_repeats_is_that_of_their_mean(by_title: dict[str, ResultTable]) -> None:
    # Of a drawn speaker either repeat, both or none is right: 14 count 1, two count 1/2, four 0.
    each = np.array([1.0] * 14 + [0.5] * 2 + [0.0] * 4)
    draws = np.random.default_rng(5).multinomial(SPEAKERS, [1 / SPEAKERS] * SPEAKERS, 20000)
    expected = np.percentile(draws @ each / SPEAKERS, (2.5, 97.5))
    assert ends(column(by_title["Heads"], "95 %")["a"]) == pytest.approx(list(expected), abs=0.03)


def test_the_notes_of_the_heads_stand_below_their_table_one_time(by_title):
    assert list(by_title["Heads"].notes).count("Two speakers are in several splits.") == 1
