"""`medusa runs` lists every run with the scores that `evaluate` computes."""

import json
import shutil
from pathlib import Path

import pytest

import medusa
from medusa.errors import ConfigError
from medusa.tests.command_line import call, invoke


def test_scores_are_those_of_evaluate(made_up: Path) -> None:
    workspace = medusa.Workspace.open(made_up)
    rows = {row.name: row for row in medusa.list_runs(workspace)}
    assert set(rows) == {"a", "b", "s"}
    for name, row in rows.items():
        for split, found in (("dev", row.dev), ("test", row.test)):
            judged = medusa.evaluate(workspace, name, split=split)
            assert found == pytest.approx(judged["macro_f1"], abs=1e-12)
        assert row.finished and not row.problem
    assert rows["s"].features == "a, b" and rows["s"].head


def test_the_best_run_is_first_and_named(made_up: Path) -> None:
    shown = call(made_up, "runs", "--sort", "test", "--json")
    scores = [row["test"] for row in json.loads(shown.stdout)]
    assert scores == sorted(scores, reverse=True)
    best = max(medusa.list_runs(medusa.Workspace.open(made_up)), key=lambda row: row.dev or 0)
    assert "macro-F1 on test" in call(made_up, "runs", "--sort", "test").stdout
    assert "macro-F1 on test" in call(made_up, "runs", "--test").stdout
    shown = call(made_up, "runs")
    assert "macro-F1 on dev" in shown.stdout and "on test" not in shown.stdout
    assert f"best on dev: {best.name}; next: medusa evaluate {best.name}" in shown.stderr
    with pytest.raises(ConfigError, match="expected one of when, name, dev, test"):
        raise invoke(made_up, "runs", "--sort", "score").exception


def test_unfinished_and_damaged_runs_are_listed(made_up: Path, tmp_path: Path) -> None:
    root = tmp_path / "w"
    shutil.copytree(made_up, root)
    (root / "runs" / "a" / "finished").unlink()
    (root / "runs" / "b" / "predictions.parquet").write_bytes(b"x")
    rows = {row.name: row for row in medusa.list_runs(medusa.Workspace.open(root), "name")}
    assert (rows["a"].finished, rows["a"].dev) == (False, None)
    assert "predictions.parquet" in rows["b"].problem
    shown = call(root, "runs")
    assert " no " in shown.stdout and "predictions.parquet" in shown.stderr
    (root / "manifest.parquet").unlink()
    assert medusa.list_runs(medusa.Workspace.open(root), "name")[2].test is None


def test_an_empty_workspace_names_the_first_command(tmp_path: Path) -> None:
    assert "next: medusa fit-head" in call(tmp_path, "runs").stderr
