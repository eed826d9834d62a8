"""A stack fed with what its members say again says again what it said."""

import json
from pathlib import Path

import numpy as np
import pytest

from medusa.ensemble import apply as applying
from medusa.ensemble.apply import apply
from medusa.ensemble.stacker import StackConfig, Training
from medusa.ensemble.stacking import stack
from medusa.ensemble.stored_stack import StoredStack
from medusa.errors import RunError
from medusa.heads.runs.run_dir import CONFIG, RunDir
from medusa.heads.runs.run_seal import FINISHED
from medusa.manifests.manifest import Manifest
from medusa.scoring.predictions import Predictions
from medusa.workspace import Workspace

QUICK = Training(epochs=3)


@pytest.fixture(autouse=True)
def heads_say_what_they_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Applying a head has its own tests; here it repeats its stored predictions."""

    def again(run: RunDir, manifest: Manifest, *rest: object) -> Predictions:
        said = run.predictions()
        return said.select([name for name in manifest.frame["id"] if name in set(said.ids)])

    monkeypatch.setattr(applying.heads, "apply", again)


def made(tmp_path: Path, manifest: Manifest, add_run, config: StackConfig) -> RunDir:
    run, names = RunDir(tmp_path / "runs" / "s"), ("b", "c", "a")  # the order is the stack's
    heads = [add_run(name, seed=n, shuffle=True) for n, name in enumerate(names)]
    stack(run, heads, manifest, config)
    return run


@pytest.mark.parametrize(
    "config",
    [
        StackConfig("linear", seeds=2, training=QUICK),
        StackConfig("linear", seeds=1, training=QUICK, inputs="logits", with_attributes=True),
        StackConfig(),
        StackConfig("shrunken", inputs="logits", with_attributes=True),
        StackConfig("soft"),
        StackConfig("majority"),
        StackConfig("product"),
        StackConfig("opinion-pool"),
        StackConfig("logreg", with_attributes=True),
        StackConfig("svm", inputs="logits"),
        StackConfig("mlp", seeds=2),
        StackConfig("forest"),
    ],
)
def test_every_stacker_repeats_itself(tmp_path, manifest, add_run, config):
    run = made(tmp_path, manifest, add_run, config)
    said = apply(run, manifest, Workspace.open(tmp_path))
    stored = run.predictions().select(said.ids)
    assert said.ids == run.predictions().ids and said.run == run.digest()
    assert said.frame["split"].tolist() == stored.frame["split"].tolist()
    assert np.allclose(said.logits(), stored.logits(), atol=1e-5)
    assert np.allclose(said.attributes(), stored.attributes(), atol=1e-5)


def test_settings_that_an_old_run_lacks_have_their_defaults(tmp_path, manifest, add_run):
    run = made(tmp_path, manifest, add_run, StackConfig("linear", seeds=1, training=QUICK))
    record = {**run.config()}
    del record["inputs"], record["with_attributes"]
    (run.path / CONFIG).write_text(json.dumps(record), encoding="utf-8")
    (run.path / FINISHED).write_bytes(b"")  # The mark of older runs has no checksums.
    assert StoredStack.read(RunDir(run.path)).config == StackConfig("linear")


def test_a_stack_of_stacks(tmp_path, manifest, add_run):
    inner = made(tmp_path, manifest, add_run, StackConfig("soft"))
    outer = RunDir(tmp_path / "runs" / "outer")
    stack(outer, [inner, RunDir(tmp_path / "runs" / "a")], manifest, StackConfig("soft"))
    said = apply(outer, manifest, Workspace.open(tmp_path))
    assert np.allclose(said.logits(), outer.predictions().select(said.ids).logits(), atol=1e-5)


def test_what_one_member_cannot_say_is_left_out(tmp_path, manifest, add_run, monkeypatch):
    run = made(tmp_path, manifest, add_run, StackConfig("soft"))
    whole = apply(run, manifest, Workspace.open(tmp_path))
    again, gone = applying.heads.apply, {"a": "train-3", "b": "test-1", "c": "test-1"}

    def without(head: RunDir, *rest: object) -> Predictions:
        said = again(head, *rest)
        return said.select([name for name in said.ids if name != gone[head.name]])

    monkeypatch.setattr(applying.heads, "apply", without)
    said = apply(run, manifest, Workspace.open(tmp_path))
    assert len(said.ids) == 133 and not {"train-3", "test-1"} & set(said.ids)
    assert np.array_equal(said.logits(), whole.select(said.ids).logits())


def test_members_must_be_those_of_the_fit(tmp_path, manifest, add_run):
    run = made(tmp_path, manifest, add_run, StackConfig("soft"))
    config = tmp_path / "runs" / "a" / CONFIG
    config.write_text(json.dumps({"kind": "head", "seed": 99}))
    with pytest.raises(RunError, match=r"members have been replaced.*a is .*, was"):
        apply(run, manifest, Workspace.open(tmp_path))
    config.unlink()
    with pytest.raises(RunError, match="no run 'a'"):
        apply(run, manifest, Workspace.open(tmp_path))
