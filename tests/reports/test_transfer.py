"""`medusa evaluate --on`: the same corpus elsewhere, renamed, merged, and a different one."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

import medusa
from medusa.cache import FeatureSpec, StoreWriter
from medusa.errors import ManifestError
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.texts import content_of
from medusa.reports.transfer import read_map
from medusa.scoring.predictions import Predictions
from medusa.tests.command_line import call, invoke

CLASSES = ("angry", "happy", "sad")
RENAMED = {"angry": "anger", "happy": "joy", "sad": "sorrow"}
RENAMING = "angry=anger,happy=joy,sad=sorrow"


def make_home(root: Path) -> None:
    """72 utterances of 12 speakers; the audio tells who is angry, the text who is happy."""
    rng = np.random.default_rng(0)
    labels = rng.choice(3, 72, p=[0.5, 0.3, 0.2])
    frame = pd.DataFrame({"id": [f"u{i}" for i in range(72)]})
    frame["content"] = [f"audio{i}" for i in range(72)]
    frame["text"] = [f"text {i}" for i in range(72)]
    frame["speaker"] = [f"s{i % 12}" for i in range(72)]
    frame["split"] = [("train", "train", "dev", "test")[i % 4] for i in range(72)]
    frame["label"] = [CLASSES[label] for label in labels]
    frame[["p_angry", "p_happy", "p_sad"]] = np.eye(3)[labels]
    frame[["arousal", "valence", "dominance"]] = rng.uniform(1, 7, (72, 3))
    frame.loc[3, "label"] = None  # in test
    Manifest(frame, LabelScheme("toy", CLASSES)).write(root / "manifest.parquet")
    texts = [content_of(text) for text in frame["text"]]
    for kind, contents, told in (("audio", frame["content"], 0), ("text", texts, 1)):
        shift = 0.02 if kind == "audio" else None
        spec = FeatureSpec(
            f"toy-{kind}", "toy", "local", "1", kind, (1,), "none", "float32", 4, shift, {}
        )
        with StoreWriter(root / "features" / spec.folder, spec) as writer:
            for content, label in zip(contents, labels, strict=True):
                values = rng.normal(size=(1, rng.integers(1, 9), 4)) + (label == told)
                writer.append(content, values.astype(np.float32))


def judged(workspace: Path, run: str, *words: str) -> dict[str, Any]:
    result = call(workspace, "evaluate", run, *words, "--json")
    loaded: dict[str, Any] = json.loads(result.stdout)
    return loaded


def judged_on(home: Path, other: Path, *words: str) -> dict[str, Any]:
    return judged(home, "a", "--on", str(other), *words)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with heads a and b and two stacks of them; tests only read it."""
    root = tmp_path_factory.mktemp("home")
    make_home(root)
    quick = ["head.width=8", "head.feedforward=8", "stages.0.epochs=6", "stages.0.lr=0.01"]
    options = [word for setting in quick for word in ("--set", setting)]
    for seed, name in enumerate("ab"):
        words = ["--config", "small", "--name", name, "--set", f"seed={seed}", "--device", "cpu"]
        call(root, "fit-head", *words, *options)
    linear = ("--method", "linear", "--set", "training.epochs=200")
    call(root, "stack", "a", "b", "--name", "s", *linear)
    call(root, "stack", "a", "b", "--name", "v", "--method", "soft")
    return root


@pytest.fixture
def manifest(home: Path) -> Manifest:
    return Manifest.read(home / "manifest.parquet")


def elsewhere(root: Path, home: Path, frame: pd.DataFrame, classes: tuple[str, ...]) -> Path:
    """Return a workspace with another manifest that looks at the features of home."""
    Manifest(frame, LabelScheme("other", classes)).write(root / "manifest.parquet")
    (root / "medusa.yaml").write_text(f"features: {home / 'features'}\n")
    return root


def unlabelled(manifest: Manifest) -> pd.DataFrame:
    return manifest.frame.drop(columns=manifest.scheme.columns)


@pytest.mark.parametrize("run", ["a", "s", "v"])
def test_on_itself_it_is_the_plain_evaluation(home: Path, run: str) -> None:
    plain, on = judged(home, run), judged(home, run, "--on", str(home))
    assert set(on) == set(plain) | {"on", "map", "dropped"}
    assert on["map"] == {name: name for name in CLASSES} and on["dropped"] == {}
    assert on["n"] == 17 and on["unlabelled"] == 1
    predicted = np.sum(plain["confusion"], axis=0)
    assert np.count_nonzero(predicted) > 1  # not one answer to everything
    for key in sorted(set(plain) - {"attributes", "notes", "calibration", "slices"}):
        assert on[key] == plain[key], key
    for key in ("ece", "brier", "nll", "top_2"):
        expected = pytest.approx(plain["calibration"][key]["value"], abs=1e-5)
        assert on["calibration"][key]["value"] == expected
    for name, scores in plain["attributes"].items():
        for key in ("ccc", "mse"):
            assert on["attributes"][name][key] == pytest.approx(scores[key], abs=1e-5)


def test_renamed_classes_in_another_order_change_nothing(
    home: Path, manifest: Manifest, tmp_path: Path
) -> None:
    frame = unlabelled(manifest)
    frame["label"] = frame["label"].map(RENAMED)
    other = elsewhere(tmp_path, home, frame, ("sorrow", "anger", "joy"))
    plain, on = judged(home, "a"), judged_on(home, other, "--map", RENAMING)
    assert on["classes"] == ["sorrow", "anger", "joy"] and on["map"] == RENAMED
    here, there = medusa.Workspace.open(home), medusa.Workspace.open(other)
    assert medusa.evaluate(here, "a", on=there, class_map=RENAMED) == on
    for key in ("n", "unlabelled", "macro_f1", "uar", "accuracy", "chance", "majority"):
        assert on[key] == pytest.approx(plain[key])
    assert on["majority_class"] == RENAMED[plain["majority_class"]]
    for name in CLASSES:
        assert on["per_class"][RENAMED[name]]["f1"] == plain["per_class"][name]["f1"]


def test_merged_classes_add_their_posteriors(
    home: Path, manifest: Manifest, tmp_path: Path
) -> None:
    frame = unlabelled(manifest)
    frame["label"] = frame["label"].where(frame["label"].isna() | (frame["label"] == "sad"), "up")
    other = elsewhere(tmp_path, home, frame, ("up", "sad"))
    on = judged_on(home, other, "--map", "angry=up,happy=up", "--split", "all")
    said = RunDir(home / "runs" / "a").predictions().select(frame["id"].tolist())
    up = said.posteriors()[:, :2].sum(1) > 0.5
    known = frame["label"].notna().to_numpy()
    truth, guess = frame["label"][known], np.where(up, "up", "sad")[known]
    assert on["macro_f1"] == pytest.approx(f1_score(truth, guess, average="macro"))
    train = manifest.frame[manifest.frame["split"] == "train"]["label"].value_counts()
    share = (train["angry"] + train["happy"]) / train.sum()  # of guesses that are "up"
    right = float((truth == "up").mean())
    f1_up, f1_sad = 2 * share * right / (share + right), 1 - share
    f1_sad = 2 * f1_sad * (1 - right) / (f1_sad + 1 - right)
    assert on["chance"] == pytest.approx((f1_up + f1_sad) / 2)


def test_rows_without_a_counterpart_are_counted_and_named(
    home: Path, manifest: Manifest, tmp_path: Path
) -> None:
    frame = unlabelled(manifest)
    frame["split"] = None
    fear = frame.index[(frame["label"] == "sad") & (frame.index % 2 == 0)]
    frame.loc[fear, "label"] = "fear"
    other = elsewhere(tmp_path, home, frame, ("angry", "calm", "fear", "happy", "sad"))
    on = judged_on(home, other, "--split", "all", "--map", "sad=")
    sad = int((frame["label"] == "sad").sum())
    assert on["classes"] == ["angry", "happy"]
    assert on["map"] == {"angry": "angry", "happy": "happy", "sad": None}
    assert on["dropped"] == {"calm": 0, "fear": len(fear), "sad": sad} and len(fear) > 0
    assert on["n"] + on["unlabelled"] + len(fear) + sad == 72 and on["unlabelled"] == 1
    assert on["attributes"]["arousal"]["n"] == 72  # attributes need no class
    told = "\n".join(on["notes"])
    assert f"calm (0), fear ({len(fear)}), sad ({sad})" in told
    assert "sad stands for none of the corpus's classes" in told
    assert "has learnt from 36 of these 72 recordings" in told


def test_missing_features_and_the_file_of_predictions(
    home: Path, manifest: Manifest, tmp_path: Path
) -> None:
    frame, file = unlabelled(manifest), tmp_path / "said.parquet"
    (row, *_) = frame.index[(frame["split"] == "test") & frame["label"].notna()]
    frame.loc[row, "content"] = "new"
    other = elsewhere(tmp_path, home, frame, CLASSES)
    refused = invoke(home, "evaluate", "a", "--on", str(other), "--output", str(file))
    assert f"1 of 18 utterances have no toy-audio features (u{row})" in str(refused.exception)
    assert str(other) in str(refused.exception)
    assert not file.exists()
    on = judged_on(home, other, "--missing", "drop", "--output", str(file))
    assert on["unpredicted"] == 1 and on["n"] == 16
    said = Predictions.read(file)
    assert said.classes == CLASSES and len(said.ids) == 17
    stored = RunDir(home / "runs" / "a").predictions().select(said.ids)
    assert np.allclose(said.logits(), stored.logits(), atol=1e-5)
    assert sorted(path.name for path in other.iterdir()) == [
        "manifest.parquet",
        "medusa.yaml",
        "said.parquet",
    ]


def test_what_is_shown(home: Path, manifest: Manifest, tmp_path: Path) -> None:
    frame = unlabelled(manifest)
    frame["label"] = frame["label"].map(RENAMED)
    other = elsewhere(tmp_path, home, frame, tuple(RENAMED.values()))
    shown = invoke(home, "evaluate", "a", "--on", str(other), "--map", RENAMING)
    assert shown.exit_code == 0
    assert "a: 17 labelled utterances of test of " in shown.stdout
    assert "judged as" in shown.stdout and "sorrow" in shown.stdout


def test_table_and_note_agree_about_a_class_without_counterpart(
    home: Path, manifest: Manifest, tmp_path: Path
) -> None:
    """A note that both corpora have is told once."""
    note = "all of it is made up"
    summary = json.loads((home / "runs" / "a" / "summary.json").read_text())
    away = tmp_path / "home"
    shutil.copytree(home, away)
    text = json.dumps(summary | {"notes": [note]})
    (away / "runs" / "a" / "summary.json").write_text(text)
    (away / "runs" / "a" / "finished").write_text("")  # It has no checksums.
    made = Manifest(
        unlabelled(manifest), LabelScheme("other", CLASSES), provenance={"notes": [note]}
    )
    other = elsewhere(tmp_path, home, made.frame, CLASSES)
    made.write(other / "manifest.parquet")
    shown = invoke(away, "evaluate", "a", "--on", str(other), "--map", "sad=")
    answers = "none: it is judged among the other classes"
    assert [f"sad {answers}"] == [
        " ".join(line.split()) for line in shown.stdout.splitlines() if "none" in line
    ]
    assert f"{answers.partition(': ')[2]}" in shown.stderr and "left out" in shown.stderr
    assert shown.stderr.count(note) == 1


def test_refusals(home: Path, manifest: Manifest, tmp_path: Path) -> None:
    alone = invoke(home, "evaluate", "a", "--map", "sad=sorrow", "--device", "cpu")
    assert alone.exit_code == 1 and "--map, --device: only with --on" in str(alone.exception)
    frame = unlabelled(manifest).assign(split=None)
    other = elsewhere(tmp_path, home, frame, CLASSES)
    unsplit = invoke(home, "evaluate", "a", "--on", str(other))
    assert "--split all judges every row" in str(unsplit.exception)
    gone = str(tmp_path / "none" / "said.parquet")
    nowhere = invoke(home, "evaluate", "a", "--on", str(other), "--split", "all", "--output", gone)
    assert "there is no folder" in str(nowhere.exception)
    (other / "medusa.yaml").unlink()
    bare = invoke(home, "evaluate", "a", "--on", str(other), "--split", "all")
    assert "no features toy-audio-" in str(bare.exception)
    assert "no features toy-text-" in str(bare.exception)


def test_added_posteriors_by_hand() -> None:
    mapped = read_map("B = x, c=x", ("a", "b", "c", "d"), ("x", "y", "a"))
    assert mapped.kept == ("x", "a") and mapped.dropped == ("y",) and mapped.unused == ("d",)
    logits = np.log([[0.3, 0.2, 0.15, 0.35], [0.5, 0.1, 0.1, 0.3]]) + 7
    assert np.allclose(np.exp(mapped.logits(logits)), [[0.35, 0.3], [0.2, 0.5]])
    assert mapped.prior(np.array([4.0, 3.0, 2.0, 1.0])).tolist() == [5, 4]


def test_a_wrong_map_is_told_all_at_once() -> None:
    with pytest.raises(ManifestError) as caught:
        read_map("hapy=joy,sad=sorow,angry,sad=joy", CLASSES, ("joy", "sorrow"))
    message = str(caught.value)
    assert "no 'hapy' (did you mean 'happy'?)" in message
    assert "no 'sorow' (did you mean 'sorrow'?)" in message
    assert "'angry': expected HEAD_CLASS=CLASS" in message and "'sad' occurs twice" in message
    with pytest.raises(ManifestError, match="two classes in common, found sad"):
        read_map("", CLASSES, ("sad", "glad"))
