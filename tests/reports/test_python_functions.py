"""`fit_stack` and `evaluate` of the package return what the commands print, and print nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import medusa
from medusa.errors import ConfigError, RunError
from medusa.tests.command_line import call


def test_evaluate_returns_the_scores_of_the_command(
    made_up: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    workspace = medusa.Workspace.open(made_up)
    scores = medusa.evaluate(workspace, "a", split="dev")
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
    assert json.loads(call(made_up, "evaluate", "a", "--split", "dev", "--json").stdout) == scores
    assert set(medusa.Evaluation.__required_keys__) == set(scores)
    with pytest.raises(RunError, match="no run 'z'"):
        medusa.evaluate(workspace, "z")
    with pytest.raises(ConfigError, match="--text, --missing: only with --on"):
        medusa.evaluate(workspace, "a", text="manifest", missing="drop")


def test_fit_stack_returns_the_run_and_prints_nothing(
    made_up: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(made_up, tmp_path / "w")
    workspace = medusa.Workspace.open(tmp_path / "w")
    config = medusa.StackConfig("soft")
    for _ in range(2):  # the second call finds the finished run
        run = medusa.fit_stack(workspace, ["a", "b"], name="v", config=config)
        assert run.name == "v" and run.finished
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
    predictions = run.predictions()
    posteriors = [
        medusa.fit_stack(workspace, [name], name=f"v{name}", config=config).predictions()
        for name in "ab"
    ]
    mean = np.mean([one.select(predictions.ids).posteriors() for one in posteriors], axis=0)
    np.testing.assert_allclose(predictions.posteriors(), mean, atol=1e-6)
    with pytest.raises(RunError, match="another configuration"):
        medusa.fit_stack(workspace, ["a"], name="v", config=config)
    assert medusa.fit_stack(workspace, ["a"], name="v", config=config, force=True).finished
    with pytest.raises(RunError, match="method 'mean': expected one of shrunken, linear"):
        medusa.fit_stack(workspace, config=medusa.StackConfig("mean"))


def test_without_names_all_heads_are_combined(made_up: Path, tmp_path: Path) -> None:
    shutil.copytree(made_up, tmp_path / "w")
    run = medusa.fit_stack(
        medusa.Workspace.open(tmp_path / "w"), name="all", config=medusa.StackConfig("product")
    )
    assert [one["name"] for one in run.config()["members"]] == ["a", "b"]  # the stack is none
