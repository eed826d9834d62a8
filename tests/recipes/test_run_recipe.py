"""Bringing a recipe up to date: by content, after kills, past failures."""

import csv
import io
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from medusa.cache import FeatureSpec, StoreWriter, open_all
from medusa.errors import MedusaError
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.transcription.transcription_options import TranscriptionOptions
from medusa.heads.config import CONFIGS
from medusa.heads.queue import train_one
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.training import loop as train
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.texts import content_of, write_transcripts
from medusa.recipes import extraction, find_runs, fit_stacks, transcripts
from medusa.recipes.definition.load import load
from medusa.recipes.features import missing
from medusa.recipes.options import RecipeOptions
from medusa.recipes.state import State
from medusa.tests.command_line import call as call_command
from medusa.workspace import Workspace

RECIPE = """
title: toy
config: small
set:
  {head.width: 8, head.feedforward: 8, train.batch: 8, train.draws: 2,
   stages.0.epochs: 1, stages.1.epochs: 1}
features: {loud: {}, glad: {}}
heads:
  a: {features: [loud, glad], published: {macro_f1: 0.5}}
  b: {features: [glad], set: {seed: 1}}
  c: {features: [loud], set: {seed: 2}}
stacks: {soup: {seeds: 2}, vote: {method: majority}, best: {method: soft, top: 2}}
ablations: {plain: {title: without MixUp, set: {mixup.p: 0.0}, heads: [a, b]}}
main: soup
"""
CLASSES = ("angry", "happy", "sad")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two modalities, each telling half of the class; and a recipe about them."""
    rng = np.random.default_rng(0)
    count = 84
    labels = rng.integers(0, 3, count)
    frame = pd.DataFrame({"id": [f"u{i}" for i in range(count)]})
    frame["content"] = [f"audio{i}" for i in range(count)]
    frame["speaker"] = [f"s{i % 12}" for i in range(count)]
    frame["split"] = [["train", "train", "dev", "test"][i % 12 // 3] for i in range(count)]
    frame["label"] = [CLASSES[label] for label in labels]
    frame[[f"p_{name}" for name in CLASSES]] = np.eye(3)[labels]
    frame[["arousal", "valence", "dominance"]] = rng.uniform(1, 7, (count, 3))
    Manifest(frame, LabelScheme("toy", CLASSES)).write(tmp_path / "manifest.parquet")
    for name, told in (("loud", 0), ("glad", 1)):
        spec = FeatureSpec(
            name, "toy", "local", "1", "audio", (1,), "none", "float32", 6, 0.02, preprocessing={}
        )
        with StoreWriter(tmp_path / "features" / spec.folder, spec) as writer:
            for content, label in zip(frame["content"], labels, strict=True):
                values = rng.normal(size=(1, rng.integers(1, 9), 6)) + 2 * (label == told)
                writer.append(content, values.astype(np.float32))
    (tmp_path / "toy.yaml").write_text(RECIPE)
    return tmp_path


def test_rows_without_audio_lack_nothing(home: Path) -> None:
    manifest, place = Manifest.read(home / "manifest.parquet"), Workspace.open(home)
    manifest.frame.loc[5, "content"] = None  # no store will ever have it
    assert missing(place, manifest, "loud", None) == 0
    manifest.frame.loc[6, "content"] = "another"
    assert missing(place, manifest, "loud", None) == 1
    assert missing(place, manifest, "quiet", None) == len(manifest.frame)


def test_heads_do_without_the_same_rows(home: Path) -> None:
    manifest = Manifest.read(home / "manifest.parquet")
    lacking = manifest.frame.loc[[3, 8], "content"].to_list()
    for store in open_all(home / "features"):
        if store.spec.backbone == "loud":
            rows = [row for row in manifest.frame["content"] if row not in lacking]
            values = [one.numpy() for one in store.read(rows).split()]
            shutil.rmtree(store.path)
            with StoreWriter(store.path, store.spec) as writer:
                for content, one in zip(rows, values, strict=True):
                    writer.append(content, one[None])
    with pytest.raises(MedusaError, match=r"2 of 84 utterances have no loud(.|\n)*--missing drop"):
        call(home, "run", "--device", "cpu")
    call(home, "run", "--device", "cpu", "--missing", "drop")
    made = [RunDir(home / "runs" / name) for name in runs(home).values()]
    assert {frozenset(run.predictions().ids) for run in made} == {
        frozenset(manifest.frame["id"].drop([3, 8]))
    }  # also where only `glad` is read
    assert "nothing to do" in call(home, "run", "--device", "cpu", "--missing", "drop")


def call(home: Path, *words: str) -> str:
    return call_command(home, words[0], home / "toy.yaml", *words[1:]).output


def found(home: Path) -> find_runs.RecipeRuns:
    """Return the runs that are up to date, by their identities."""
    workspace = Workspace.open(home)
    state = State.read(workspace, "toy", False)
    options = RecipeOptions(text=state.text, missing=state.missing)
    return find_runs.find_runs(workspace, load(str(home / "toy.yaml")), options, state.runs)


def runs(home: Path) -> dict[str, str]:
    """Return task -> run, of all runs that are up to date."""
    return found(home).heads | found(home).stacks


def last_runs(home: Path) -> dict[str, str]:
    """Return task -> the last run, as the state stores it."""
    return json.loads((home / "recipes" / "toy" / "state.json").read_text())["runs"]


def tables(home: Path) -> list[list[str]]:
    """The tables without the hours that training took."""
    printed = call(home, "tables", "--format", "csv")
    return [row[:-1] for row in csv.reader(io.StringIO(printed)) if row]


def test_a_recipe_from_nothing_to_its_report_and_then_nothing(home, monkeypatch):
    printed = call(home, "run")
    assert set(runs(home)) == {"a", "b", "c", "a.plain", "b.plain", "soup", "vote", "best"}
    for part in ("Heads", "Ensembles", "Ablations", "without MixUp", "p (Holm)", "0.500"):
        assert part in printed
    folder = home / "recipes" / "toy"
    assert "<html" in (folder / "report.html").read_text().lower()
    assert "| a | loud + glad |" in (folder / "tables.md").read_text()
    monkeypatch.setattr("medusa.recipes.update.update", None)  # nothing may be trained
    assert "up to date, nothing to do" in call(home, "run")


def test_doing_nothing_needs_no_heavy_library(home):
    import subprocess

    call(home, "run")
    code = (
        "import sys; from medusa.cli import medusa;"
        f"medusa(['--workspace', {str(home)!r}, 'run', {str(home / 'toy.yaml')!r}], "
        "standalone_mode=False);"
        "print([m for m in ('torch', 'pandas', 'sklearn', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]") and "nothing to do" in done.stderr


def test_one_loss_weight_trains_again_what_sees_it(home, monkeypatch):
    call(home, "run")
    before, trained = runs(home), []
    real = train_one.fit

    def noting(job, run, *more):
        trained.append(run.name)
        return real(job, run, *more)

    monkeypatch.setattr(train_one, "fit", noting)
    call(home, "run", "--set", "heads.b.loss.attribute_weight=0.9")
    after = last_runs(home)
    assert sorted(name.split(".")[1:-1] for name in trained) == [["b"], ["b", "plain"]]
    changed = {task for task in before if before[task] != after[task]}
    assert {"b", "b.plain", "soup", "vote"} <= changed <= {"b", "b.plain", "soup", "vote", "best"}
    trained.clear()
    call(home, "run")  # back again: everything is still there
    assert not trained and runs(home) == before


class Killed(BaseException):
    pass


def test_killed_at_twenty_moments_the_tables_are_the_same(home, tmp_path_factory, monkeypatch):
    text = RECIPE.replace("  b: {", "  # b: {").replace("heads: [a, b]", "heads: [c]")
    (home / "toy.yaml").write_text(text)
    call(home, "run")
    straight = tables(home)
    import shutil

    moments = np.random.default_rng(0).integers(0, 28, 20)
    for moment in moments:
        other = tmp_path_factory.mktemp("killed")
        for name in ("manifest.parquet", "toy.yaml"):
            shutil.copy(home / name, other)
        shutil.copytree(home / "features", other / "features")
        left = iter(range(moment, -1, -1))

        def dies(real, left=left):
            def wrapped(*args, **kwargs):
                if next(left, 1) == 0:
                    raise Killed
                return real(*args, **kwargs)

            return wrapped

        with monkeypatch.context() as patch:
            patch.setattr(
                train.Trainer, "_step_within_memory", dies(train.Trainer._step_within_memory)
            )
            patch.setattr(train.Trainer, "_save", dies(train.Trainer._save))
            patch.setattr(fit_stacks, "fit_stack", dies(fit_stacks.fit_stack))
            with pytest.raises(Killed):
                call(other, "run")
        assert not (other / "recipes" / "toy" / "report.html").exists()
        call(other, "run")
        assert tables(other) == straight


def test_a_head_that_fails_costs_its_ensembles_alone(home, monkeypatch):
    real = train_one.fit

    def fails(job, run, *more):
        if ".b." in run.name and ".plain" not in run.name:
            raise MedusaError("no luck")
        return real(job, run, *more)

    with monkeypatch.context() as patch:
        patch.setattr(train_one, "fit", fails)
        with pytest.raises(MedusaError) as problem:
            call(home, "run")
    message = str(problem.value)
    assert "b: no luck" in message and "soup: its members have no run: b" in message
    assert {"a", "c", "a.plain", "b.plain"} == set(runs(home))
    assert "up to date, nothing to do" not in call(home, "run")
    assert {"b", "soup", "vote", "best"} <= set(runs(home))


def test_only_some_and_ablations_alone(home):
    call(home, "run", "--only", "a")
    assert set(runs(home)) == {"a"}
    call(home, "run", "--no-stacks")
    assert set(runs(home)) == {"a", "b", "c", "a.plain", "b.plain"}


def test_what_cannot_be_run_or_judged_says_why(home):
    with pytest.raises(
        MedusaError, match=r"has not run here yet; run it with `medusa run .*toy\.yaml`"
    ):
        call(home, "tables")
    with pytest.raises(MedusaError, match=r"--only zz\*: fits no task; the tasks are a, b, c"):
        call(home, "run", "--only", "zz*")
    (home / "manifest.parquet").unlink()
    with pytest.raises(MedusaError, match=r"no manifest here.*--tiny"):
        call(home, "run")
    assert not (home / "recipes").exists()


def test_two_at_once_are_the_same_as_one_by_one(home, tmp_path_factory):
    call(home, "run", "--only", "[abc]")
    one = runs(home)
    import shutil

    other = tmp_path_factory.mktemp("other")
    for name in ("manifest.parquet", "toy.yaml"):
        shutil.copy(home / name, other)
    shutil.copytree(home / "features", other / "features")
    call(other, "run", "--only", "[abc]", "--jobs", "2")
    assert runs(other) == one
    for name in one.values():
        first, second = (
            pd.read_parquet(place / "runs" / name / "predictions.parquet")
            for place in (home, other)
        )
        pd.testing.assert_frame_equal(first, second, rtol=1e-4, atol=1e-4)


def test_a_missing_feature_is_extracted_with_its_options(home, monkeypatch):
    calls = []
    monkeypatch.setattr(extraction, "extract_features", lambda *values: calls.append(values[1:]))
    text = RECIPE.replace(
        "glad: {}}", "glad: {}, late: {backbone: wavlm, layers: '20', reduce: none}}"
    )
    text = text.replace("[glad]", "[late]")
    (home / "toy.yaml").write_text(text)
    with pytest.raises(MedusaError, match="no features of 'late'"):
        call(home, "run", "--only", "b", "--device", "cpu")
    options = ExtractionOptions(layers="20", reduce="none", label="late", device="cpu")
    assert calls == [(["wavlm"], options)]


def test_transcripts_are_made_for_text_that_the_corpus_lacks(home, monkeypatch):
    made = []
    monkeypatch.setattr(extraction, "extract_features", lambda *values: None)
    monkeypatch.setattr(transcripts, "transcribe", lambda workspace, options: made.append(options))
    (home / "toy.yaml").write_text(RECIPE.replace("glad", "roberta"))
    with pytest.raises(MedusaError, match="no features of 'roberta'"):
        call(home, "run", "--only", "b", "--device", "cpu")
    assert made == [TranscriptionOptions(device="cpu")]
    corpus = Manifest.read(home / "manifest.parquet")
    corpus.frame["text"] = "well"
    corpus.write(home / "manifest.parquet")
    with pytest.raises(MedusaError, match="no features of 'roberta'"):
        call(home, "run", "--only", "b", "--device", "cpu")
    assert len(made) == 1


def test_without_a_labelled_test_split_dev_judges_and_the_tables_say_what_that_means(home):
    corpus = Manifest.read(home / "manifest.parquet")
    rest = corpus.frame["split"] == "test"
    corpus.frame.loc[rest, ["label", *(f"p_{name}" for name in CLASSES)]] = None
    corpus.frame["split"] = corpus.frame["split"].where(~rest, "test1")
    corpus.write(home / "manifest.parquet")
    printed = call(home, "run")
    assert "where the stacker of soup was fitted, so its own numbers there are too good" in printed
    assert "where the heads of best were chosen as the best, so its numbers" in printed
    assert "learnt from 'dev'" in (home / "recipes/toy/report.html").read_text().replace(
        "&#39;", "'"
    )
    assert "nothing to do" in call(home, "run")


FEWER = RECIPE.replace("  a: {", "  # a: {").replace("heads: [a, b]", "heads: [b]")


def test_a_configuration_beside_the_recipe_counts_as_part_of_it(home):
    own = home / "own.yaml"
    own.write_text((CONFIGS / "small.yaml").read_text())
    (home / "toy.yaml").write_text(FEWER.replace("config: small", "config: own.yaml"))
    call(home, "run", "--only", "c")
    before = runs(home)
    assert "nothing to do" in call(home, "run", "--only", "c")
    values = yaml.safe_load(own.read_text())
    own.write_text(yaml.safe_dump(values | {"mixup": {"p": 0.9}}))
    call(home, "run", "--only", "c")
    assert runs(home)["c"] != before["c"]
    own.unlink()
    with pytest.raises(MedusaError, match=r"no configuration 'own.yaml'"):
        call(home, "run", "--only", "c")


def test_what_was_made_otherwise_is_not_compared(home):
    (home / "toy.yaml").write_text(FEWER)
    call(home, "run")
    before = runs(home)
    call(home, "run", "--no-stacks")
    assert runs(home) == before  # ensembles are not asked for, and stay
    (home / "toy.yaml").write_text(FEWER.replace("head.width: 8", "head.width: 4"))
    with pytest.raises(
        MedusaError,
        match=r"(?s)no part is up to date.*head.width: the run has 8; this command has 4",
    ):
        call(home, "tables")
    call(home, "run", "--only", "*.plain")
    assert set(runs(home)) == {"b.plain"} and runs(home)["b.plain"] != before["b.plain"]
    assert "without MixUp" not in call(home, "tables")  # its own head is not there
    (home / "toy.yaml").write_text(FEWER)
    call(home, "run")
    assert runs(home) == before
    corpus = Manifest.read(home / "manifest.parquet")
    corpus.frame["split"] = corpus.frame["split"].replace({"dev": "test", "test": "dev"})
    corpus.write(home / "manifest.parquet")
    text = FEWER.replace("  c: {", "  # c: {").replace("top: 2", "top: 1")
    (home / "toy.yaml").write_text(text)
    assert "without MixUp" in call(home, "run", "--no-stacks")
    assert runs(home)["b"] != before["b"] and "c" not in runs(home)


def test_heads_that_read_other_transcripts_are_not_compared(home):
    heard = Manifest.read(home / "manifest.parquet").frame[["id", "content"]]
    heard["text"] = [f"words {row}" for row in range(len(heard))]
    heard[["language", "avg_logprob", "no_speech_prob", "compression_ratio"]] = None
    heard["flags"] = [[]] * len(heard)
    spec = FeatureSpec(
        "words", "toy", "local", "1", "text", (1,), "none", "float32", 6, None, preprocessing={}
    )
    with StoreWriter(home / "features" / spec.folder, spec) as writer:
        for text in heard["text"]:
            writer.append(content_of(text), np.ones((1, 3, 6), np.float32))
    table = home / "transcripts" / "tiny.parquet"
    write_transcripts(table, heard)
    (home / "toy.yaml").write_text(READING)
    call(home, "run")
    assert "b" in runs(home) and "| c |" in call(home, "tables", "--format", "markdown")
    swapped = heard.assign(text=heard["text"].to_numpy()[::-1])
    write_transcripts(table, swapped)
    left = call(home, "tables", "--format", "markdown")
    assert "| c | loud |" in left and "| b | words |" not in left
    assert re.search(r"\| b \| toy\.b\.\w+ is stale: the transcripts have changed \|", left)
    table.unlink()
    left = call(home, "tables", "--format", "markdown")
    assert "| c | loud |" in left and "| b | words |" not in left
    assert "| b | 84 utterances have no text in 'manifest'" in left
    write_transcripts(table, heard)
    assert "up to date, nothing to do" not in call(home, "run")
    assert "| b | words |" in call(home, "tables", "--format", "markdown")


READING = """
title: reading
config: small
set: {head.width: 8, head.feedforward: 8, train.draws: 2, stages.0.epochs: 1, stages.1.epochs: 1}
features: {loud: {}, words: {}}
heads:
  b: {features: [words]}
  c: {features: [loud]}
"""
