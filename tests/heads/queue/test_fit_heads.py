"""Heads that a program trains with `medusa.fit_heads`."""

import pytest

import medusa
from medusa.errors import ConfigError, ManifestError
from medusa.heads.runs.run_dir import RunDir
from medusa.tests.command_line import call

TINY = ("head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1")


def test_a_program_trains_what_the_command_trains_and_prints_nothing(workspace, capfd) -> None:
    opened = medusa.Workspace.open(workspace)
    specs = medusa.head_specs(opened, "small", TINY, name="a", seeds="0-1")
    results = medusa.fit_heads(opened, specs, devices="cpu")
    assert capfd.readouterr() == ("", "")
    assert [(one.run, one.problem, one.fresh) for one in results] == [
        ("a-s0", "", True),
        ("a-s1", "", True),
    ]
    words = [word for setting in TINY for word in ("--set", setting)]
    output = call(workspace, "fit-head", "--config", "small", *words, "--name", "b").output
    score = RunDir(workspace / "runs" / "a-s0").read_json("summary.json")["dev_macro_f1"]
    assert f"b: dev macro-F1 {score:.3f}" in output
    again = medusa.fit_heads(opened, specs, devices="cpu")
    assert [(one.run, one.fresh) for one in again] == [("a-s0", False), ("a-s1", False)]


def test_a_problem_is_part_of_the_result_and_each_result_is_announced(workspace) -> None:
    opened, seen = medusa.Workspace.open(workspace), []
    grid = ["head.pooling=sum,mean"]
    specs = medusa.head_specs(opened, "small", TINY, name="a", grid=grid)
    results = medusa.fit_heads(opened, specs, devices="cpu", on_result=seen.append)
    assert seen == results
    assert "head.pooling: 'sum' is not one of" in results[0].problem and not results[0].run
    assert results[1].run == "a-pooling=mean" and not results[1].problem


def test_two_heads_of_one_name_are_refused(workspace) -> None:
    opened = medusa.Workspace.open(workspace)
    specs = medusa.head_specs(opened, "small", TINY, name="a")
    with pytest.raises(ConfigError, match="heads: a twice; give every head a name of its own"):
        medusa.fit_heads(opened, [*specs, *specs], devices="cpu")
    assert not (workspace / "runs").exists()


def test_a_name_by_content_finds_a_finished_run_of_another_name(workspace) -> None:
    opened = medusa.Workspace.open(workspace)
    (spec,) = medusa.head_specs(opened, "small", TINY, name="unused")
    first = medusa.HeadSpec("first", spec.config, named_by_content=True)
    second = medusa.HeadSpec("second", spec.config, named_by_content=True)
    (one,) = medusa.fit_heads(opened, [first], devices="cpu")
    (other,) = medusa.fit_heads(opened, [second], devices="cpu")
    digest = RunDir(workspace / "runs" / one.run).digest()[:12]
    assert one.run == other.run == f"first.{digest}"
    assert one.fresh and not other.fresh


def test_without_a_name_a_head_needs_features(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match="manifest"):
        medusa.head_specs(medusa.Workspace.open(tmp_path / "empty"), "small")
