"""A probe of layers finds the layer with the signal, reads only train, and goes on after a kill."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score

import medusa
from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.errors import DataError, ManifestError, MedusaError
from medusa.manifests import LabelScheme, Manifest
from medusa.recipes.layer_probe import averages
from medusa.recipes.layer_probe.averages import hidden_workspace
from medusa.recipes.layer_probe.convex_probe import STRENGTHS, predict_out_of_fold
from medusa.recipes.layer_probe.picture import Mark, draw
from medusa.recipes.layer_probe.probe_layers import recommend
from medusa.recipes.layer_probe.sample import draw_sample, labels_and_folds
from medusa.tests.command_line import call
from medusa.workspace import Workspace

CLASSES = ("angry", "happy", "sad")


def corpus(count: int = 600, speakers: int = 30) -> Manifest:
    """Return a corpus of which half is train; happy is rare."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": [f"u{number}" for number in range(count)]})
    speaker = rng.integers(0, speakers, count)
    frame["speaker"] = [f"s{one}" for one in speaker]
    frame["split"] = np.where(speaker % 2 == 0, "train", np.where(speaker % 4 == 1, "dev", "test"))
    frame["label"] = rng.choice(CLASSES, count, p=[0.5, 0.1, 0.4])
    frame["content"] = "c-" + frame["id"]
    return Manifest(frame, LabelScheme("toy", CLASSES))


def changed(manifest: Manifest) -> Manifest:
    """Return the corpus with other labels outside of train."""
    frame = manifest.frame.copy()
    outside = frame["split"] != "train"
    frame.loc[outside, "label"] = np.random.default_rng(5).choice(CLASSES, outside.sum())
    return Manifest(frame, manifest.scheme)


def test_the_sample_has_whole_speakers_of_train_with_its_shares() -> None:
    manifest = corpus()
    train = manifest.frame[manifest.frame["split"] == "train"]
    sample = draw_sample(manifest, 150, 3).frame
    assert 110 <= len(sample) <= 150 and set(sample["split"]) == {"train"}
    whole = train["speaker"].value_counts()
    assert all(count == whole[name] for name, count in sample["speaker"].value_counts().items())
    shares = [one["label"].value_counts(normalize=True) for one in (sample, train)]
    assert (shares[0] - shares[1]).abs().max() < 0.05
    assert draw_sample(manifest, 150, 3).frame["id"].tolist() == sample["id"].tolist()
    assert draw_sample(changed(manifest), 150, 3).frame["id"].tolist() == sample["id"].tolist()


def test_few_speakers_are_thinned_and_unknown_ones_refused() -> None:
    sample = draw_sample(corpus(600, 6), 60).frame
    assert sample["speaker"].value_counts().max() <= 15 and sample["speaker"].nunique() == 3
    assert set(sample["label"]) == set(CLASSES)
    with pytest.raises(DataError, match=r"has 1 speakers .* expected two or more"):
        draw_sample(corpus(600, 2), 60)
    nameless = corpus()
    nameless.frame["speaker"] = None
    with pytest.raises(ManifestError, match="no speaker"):
        draw_sample(nameless, 60)


def test_a_speaker_is_in_one_fold() -> None:
    labels, folds, speakers = labels_and_folds(draw_sample(corpus(), 150))
    pairs = {(speaker, fold) for speaker, fold in zip(speakers, folds, strict=True)}
    assert len(pairs) == len(set(speakers)) and set(folds) == set(range(5))
    assert len(labels) == len(folds)


def test_predictions_are_those_of_probes_in_all_columns() -> None:
    rng = np.random.default_rng(0)
    labels, folds = rng.integers(0, 3, 90), np.repeat(np.arange(3), 30)
    x = rng.normal(size=(90, 100)).astype(np.float32)
    x[:, :3] += 2 * np.eye(3)[labels]
    by_c, margins = np.empty((len(STRENGTHS), 90), np.int64), np.empty((len(STRENGTHS), 90))
    for fold in range(3):
        fit, test = folds != fold, folds == fold
        mean, std = x[fit].mean(0), x[fit].std(0)
        for row, c in enumerate(STRENGTHS):
            model = LogisticRegression(C=c, class_weight="balanced", max_iter=5000, tol=1e-6)
            model.fit((x[fit] - mean) / std, labels[fit])
            ordered = np.sort(model.decision_function((x[test] - mean) / std), axis=1)
            by_c[row, test] = model.predict((x[test] - mean) / std)
            margins[row, test] = ordered[:, -1] - ordered[:, -2]
    expected, margin = np.empty(90, np.int64), np.empty(90)
    for fold in range(3):
        others = folds != fold
        scores = [recall_score(labels[others], row[others], average="macro") for row in by_c]
        best = int(np.argmax(scores))
        expected[~others], margin[~others] = by_c[best, ~others], margins[best, ~others]
    # The two solvers end near the same optimum: they may differ where two classes are almost alike.
    differing = predict_out_of_fold(x, labels, folds, 3) != expected
    assert differing.mean() < 0.05 and (margin[differing] < np.median(margin) / 4).all()


def test_neighbours_count_in_the_recommendation() -> None:
    scores = [0.5, 0.6, 0.79, 0.78, 0.77, 0.3, 0.8]
    assert recommend([Mark(3 * n, one, one, one) for n, one in enumerate(scores)]) == 9


def test_the_picture_is_xml_with_a_mark_per_layer() -> None:
    marks = [Mark(layer, 0.4 + layer / 10, 0.3, 0.9) for layer in range(4)]
    tree = ET.fromstring(draw("a < b", marks, 2))
    circles = tree.findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 4 and [one.get("class") for one in circles] == ["", "", "best", ""]
    heights = [float(one.get("cy", 0)) for one in circles]
    assert heights == sorted(heights, reverse=True)


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    """Return a workspace in which a made-up backbone of three layers stands for the encoder."""
    manifest = corpus()
    manifest.write(tmp_path / "manifest.parquet")
    signal = dict(zip(manifest.frame["content"], manifest.frame["label"], strict=True))

    def extract(hidden, backbones, options):
        assert options.layers == "all" and options.reduce == "none"
        rows = Manifest.read(hidden.manifest).frame
        spec = FeatureSpec(
            backbones[0], "toy", "local", "1", "audio", (0, 1, 2), "none", "float32", 4, 0.02, {}
        )
        store = hidden.features / spec.folder
        with StoreWriter(store, spec) as writer:
            for content in rows["content"]:
                rng = np.random.default_rng(int(content[3:]))
                values = rng.normal(size=(3, rng.integers(2, 20), 4))
                values[1, :, CLASSES.index(signal[content])] += 2
                writer.append(content, values.astype(np.float32))
        utterances = [
            Row(name, content) for name, content in zip(rows["id"], rows["content"], strict=True)
        ]
        return [Result(Job(store, utterances))]

    monkeypatch.setattr(averages, "extract_features", extract)
    module = "medusa.recipes.layer_probe.probe_layers.bytes_of_layers"
    monkeypatch.setattr(module, lambda workspace, backbone, options, layers: len(layers))
    return Workspace.open(tmp_path)


class Row:
    def __init__(self, id, content):
        self.id, self.content = id, content


class Job:
    def __init__(self, store, utterances):
        self.store, self.utterances = store, utterances


class Result:
    def __init__(self, job):
        self.job = job


def test_the_layer_with_the_signal_is_recommended(workspace) -> None:
    found = medusa.probe_layers(workspace, "toy", utterances=150)
    scores = [mark.score for mark in found.layers]
    assert found.recommended == 1 and scores[1] > 0.9 and max(scores[0], scores[2]) < 0.6
    assert all(mark.low <= mark.score <= mark.high for mark in found.layers)
    assert found.picture.exists() and (found.bytes, found.bytes_of_all) == (1, 3)
    assert found.utterances <= 150 and found.speakers > 5
    left = sorted(path.name for path in workspace.root.iterdir())
    assert left == ["layers-toy.svg", "manifest.parquet"]


def test_labels_of_dev_and_test_change_nothing(workspace) -> None:
    first = medusa.probe_layers(workspace, "toy", utterances=150)
    changed(Manifest.read(workspace.manifest)).write(workspace.manifest)
    assert medusa.probe_layers(workspace, "toy", utterances=150) == first


def test_a_killed_probe_keeps_its_features(workspace, monkeypatch) -> None:
    with monkeypatch.context() as context:
        module = "medusa.recipes.layer_probe.probe_layers.score_layer"
        context.setattr(module, lambda *values: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            medusa.probe_layers(workspace, "toy", utterances=150)
    hidden = hidden_workspace(replace(workspace, also_features=(workspace.root,)), "toy")
    assert hidden.feature_folders == (hidden.features,)
    (store,) = hidden.features.glob("*.zarr")
    assert len(FeatureStore.open(store)) > 100 and hidden.manifest.exists()
    assert medusa.probe_layers(workspace, "toy", utterances=150).recommended == 1
    assert not hidden.features.exists()


def test_averages_by_numpy(workspace) -> None:
    hidden, sample = hidden_workspace(workspace, "toy"), draw_sample(corpus(), 60)
    present, found = averages.extract_averages(hidden, sample, "toy", medusa.ExtractionOptions())
    (path,) = hidden.features.glob("*.zarr")
    store, contents = FeatureStore.open(path), present.frame["content"].tolist()
    for layer, x in found.items():
        frames = store.read(contents, f"layer_{layer}").split()
        expected = [torch.cat([one.mean(0), one.std(0, correction=0)]) for one in frames]
        assert np.allclose(x, torch.stack(expected), atol=1e-5)


def test_the_command_prints_the_table_and_json(workspace) -> None:
    options = ("probe-layers", "--backbone", "toy", "--utterances", "150")
    printed = call(workspace.root, *options).stdout
    assert "recommended: --layers 1" in printed and "UAR" in printed
    values = json.loads(call(workspace.root, *options, "--json").stdout)
    assert values["recommended"] == 1 and [one["layer"] for one in values["layers"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backbone", "microsoft/wavlm"], "--backbone 'microsoft/wavlm': expected one"),
        (["--backbone", "wavlm", "--as", "a/b"], "--as 'a/b': expected one word"),
    ],
)
def test_a_wrong_name_is_refused_and_leaves_no_file(tmp_path, words, message) -> None:
    corpus().write(tmp_path / "manifest.parquet")
    with pytest.raises(MedusaError, match=message):
        call(tmp_path, "probe-layers", *words)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.parquet"]
