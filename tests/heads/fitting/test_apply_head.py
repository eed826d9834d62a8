"""A head that is rebuilt from its run predicts in another workspace what it predicted here."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from medusa.errors import DataError, RunError
from medusa.heads.config import load
from medusa.heads.fitting import predictions
from medusa.heads.fitting.apply import apply
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.texts import write_transcripts
from medusa.workspace import Workspace

SMALL = ("head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1")


def trained(root, *overrides, text=None) -> RunDir:
    job = prepare(Workspace.open(root), HeadSpec("a", load("small", SMALL + overrides), (), text))
    run = RunDir(root / "runs" / "a")
    run.start(job.record)
    fit(job, run, torch.device("cpu"), lambda amount=1, note="": None)
    return run


def manifest_of(root) -> Manifest:
    return Manifest.read(root / "manifest.parquet")


@pytest.mark.parametrize("overrides", [(), ("head.standardise=false", "head.average_frames=1")])
def test_in_its_workspace_it_predicts_what_was_stored(workspace, monkeypatch, overrides):
    run = trained(workspace, *overrides)
    monkeypatch.setattr(predictions, "CHUNK", 7)
    predicted = apply(run, manifest_of(workspace), Workspace.open(workspace))
    stored = run.predictions().select(predicted.ids)
    assert (
        len(predicted.ids) == 60
        and predicted.classes == stored.classes
        and predicted.run == run.digest()
    )
    assert predicted.frame["split"].tolist() == stored.frame["split"].tolist()
    assert np.allclose(predicted.logits(), stored.logits(), atol=1e-5)
    assert np.allclose(predicted.attributes(), stored.attributes(), atol=1e-5)


def test_labels_classes_splits_and_names_of_stores_do_not_matter(workspace):
    run = trained(workspace)
    frame = manifest_of(workspace).frame[["id", "content", "text"]].sample(frac=1, random_state=0)
    frame["id"] = "new-" + frame["id"]
    other = Manifest(frame, LabelScheme("other", ("x", "y")))
    predicted = apply(run, other, Workspace.open(workspace))
    stored = run.predictions().select([name.removeprefix("new-") for name in predicted.ids])
    assert predicted.ids == frame["id"].tolist() and set(predicted.frame["split"]) == {""}
    assert np.allclose(predicted.logits(), stored.logits(), atol=1e-5)


def test_unlearnt_attributes_are_not_predicted(workspace):
    manifest = manifest_of(workspace)
    manifest.frame[["arousal", "valence", "dominance"]] = np.nan
    manifest.write(workspace / "manifest.parquet")
    run = trained(workspace)
    assert apply(run, manifest, Workspace.open(workspace)).attributes() is None


def test_missing_store_is_named_with_the_command(workspace, tmp_path_factory):
    run, other = trained(workspace), tmp_path_factory.mktemp("other")
    (text,) = (workspace / "features").glob("toy-text-*.zarr")
    shutil.copytree(text, other / "features" / text.name)
    with pytest.raises(DataError) as caught:
        apply(run, manifest_of(workspace), Workspace.open(other))
    message = str(caught.value)
    digest = run.config()["features"][0]["spec"][:8]
    assert f"no features toy-audio-{digest}" in message and "toy-text" not in message
    assert f"`medusa --workspace {other} extract --backbone toy-audio`" in message


def test_utterances_without_features_are_refused_or_left_out(workspace):
    run, manifest, opened = trained(workspace), manifest_of(workspace), Workspace.open(workspace)
    manifest.frame.loc[[3, 5], "content"] = ["new", None]
    with pytest.raises(DataError, match=r"2 of 60 utterances have no toy-audio.*u3, u5"):
        apply(run, manifest, opened)
    predicted = apply(run, manifest, opened, drop_missing=True)
    assert len(predicted.ids) == 58 and not {"u3", "u5"} & set(predicted.ids)
    with pytest.raises(DataError, match="none of the 1 utterances"):
        apply(run, manifest.where(manifest.frame["id"] == "u3"), opened, drop_missing=True)


@pytest.mark.usefixtures("shown")
def test_the_text_of_the_training_is_read_where_there_is_such(workspace, capsys):
    run, manifest = trained(workspace, text="manifest"), manifest_of(workspace)
    ids = manifest.frame["id"]
    table = pd.DataFrame({"id": ids, "content": manifest.frame["content"]})
    table["text"] = list(reversed(manifest.frame["text"].tolist()))
    table["language"] = "en"
    table[["avg_logprob", "no_speech_prob", "compression_ratio"]] = 0.0
    table["flags"] = [[] for _ in ids]
    write_transcripts(workspace / "transcripts" / "tiny.parquet", table)
    opened = Workspace.open(workspace)
    own, named = apply(run, manifest, opened), apply(run, manifest, opened, text="tiny")
    assert np.allclose(own.logits(), run.predictions().logits(), atol=1e-5)
    assert not np.allclose(named.logits(), own.logits(), atol=1e-2)
    assert "trained on the texts of 'manifest' and reads those of 'tiny'" in capsys.readouterr().err
    manifest.frame["text"] = None  # a corpus without texts of its own
    only = apply(run, manifest, opened)
    assert np.array_equal(only.logits(), named.logits())


def test_only_finished_heads_of_this_version(workspace):
    run, manifest, opened = trained(workspace), manifest_of(workspace), Workspace.open(workspace)
    config = run.path / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("  pooling: mean", "  pooling: mean\n  colour: red"))
    (run.path / "finished").unlink()
    run.finish()
    with pytest.raises(DataError, match=r"describes no head of this version.*colour"):
        apply(run, manifest, opened)
    config.write_text(text)
    (run.path / "finished").unlink()
    with pytest.raises(RunError, match="not finished"):
        apply(run, manifest, opened)
