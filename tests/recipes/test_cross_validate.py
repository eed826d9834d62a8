"""Cross-validation of heads, stacks and recipes on a small corpus with made-up features."""

import json
import re
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import f1_score, recall_score

import medusa
from medusa.errors import ConfigError, MedusaError
from medusa.manifests import LabelScheme, Manifest
from medusa.recipes.cross_validation.recipe_of_heads import recipe_of_heads
from medusa.tests.command_line import call, invoke
from medusa.tests.recipes.toy_recipe import CLASSES, SETTINGS, rows_of, write_store

RECIPE = (
    SETTINGS
    + """\
heads: {a: {features: [loud]}, b: {features: [glad]}}
stacks: {vote: {method: soft}, learnt: {method: shrunken}}
main: learnt
"""
)
SPEAKERS, COUNT = 9, 81
LDA = ("--set", "head.name=discriminant")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    labels = np.arange(COUNT) // SPEAKERS % 3
    frame = rows_of(labels, CLASSES, SPEAKERS)
    frame.loc[5, ["label", *(f"p_{name}" for name in CLASSES)]] = None  # It has no consensus.
    made = {"notes": ["This corpus is made up."]}
    corpus = Manifest(frame, LabelScheme("toy", CLASSES), provenance=made)
    corpus.write(tmp_path / "manifest.parquet")
    for told, name in enumerate(("loud", "glad")):
        write_store(
            tmp_path,
            name,
            frame["content"],
            lambda number, told=told: rng.normal(size=(1, 3, 6)) + 1.5 * (labels[number] == told),
        )
    (tmp_path / "toy.yaml").write_text(RECIPE)
    return tmp_path


def result_of(home: Path, folder: str = "speaker-3/heads") -> dict[str, Any]:
    return dict(json.loads((home / "cross-validation" / folder / "result.json").read_text()))


def table_of(home: Path, folder: str = "speaker-3/heads") -> pd.DataFrame:
    return pd.read_parquet(home / "cross-validation" / folder / "predictions.parquet")


def finished(home: Path) -> dict[str, int]:
    """Return the time of the mark of every finished run."""
    marks = home.glob("cross-validation/*/runs/*/finished")
    return {mark.parent.name: mark.stat().st_mtime_ns for mark in marks}


def states(home: Path) -> dict[str, str]:
    return {one.name: one.state for one in medusa.verify(medusa.Workspace.open(home))}


def run_of(home: Path, fold: int) -> str:
    """Return the path of the only run of a fold in the folder of the cross-validation."""
    (run,) = (home / "cross-validation/speaker-3/runs").glob(f"fold-0{fold}.*")
    return f"runs/{run.name}"


def classes_of(table: pd.DataFrame) -> pd.Series:
    logits = table[[f"logit_{name}" for name in CLASSES]].to_numpy()
    return pd.Series([CLASSES[one] for one in logits.argmax(1)], index=table["id"])


def test_a_head_predicts_every_utterance_one_time_without_its_speaker(home: Path) -> None:
    output = call(home, "cross-validate", "--backbones", "loud,glad", "--k", "3", *LDA).output
    table, manifest = table_of(home), Manifest.read(home / "manifest.parquet").frame
    assert sorted(table["id"]) == sorted(manifest["id"]) and set(table["fold"]) == {1, 2, 3}
    assert set(table["system"]) == {"loud+glad"} and set(table["split"]) == {"test"}
    for number in (1, 2, 3):
        path = home / "cross-validation/speaker-3" / f"fold-0{number}.parquet"
        fold = Manifest.read(path).frame
        tested = table.loc[table["fold"] == number, "id"]
        assert set(tested) == set(fold.loc[fold["split"] == "test", "id"])
        assert not set(fold.loc[fold["split"] != "test", "speaker"]) & set(
            fold.loc[fold["split"] == "test", "speaker"]
        )
    assert "3 folds by speaker, 80 labelled utterances of 9 speakers" in output
    assert not (home / "runs").exists()  # `medusa stack` combines no heads of folds.


def test_the_joint_scores_are_those_of_the_whole_table_by_scikit_learn(home: Path) -> None:
    call(home, "cross-validate", "--backbones", "loud", "--k", "3", *LDA)
    table, frame = table_of(home), Manifest.read(home / "manifest.parquet").frame
    table = table.merge(frame.dropna(subset=["label"])[["id", "label"]], on="id")
    guess = classes_of(table).to_numpy()
    one = result_of(home)["systems"]["loud"]
    assert one["n"] == 80 and one["blocks"] == 9
    assert one["uar"] == pytest.approx(recall_score(table["label"], guess, average="macro"))
    assert one["macro_f1"] == pytest.approx(f1_score(table["label"], guess, average="macro"))
    by_fold = {
        str(number): recall_score(part["label"], guess[part.index], average="macro")
        for number, part in table.groupby("fold")
    }
    assert one["folds"]["uar"]["values"] == pytest.approx(by_fold)
    assert one["folds"]["uar"]["mean"] == pytest.approx(statistics.mean(by_fold.values()))
    assert one["folds"]["uar"]["sd"] == pytest.approx(statistics.stdev(by_fold.values()))
    low, high = one["interval"]["uar"]
    assert low < one["uar"] < high
    assert one["baselines"]["uar"]["chance"] == pytest.approx(1 / 3)
    assert result_of(home)["unlabelled"] == 1 and result_of(home)["unpredicted"] == 0
    assert "This corpus is made up." in result_of(home)["notes"]
    assert "There are only 9 speakers: the intervals are rough." in result_of(home)["notes"]


def test_a_recipe_has_heads_and_stacks_that_learn_from_dev_of_their_fold(home: Path) -> None:
    recipe = home / "toy.yaml"
    output = call(home, "run", recipe, "--cross-validate", "speaker", "--k", "3").output
    result, table = result_of(home, "speaker-3/toy"), table_of(home, "speaker-3/toy")
    assert list(result["systems"]) == ["a", "b", "vote", "learnt"] and result["main"] == "learnt"
    assert (table.groupby("system")["id"].nunique() == COUNT).all() and len(table) == 4 * COUNT
    assert {line["of"] for line in result["gains"]} == {"a", "b", "vote"}
    assert "macro-F1 of learnt minus this" in output
    page = (home / "cross-validation/speaker-3/toy/report.html").read_text(encoding="utf-8")
    assert page.count('<tr class="member">') == 3 and "3 folds by speaker" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    for fold in result["folds"]:
        assert f'<td class="quiet">{", ".join(fold["speakers"])}</td>' in page
    logits = [f"logit_{name}" for name in CLASSES]
    scores = {name: part.sort_values("id")[logits] for name, part in table.groupby("system")}
    mean = softmax(scores["a"].to_numpy(), 1) + softmax(scores["b"].to_numpy(), 1)
    assert (scores["vote"].to_numpy().argmax(1) == mean.argmax(1)).all()
    names = set(finished(home))
    assert len(names) == 3 * 4
    assert all(re.fullmatch(r"fold-0\d\.(a|b|vote|learnt)\.\w{12}", name) for name in names)


def test_a_finished_cross_validation_trains_nothing_and_extracts_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("run", home / "toy.yaml", "--cross-validate", "speaker", "--k", "3", *LDA)
    call(home, *words)
    before, result = finished(home), result_of(home, "speaker-3/toy")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing is missing")

    monkeypatch.setattr("medusa.heads.queue.train_one.fit", refuse)
    monkeypatch.setattr("medusa.recipes.extraction.extract_features", refuse)
    call(home, *words)
    assert finished(home) == before and result_of(home, "speaker-3/toy") == result


def test_an_interrupted_cross_validation_continues_with_the_same_result(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from medusa.heads.queue import train_one

    words = ("run", home / "toy.yaml", "--cross-validate", "speaker", "--k", "3", *LDA)
    fit, calls = train_one.fit, list[str]()

    def fit_two(*arguments: Any) -> Any:
        calls.append("fit")
        if len(calls) > 2:
            raise KeyboardInterrupt
        return fit(*arguments)

    monkeypatch.setattr(train_one, "fit", fit_two)
    assert invoke(home, *words).exit_code != 0
    kept = finished(home)
    assert len(kept) == 2
    monkeypatch.setattr(train_one, "fit", fit)
    call(home, *words)
    assert kept.items() <= finished(home).items()
    result = result_of(home, "speaker-3/toy")
    for mark in home.glob("cross-validation/speaker-3/runs/*/finished"):
        mark.unlink()
    call(home, *words)
    assert result_of(home, "speaker-3/toy")["systems"] == result["systems"]


def test_only_what_depends_on_a_change_is_trained_again(home: Path) -> None:
    words = ("run", home / "toy.yaml", "--cross-validate", "speaker", "--k", "3", *LDA)
    call(home, *words)
    before = finished(home)
    call(home, *words, "--set", "heads.a.seed=7")
    fresh = {name.split(".")[1] for name in set(finished(home)) - set(before)}
    assert fresh == {"a", "vote", "learnt"} and before.items() <= finished(home).items()

    corpus = Manifest.read(home / "manifest.parquet")
    corpus.frame["split"] = "train"  # The split of the manifest is not read.
    corpus.write(home / "manifest.parquet")
    before = finished(home)
    call(home, *words)
    assert finished(home) == before

    corpus.provenance["notes"] = ["It is another corpus."]
    corpus.write(home / "manifest.parquet")
    call(home, *words)
    assert finished(home) == before  # Rows, labels and votes are the same.
    assert (
        "It is another corpus."
        in Manifest.read(home / "cross-validation/speaker-3/fold-02.parquet").provenance["notes"]
    )

    corpus.frame.loc[0, "label"] = "sad"
    corpus.frame.loc[0, [f"p_{name}" for name in CLASSES]] = [0.0, 0.0, 1.0]
    corpus.write(home / "manifest.parquet")
    call(home, *words)
    assert len(set(finished(home)) - set(before)) == 3 * 4


def test_heads_of_several_features_and_settings_are_compared(home: Path) -> None:
    words = ("cross-validate", "--backbones", "loud", "--backbones", "glad", "--k", "3", *LDA)
    call(home, *words, "--grid", "seed=0", "--stack", "soft", "--name", "both")
    result = result_of(home, "speaker-3/both")
    assert list(result["systems"]) == ["loud-seed=0", "glad-seed=0", "stack"]
    assert result["main"] == "stack" and len(result["gains"]) == 2


def test_a_head_that_fails_in_a_fold_is_named_and_the_others_are_judged(home: Path) -> None:
    words = ("cross-validate", "--backbones", "loud", "--backbones", "absent", "--k", "3", *LDA)
    with pytest.raises(MedusaError, match=r"1 part\(s\) have no result:\n  absent: fold-01: no"):
        call(home, *words)
    assert list(result_of(home)["systems"]) == ["loud"]


def test_rows_without_features_are_left_out_of_all_systems(home: Path) -> None:
    corpus = Manifest.read(home / "manifest.parquet")
    corpus.frame.loc[3, "content"] = "audio-without-features"
    corpus.write(home / "manifest.parquet")
    words = ("cross-validate", "--backbones", "loud", "--backbones", "glad", "--k", "3", *LDA)
    call(home, *words, "--missing", "drop")
    assert result_of(home)["systems"]["glad"]["n"] == 79


def test_wrong_settings_are_listed_before_anything_is_made(home: Path) -> None:
    words = ("cross-validate", "--backbones", "loud", "--set", "head.widht=3", "--stack", "voting")
    with pytest.raises(MedusaError, match=r"(?s)voting.*widht"):
        call(home, *words)
    assert not (home / "cross-validation").exists()
    assert "--k: only with --cross-validate" in invoke(home, "run", "probe", "--k", "3").output


def test_a_problem_that_mentions_features_is_listed_too() -> None:
    with pytest.raises(ConfigError, match=r"stacks\.stack\.inputs: 'features' is not one of"):
        recipe_of_heads(stack="soft", settings=["stacks.stack.inputs=features"])
    with pytest.raises(ConfigError, match=r"heads\.my-features: head\.width: expected at least 1"):
        recipe_of_heads(["my-features"], settings=["head.width=0"])
    assert recipe_of_heads(["my-features"]).heads["my-features"].features == ("my-features",)


def test_verify_finds_damage_in_a_run_of_a_fold(home: Path) -> None:
    call(home, "cross-validate", "--backbones", "loud", "--k", "3", *LDA)
    assert states(home)[f"cross-validation/speaker-3/{run_of(home, 1)}"] == "ok"
    assert set(states(home).values()) == {"ok"}
    file = home / "cross-validation/speaker-3" / run_of(home, 2) / "weights.safetensors"
    values = bytearray(file.read_bytes())
    values[-3] ^= 4
    file.write_bytes(values)
    damaged = {name for name, state in states(home).items() if state == "damaged"}
    assert damaged == {f"cross-validation/speaker-3/{run_of(home, 2)}"}


def test_a_name_cannot_lead_out_of_the_folder(home: Path) -> None:
    words = ("cross-validate", "--backbones", "loud", "--k", "3", *LDA)
    with pytest.raises(ConfigError, match=r"--name '\.\./\.\./out': expected one word"):
        call(home, *words, "--name", "../../out")
    assert not (home / "cross-validation").exists() and not (home / "out").exists()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_recipe_for_small_corpora_is_cross_validated_in_an_empty_folder(tmp_path: Path) -> None:
    call(tmp_path, "run", "small-corpus", "--tiny", "--cross-validate", "speaker", "--k", "2")
    result = result_of(tmp_path, "speaker-2/small-corpus-tiny")
    heads = {"logistic", "svm", "discriminant", "signal", "deepser"}
    assert result["main"] == "shrunken" and result["unpredicted"] == 0
    assert set(result["systems"]) == heads | {"shrunken", "soft", "opinion-pool"}
