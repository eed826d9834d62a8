"""Baselines are ordinary runs on the same rows, judged as every run, and compared with a run."""

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

import medusa
from medusa.cache import FeatureSpec, StoreWriter
from medusa.errors import ConfigError, DataError, MedusaError, RunError
from medusa.heads.queue.baseline_specs import (
    baseline_sets,
    baseline_specs,
    feature_sources,
    layer_sets,
)
from medusa.heads.runs.run_dir import RunDir, all_runs
from medusa.manifests import Manifest
from medusa.scoring.significance import holm, paired
from medusa.tests.command_line import call, invoke
from medusa.tests.heads.conftest import CLASSES, make_workspace
from medusa.workspace import Workspace

MADE = {
    "toy-audio": ("toy-audio",),
    "toy-layers": tuple(f"toy-layers:layer_{number}" for number in (0, 1, 2)),
    "toy-text": ("toy-text",),
}


def add_layers(root, least: int = 0) -> None:
    """Write three layers, of which layer 1 has all classes, for all utterances from `least` on."""
    frame = Manifest.read(root / "manifest.parquet").frame
    spec = FeatureSpec(
        "toy-layers", "toy", "local", "1", "audio", (0, 1, 2), "none", "float32", 4, 0.02, {}
    )
    rng = np.random.default_rng(1)
    with StoreWriter(root / "features" / spec.folder, spec) as writer:
        for content, label in zip(frame["content"][least:], frame["label"][least:], strict=True):
            values = rng.normal(size=(3, rng.integers(2, 9), 4))
            if isinstance(label, str):
                values[1, :, CLASSES.index(label)] += 2
            writer.append(content, values.astype(np.float32))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A workspace with layers, a trained head, and the baselines compared with it."""
    root = make_workspace(tmp_path_factory.mktemp("baselines"), 120)
    manifest = Manifest.read(root / "manifest.parquet")
    manifest.frame["speaker"] = [f"s{number % 24}" for number in range(120)]
    manifest.write(root / "manifest.parquet")
    add_layers(root)
    short = ("--set", "stages.0.epochs=1", "--set", "stages.1.epochs=1", "--set", "head.width=8")
    head = ("--config", "small", *short, "--set", "head.feedforward=8", "--set", "train.draws=2")
    call(root, "fit-head", "--backbones", "toy-audio", "--name", "a", *head)
    return root, medusa.fit_baselines(Workspace.open(root), "a")


def test_an_unfinished_store_is_left_out_and_named_by_what_differs(tmp_path, shown, capsys) -> None:
    def write(window_s: int, count: int) -> str:
        spec = FeatureSpec(
            "toy", "toy", "local", "1", "audio", (0,), "none", "float32", 4, 0.02,
            {"window_s": window_s, "pool": 1},
        )  # fmt: skip
        with StoreWriter(tmp_path / "features" / spec.folder, spec) as writer:
            for number in range(count):
                writer.append(f"{number:032x}", np.ones((1, 3, 4), np.float32))
        return spec.folder.removesuffix(".zarr")

    short, long = write(2, 5), write(6, 3)
    assert feature_sources([tmp_path / "features"]) == {short: (short,)}
    told = capsys.readouterr().err
    assert (
        f"{long}.zarr: left out, because it has 3 utterances and another store of toy has 5" in told
    )
    with pytest.raises(DataError, match="2 different features of 'toy'") as caught:
        feature_sources([tmp_path / "features"], ["toy"])
    for name, choice in ((short, "window_s=2; 5 utterances"), (long, "window_s=6; 3 utterances")):
        assert f"--backbones {name} ({choice})" in str(caught.value)
    stores = json.loads(call(tmp_path, "cache", "ls", "--json").stdout)
    assert {one["store"].removesuffix(".zarr"): one["differs in"] for one in stores} == {
        short: "window_s=2", long: "window_s=6"
    }  # fmt: skip


def test_the_specs_follow_from_the_stores(fitted) -> None:
    sources = feature_sources([fitted[0] / "features"])
    assert sources == MADE
    assert layer_sets(sources) == {
        f"toy-layers-layer_{number}": (f"toy-layers:layer_{number}",) for number in (0, 1, 2)
    }
    best = {"toy-layers": "toy-layers:layer_2"}
    sets = baseline_sets(sources, best)
    assert sets == {
        "toy-audio": ("toy-audio",),
        "toy-layers-layer_2": ("toy-layers:layer_2",),
        "toy-layers-each": MADE["toy-layers"],
        "toy-text": ("toy-text",),
        "all": ("toy-audio", "toy-layers:layer_2", "toy-text"),
    }
    specs = baseline_specs(sets, ("svm", "knn"), ["head.pooling=mean"], name="b", force=True)
    assert [spec.name for spec in specs[:3]] == [
        "b-svm-toy-audio", "b-knn-toy-audio", "b-svm-toy-layers-layer_2",
    ]  # fmt: skip
    assert {(spec.config.head.name, spec.config.head.pooling, spec.force) for spec in specs} == {
        ("svm", "mean", True),
        ("knn", "mean", True),
    }
    assert baseline_sets({"one": ("one",)}, {}) == {"one": ("one",)}


def test_named_features_are_sources(fitted) -> None:
    features = fitted[0] / "features"
    named = feature_sources([features], ["toy-layers:1", "toy-layers:*", "toy-text"])
    assert named == {
        "toy-layers-1": ("toy-layers:1",),
        "toy-layers-sum": ("toy-layers:*",),
        "toy-text": ("toy-text",),
    }
    with pytest.raises(DataError, match="no features of 'toy-texts'"):
        feature_sources([features], ["toy-texts"])
    with pytest.raises(DataError, match="has no 'layer_7'"):
        feature_sources([features], ["toy-layers:7"])
    with pytest.raises(DataError, match="no features yet"):
        feature_sources([features / "absent"])


def test_every_baseline_is_an_ordinary_run_with_the_best_layer(fitted) -> None:
    root, found = fitted
    names = {
        f"baseline-{head}-{title}"
        for head in ("logistic", "svm")
        for title in ("toy-audio", "toy-layers-layer_1", "toy-layers-each", "toy-text", "all")
    }
    assert {run.name for run in all_runs(root / "runs")} == {*names, "a"}
    assert {row.run for row in found.baselines} == names and found.problems == {}
    losses = found.layers["toy-layers"]
    assert min(losses, key=losses.__getitem__) == "toy-layers:layer_1" and len(losses) == 3
    config = RunDir(root / "runs" / "baseline-svm-all").config()
    assert [one["backbone"] for one in config["features"]] == list(MADE)
    assert config["features"][1]["array"] == "layer_1"
    stacked = medusa.fit_stack(Workspace.open(root), ["baseline-svm-all", "a"], name="s")
    assert stacked.finished


def test_scores_are_those_of_evaluate_and_of_scikit_learn(fitted) -> None:
    root, found = fitted
    workspace = Workspace.open(root)
    frame = Manifest.read(workspace.manifest).frame.set_index("id")
    for row in (*found.baselines, found.compared):
        judged = medusa.evaluate(workspace, row.run)
        assert (row.uar, row.macro_f1) == (judged["uar"], judged["macro_f1"])
        assert list(row.uar_interval) == judged["interval"]["uar"]
        assert list(row.macro_f1_interval) == judged["interval"]["macro_f1"]
        predictions = RunDir(workspace.runs / row.run).predictions().split("test")
        labels = frame.loc[predictions.ids, "label"]
        known = labels.notna().to_numpy()
        truth = labels[known].map(CLASSES.index)
        classes = predictions.logits().argmax(1)[known]
        assert row.uar == pytest.approx(recall_score(truth, classes, average="macro"))
        assert row.macro_f1 == pytest.approx(f1_score(truth, classes, average="macro"))
    assert found.chance["uar"] == pytest.approx(1 / 3) and found.split == "test"
    uars = [row.uar for row in found.baselines]
    assert uars == sorted(uars, reverse=True) and uars[0] > 0.9


def test_differences_are_paired_by_speakers_and_corrected(fitted) -> None:
    root, found = fitted
    frame = Manifest.read(root / "manifest.parquet").frame.set_index("id")
    frame = frame[(frame["split"] == "test") & frame["label"].notna()].sort_index()
    truth = frame["label"].map(CLASSES.index).to_numpy()
    speakers = frame["speaker"].tolist()

    def classes(name: str) -> np.ndarray:
        predictions = RunDir(root / "runs" / name).predictions().select(list(frame.index))
        return predictions.logits().argmax(1)

    one_by_one = [
        paired(truth, classes("a"), classes(row.run), 3, speakers) for row in found.baselines
    ]
    corrected = holm([one.p for one in one_by_one])
    assert len(set(speakers)) == 4
    for row, one, p in zip(found.baselines, one_by_one, corrected, strict=True):
        assert row.gain["difference"] == pytest.approx(found.compared.macro_f1 - row.macro_f1)
        assert row.gain["difference"] == pytest.approx(one.value)
        assert row.gain["interval"] == pytest.approx(list(one.interval))
        assert row.gain["p"] == pytest.approx(p)
    assert found.compared.gain is None


def test_a_second_command_does_nothing_and_prints_the_same(fitted) -> None:
    root, found = fitted
    times = {path: path.stat().st_mtime_ns for path in (root / "runs").rglob("finished")}
    done = call(root, "baseline", "a", "--json")
    assert json.loads(done.stdout) == json.loads(json.dumps(found.to_dict()))
    shown = call(root, "baseline", "a", terminal_width=120)
    assert times == {path: path.stat().st_mtime_ns for path in (root / "runs").rglob("finished")}
    assert "baseline-svm-all" in shown.stdout and "gain of a" in shown.stdout
    assert "guessing by the training prior" in shown.stdout
    assert "toy-layers: of 3 layers, toy-layers:layer_1 is best" in shown.stderr
    assert "the best baseline" in shown.stderr


def test_baselines_have_the_rows_of_the_run(tmp_path) -> None:
    """A run that left out utterances without layers makes the baselines leave them out, too."""
    root = make_workspace(tmp_path, 120)
    add_layers(root, 12)
    name = "--backbones", "toy-layers:1"
    common = ("--set", "head.name=logistic", "--config", "small", "--missing", "drop")
    call(root, "fit-head", *name, "--name", "a", *common)
    chosen = ("baseline", "a", "--backbones", "toy-text", "--heads", "logistic")
    refused = invoke(root, *chosen)
    assert "12 of 120 utterances have no toy-layers features" in str(refused.exception)
    found = json.loads(call(root, *chosen, "--missing", "drop", "--json").stdout)
    names = ("a", "baseline-logistic-toy-text")
    ids = [set(RunDir(root / "runs" / one).predictions().ids) for one in names]
    assert ids[0] == ids[1] and len(ids[0]) == 108
    assert [row["run"] for row in found["baselines"]] == ["baseline-logistic-toy-text"]


def test_a_baseline_that_cannot_be_fitted_costs_itself_alone(fitted, monkeypatch) -> None:
    root, _ = fitted
    monkeypatch.setattr("medusa.heads.convex.fit.MOST_ROWS", 10)
    chosen = ("baseline", "--backbones", "toy-audio", "--heads", "logistic,knn", "--json")
    done = invoke(root, *chosen)
    assert "expected at most 10; use head.name=logistic" in str(done.exception)
    values = json.loads(done.stdout)
    assert [row["run"] for row in values["baselines"]] == ["baseline-logistic-toy-audio"]
    assert list(values["problems"]) == ["baseline-knn-toy-audio"] and values["compared"] is None
    with pytest.raises(MedusaError, match="expected at most 10"):
        medusa.fit_baselines(Workspace.open(root), features=["toy-audio"], heads=["knn"])


def test_wrong_words_are_refused(fitted) -> None:
    workspace = Workspace.open(fitted[0])
    with pytest.raises(RunError, match="no run 'b'"):
        medusa.fit_baselines(workspace, "b")
    with pytest.raises(ConfigError, match=r"head\.pooling: 'means' is not"):
        medusa.fit_baselines(workspace, settings=["head.pooling=means"])
    RunDir(workspace.runs / "half").start({"kind": "head"})
    with pytest.raises(RunError, match="expected a finished run"):
        medusa.fit_baselines(workspace, "half")
    (workspace.runs / "half" / "config.yaml").unlink()
