"""The inputs of a recipe: features, transcripts, splits and settings that are absent or change."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from medusa.cache import StoreWriter, open_all
from medusa.errors import MedusaError
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.transcription.transcription_options import TranscriptionOptions
from medusa.heads.config import CONFIGS
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of, write_transcripts
from medusa.recipes import extraction, transcripts
from medusa.recipes.features import missing
from medusa.tests.recipes.toy_recipe import CLASSES, RECIPE, call, runs, write_store
from medusa.workspace import Workspace

FEWER = RECIPE.replace("  a: {", "  # a: {").replace("heads: [a, b]", "heads: [b]")


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
    write_store(
        home,
        "words",
        [content_of(text) for text in heard["text"]],
        lambda _: np.ones((1, 3, 6)),
        source="text",
    )
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
