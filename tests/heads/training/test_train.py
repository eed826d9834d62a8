"""Training: the same seed gives the same weights, also when killed; choices are checked."""

import json
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from medusa.errors import ConfigError, DataError, RunError
from medusa.heads.config import load
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.runs.config_digest import digest_of
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training import loop as train
from medusa.heads.training.meter import STEPS
from medusa.heads.training.train_rows import training_rows
from medusa.manifests import Manifest
from medusa.manifests.texts import read_transcripts, write_transcripts
from medusa.workspace import Workspace

FAST = (
    "head.width=8",
    "head.feedforward=8",
    "train.patience=2",
    "stages.0.epochs=3",
    "stages.1.epochs=2",
    "mixup.p=0.5",
    "stages.0.lr=0.01",
)
CPU = torch.device("cpu")


def job(root, *overrides, backbones=(), **kwargs):
    return prepare(
        Workspace.open(root),
        HeadSpec("a", load("small", FAST + overrides), tuple(backbones), **kwargs),
    )


def run_all(job, path, advance=lambda amount=1, note="": None) -> RunDir:
    run = RunDir(path)
    run.start(job.record)
    fit(job, run, CPU, advance)
    return run


def weights(run: RunDir) -> dict[str, torch.Tensor]:
    return load_file(run.path / "weights.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_run_is_complete(workspace):
    run = run_all(job(workspace), workspace / "runs" / "a")
    assert run.finished and not run.start(job(workspace).record)
    names = {path.name for path in run.path.iterdir()}
    assert names >= {
        "config.yaml",
        "weights.safetensors",
        "metrics.jsonl",
        "predictions.parquet",
        "summary.json",
        "environment.json",
        "stage-1-full.safetensors",
        "stage-2-balanced.safetensors",
    }
    assert "checkpoint.safetensors" not in names
    predictions = run.predictions()
    assert sorted(predictions.ids) == sorted(f"u{i}" for i in range(60))
    assert predictions.classes == ("angry", "happy", "sad")
    assert predictions.run == run.digest()
    assert np.isfinite(predictions.attributes()).all()
    lines = run.metrics()
    assert [line["epoch"] for line in lines] == list(range(1, len(lines) + 1))
    best = max(line["dev_macro_f1"] for line in lines)
    assert run.read_json("summary.json")["dev_macro_f1"] == best


def test_one_seed_one_result_and_another_seed_another(workspace):
    one = run_all(job(workspace), workspace / "runs" / "a")
    two = run_all(job(workspace), workspace / "runs" / "b")
    other = run_all(job(workspace, "seed=1"), workspace / "runs" / "c")
    assert same(weights(one), weights(two))
    assert one.predictions().frame.equals(two.predictions().frame)
    assert not same(weights(one), weights(other))


class Killed(Exception):
    pass


def kill(monkeypatch, kind, name, moment, first=lambda it: None):
    """Let one call of a method, the moment-th from 0, kill the training, with a last act before."""
    real, left = getattr(kind, name), iter(range(moment, -1, -1))

    def dies(self, *args, **values):
        if next(left, 1) == 0:
            first(self)
            raise Killed
        return real(self, *args, **values)

    monkeypatch.setattr(kind, name, dies)


def check_resumed(workspace, settings, moment, straight):
    """A training that is killed and goes on comes to the same as one that is not."""
    place = workspace / "runs" / f"killed-{moment}"
    with pytest.raises(Killed):
        run_all(job(workspace, *settings), place)
    resumed = run_all(job(workspace, *settings), place)
    assert same(weights(resumed), weights(straight))
    assert untimed(resumed) == untimed(straight)


def test_killed_at_twenty_moments_and_resumed_equals_uninterrupted(workspace, monkeypatch):
    small = ("train.batch=6", "stages.0.epochs=2", "train.patience=9")
    straight = run_all(job(workspace, *small), workspace / "runs" / "straight")
    steps = straight.read_json("summary.json")["steps"]
    for moment in np.random.default_rng(0).choice(steps, 20, replace=False):
        with monkeypatch.context() as patch:  # saved is what stands after the step before
            kill(patch, train.Trainer, "_step_within_memory", moment, train.Trainer._save)
            check_resumed(workspace, small, moment, straight)


def test_killed_before_an_epoch_is_saved_it_is_the_same(workspace, monkeypatch):
    # a stage that starts from the best weights replaces them in its first epoch
    settings = ("seed=2", "train.batch=4", "stages.0.epochs=1", "stages.0.lr=0.002")
    settings += ("stages.1.lr=0.01", "stages.1.start=best", "stages.1.optimiser=reset")
    straight = run_all(job(workspace, *settings), workspace / "runs" / "straight")
    scores = [line["dev_macro_f1"] for line in straight.metrics()]
    assert scores == sorted(set(scores))
    for moment in range(len(straight.metrics())):
        with monkeypatch.context() as patch:
            kill(patch, RunDir, "log", moment)
            check_resumed(workspace, settings, moment, straight)


def test_seconds_are_those_of_all_processes(workspace, monkeypatch):
    real, slow = train.Trainer._step_within_memory, 0.1
    monkeypatch.setattr(
        train.Trainer, "_step_within_memory", lambda *args: time.sleep(slow) or real(*args)
    )
    kill(monkeypatch, train.Trainer, "_step_within_memory", 3, train.Trainer._save)
    one = job(workspace, "train.batch=8", "stages.0.epochs=1", "stages.1.epochs=1")
    with pytest.raises(Killed):
        run_all(one, workspace / "runs" / "a")
    run = run_all(one, workspace / "runs" / "a")
    lines = run.metrics()
    assert lines[0]["steps"] == 5 and lines[0]["seconds"] >= 5 * slow
    assert lines[0]["utterances_per_s"] <= 40 / (5 * slow)
    assert run.read_json("summary.json")["seconds"] >= sum(line["steps"] for line in lines) * slow


def untimed(run: RunDir) -> list[dict[str, object]]:
    clock = ("seconds", "utterances_per_s", "data_wait_share", "peak_memory_gb", "mfu")
    lines = [{k: v for k, v in line.items() if k not in clock} for line in run.metrics()]
    steps = (run.path / STEPS).read_text("utf-8").splitlines()
    return [*lines, *map(json.loads, steps)]


def test_hard_labels_leave_out_rows_without_consensus(workspace):
    soft = job(workspace)
    rows, targets = training_rows(soft.examples, soft.spec.config)
    assert len(rows) == 40 and targets.soft.max() < 1
    hard = job(workspace, "train.labels=hard")
    rows, targets = training_rows(hard.examples, hard.spec.config)
    assert len(rows) == 39 and "u6" not in [hard.examples.ids[row] for row in rows]
    labels = hard.examples.labels[rows]
    assert torch.equal(targets.soft, torch.eye(3)[labels])


def test_features_are_joined_by_content_not_position(workspace):
    straight = job(workspace).examples
    manifest = workspace / "manifest.parquet"
    shuffled = Manifest.read(manifest)
    order = np.random.default_rng(0).permutation(60)
    shuffled.frame = shuffled.frame.iloc[order].reset_index(drop=True)
    shuffled.write(manifest)
    moved = job(workspace).examples
    for number in (0, 1):
        there = next(moved.read_batches([np.arange(60)]))[number].split()
        here = next(straight.read_batches([order]))[number].split()
        assert all(torch.equal(a, b) for a, b in zip(there, here, strict=True))
    assert moved.labels.tolist() == straight.labels[order].tolist()


def test_missing_features_are_named_or_dropped(workspace):
    manifest = Manifest.read(workspace / "manifest.parquet")
    manifest.frame.loc[3, "text"] = "changed"
    manifest.frame.loc[4, "content"] = "changed"
    manifest.write(workspace / "manifest.parquet")
    (made,) = (workspace / "features").glob("toy-text-*/provenance.json")
    made.write_text('{"source": "weights/text"}')
    with pytest.raises(DataError, match=r"1 of 60 .*toy-audio.*u4(.|\n)*toy-text.*u3") as caught:
        job(workspace)
    assert "`medusa extract --backbone toy-audio`" in str(caught.value)
    assert "`medusa extract --backbone toy-text --checkpoint weights/text`" in str(caught.value)
    assert len(job(workspace, drop_missing=True).examples.ids) == 58


def test_an_utterance_without_a_text_is_refused_or_left_out(workspace):
    manifest = Manifest.read(workspace / "manifest.parquet")
    manifest.frame.loc[7, "text"] = None
    manifest.write(workspace / "manifest.parquet")
    with pytest.raises(DataError, match=r"1 utterance has no text in 'manifest': u7; .*--missing"):
        job(workspace)
    left = job(workspace, drop_missing=True).examples.ids
    assert len(left) == 59 and "u7" not in left


def test_backbones_are_chosen_by_name(workspace):
    assert len(job(workspace).examples.streams) == 2
    assert len(job(workspace, backbones=["toy-text"]).examples.streams) == 1
    with pytest.raises(DataError, match="did you mean 'toy-text'"):
        job(workspace, backbones=["toy-tex"])


def test_another_configuration_under_the_same_name_is_refused(workspace):
    run = RunDir(workspace / "runs" / "a")
    run.start(job(workspace).record)
    with pytest.raises(RunError, match="seed: the run has 0; this command has 1"):
        run.start(job(workspace, "seed=1").record)
    other = "features: the run has toy-audio, toy-text; this command has toy-audio"
    with pytest.raises(RunError, match=other):
        run.start(job(workspace, backbones=["toy-audio"]).record)
    assert run.start(job(workspace, "seed=1").record, force=True)


def test_a_run_from_before_a_setting_existed_is_the_same_run(workspace):
    record = job(workspace).record
    before = json.loads(json.dumps(record))
    del before["train"]["compile"]
    assert digest_of(before) == digest_of(record)
    assert digest_of(job(workspace, "train.compile=true").record) != digest_of(record)
    run = RunDir(workspace / "runs" / "a")
    run.start(before)
    assert run.start(record)  # goes on
    with pytest.raises(RunError, match="compile"):
        run.start(job(workspace, "train.compile=true").record)


def test_other_transcripts_are_another_run(workspace):
    frame = Manifest.read(workspace / "manifest.parquet").frame
    heard = frame[["id", "content", "text"]].assign(language="en", flags=[[] for _ in frame["id"]])
    heard[["avg_logprob", "no_speech_prob", "compression_ratio"]] = 0.0
    path = workspace / "transcripts" / "large.parquet"
    write_transcripts(path, heard)
    first = job(workspace).record
    assert first["text"] == "large" and job(workspace, text="manifest").record["text"] == "manifest"
    heard = read_transcripts(path)
    write_transcripts(path, heard.sample(frac=1, random_state=0))  # the order is no content
    assert digest_of(job(workspace).record) == digest_of(first)
    heard["text"] = heard["text"].to_numpy()[::-1]
    write_transcripts(path, heard)
    second = job(workspace).record
    assert {**second, "texts": first["texts"]} == first and second["texts"] != first["texts"]


def test_other_votes_are_another_run_where_they_are_learnt_from(workspace):
    path, learns = workspace / "manifest.parquet", "loss.secondary_weight=0.5"
    manifest = Manifest.read(path)
    manifest.votes = manifest.frame[["id", "arousal", "valence", "dominance"]].assign(rater="r")
    manifest.votes["primary"] = manifest.frame["label"].fillna("sad")
    found = []
    for second in ("happy", "angry"):
        manifest.votes["secondary"] = [[second] for _ in manifest.votes["id"]]
        manifest.write(path)
        found.append([digest_of(job(workspace, *more).record) for more in ((), (learns,))])
    assert found[0][0] == found[1][0] and found[0][1] != found[1][1]


def test_what_no_corpus_or_file_can_have_is_refused_first(workspace):
    with pytest.raises(DataError, match="neutral_weight: the label scheme has no class 'neutral'"):
        job(workspace, "loss.neutral_weight=1")
    wrong = ("head.name=dff", "stages.0.name=a/b")
    with pytest.raises(ConfigError, match=r"stages.0.name: expected one word(.|\n)*mean 'dhf'"):
        job(workspace, *wrong)
    wrong = ("head.name=dhf", "head.width=15", "loss.classes=cee")
    with pytest.raises(ConfigError, match=r"'cee' is not one of(.|\n)*dhf needs an even width"):
        job(workspace, *wrong)
    with pytest.raises(ConfigError, match=r"seed: expected from 0 to below 2\*\*63"):
        load("small", ("seed=99999999999999999999",))


def test_all_wrong_settings_are_named_at_once():
    with pytest.raises(ConfigError) as problem:
        load("small", ("head.widht=3", "seed=many", "stages.7.lr=1", "nonsense"))
    message = str(problem.value)
    for part in ("did you mean 'width'", "seed: expected int", "stages.7.lr", "key=value"):
        assert part in message


def test_all_wrong_choices_are_named_at_once(workspace):
    with pytest.raises(ConfigError) as problem:
        job(workspace, "head.pooling=men", "loss.classes=cee", "stages.1.sampler=balance")
    message = str(problem.value)
    assert "'mean'" in message and "'ce'" in message and "'balanced'" in message


def test_the_papers_settings_are_the_default():
    config = load("medusa")
    assert (config.head.width, config.head.layers, config.train.batch) == (1024, 2, 16)
    assert [stage.lr for stage in config.stages] == [1e-5, 1e-5]
    published = load("medusa-published")
    assert [stage.lr for stage in published.stages] == [1e-5, 1e-6]
    train = published.train
    assert (train.batch, train.micro, train.selection) == (32, 16, "natural")
    assert (config.loss.class_weight, config.loss.attribute_weight) == (1.5, 0.4)
    assert config.mixup.p == 0.3 and config.stages[0].class_weights == 0.5
    assert json.loads(json.dumps(config.to_dict()))["seed"] == 0
