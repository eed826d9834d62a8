"""Bringing a recipe up to date: by content, after kills, past failures."""

import csv
import io
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medusa.errors import MedusaError
from medusa.heads.queue import train_one
from medusa.heads.training import loop as train
from medusa.recipes import fit_stacks
from medusa.tests.recipes.toy_recipe import RECIPE, call, last_runs, runs


def tables(home: Path) -> list[list[str]]:
    """The tables without the hours that training took."""
    printed = call(home, "tables", "--format", "csv")
    return [row[:-1] for row in csv.reader(io.StringIO(printed)) if row]


def test_a_recipe_from_nothing_to_its_report_and_then_nothing(home, monkeypatch):
    printed = call(home, "run")
    assert set(runs(home)) == {"a", "b", "c", "a.plain", "b.plain", "soup", "vote", "best"}
    for part in ("Heads", "Ensembles", "Ablations", "without MixUp", "p (Holm)", "0.500"):
        assert part in printed
    folder = home / "recipes" / "toy"
    assert "<html" in (folder / "report.html").read_text().lower()
    overview = (folder / "overview.html").read_text()
    heads = {"a", "b", "c", "a.plain", "b.plain"}
    assert all(f'<th scope="row">{name}' in overview for name in {runs(home)[one] for one in heads})
    assert "5 heads" in overview and ">mixup.p</button>" in overview
    assert "| a | loud + glad |" in (folder / "tables.md").read_text()
    monkeypatch.setattr("medusa.recipes.update.update", None)  # nothing may be trained
    assert "up to date, nothing to do" in call(home, "run")


def test_doing_nothing_needs_no_heavy_library(home):
    import subprocess

    call(home, "run")
    code = (
        "import sys; from medusa.cli import medusa;"
        f"medusa(['--workspace', {str(home)!r}, 'run', {str(home / 'toy.yaml')!r}], "
        "standalone_mode=False);"
        "print([m for m in ('torch', 'pandas', 'sklearn', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]") and "nothing to do" in done.stderr


def test_one_loss_weight_trains_again_what_sees_it(home, monkeypatch):
    call(home, "run")
    before, trained = runs(home), []
    real = train_one.fit

    def noting(job, run, *more):
        trained.append(run.name)
        return real(job, run, *more)

    monkeypatch.setattr(train_one, "fit", noting)
    call(home, "run", "--set", "heads.b.loss.attribute_weight=0.9")
    after = last_runs(home)
    assert sorted(name.split(".")[1:-1] for name in trained) == [["b"], ["b", "plain"]]
    changed = {task for task in before if before[task] != after[task]}
    assert {"b", "b.plain", "soup", "vote"} <= changed <= {"b", "b.plain", "soup", "vote", "best"}
    trained.clear()
    call(home, "run")  # back again: everything is still there
    assert not trained and runs(home) == before


class Killed(BaseException):
    pass


def test_killed_at_twenty_moments_the_tables_are_the_same(home, tmp_path_factory, monkeypatch):
    text = RECIPE.replace("  b: {", "  # b: {").replace("heads: [a, b]", "heads: [c]")
    (home / "toy.yaml").write_text(text)
    call(home, "run")
    straight = tables(home)
    moments = np.random.default_rng(0).integers(0, 28, 20)
    for moment in moments:
        other = tmp_path_factory.mktemp("killed")
        for name in ("manifest.parquet", "toy.yaml"):
            shutil.copy(home / name, other)
        shutil.copytree(home / "features", other / "features")
        left = iter(range(moment, -1, -1))

        def dies(real, left=left):
            def wrapped(*args, **kwargs):
                if next(left, 1) == 0:
                    raise Killed
                return real(*args, **kwargs)

            return wrapped

        with monkeypatch.context() as patch:
            patch.setattr(
                train.Trainer, "_step_within_memory", dies(train.Trainer._step_within_memory)
            )
            patch.setattr(train.Trainer, "_save", dies(train.Trainer._save))
            patch.setattr(fit_stacks, "fit_stack", dies(fit_stacks.fit_stack))
            with pytest.raises(Killed):
                call(other, "run")
        assert not (other / "recipes" / "toy" / "report.html").exists()
        call(other, "run")
        assert tables(other) == straight


def test_a_head_that_fails_costs_its_ensembles_alone(home, monkeypatch):
    real = train_one.fit

    def fails(job, run, *more):
        if ".b." in run.name and ".plain" not in run.name:
            raise MedusaError("no luck")
        return real(job, run, *more)

    with monkeypatch.context() as patch:
        patch.setattr(train_one, "fit", fails)
        with pytest.raises(MedusaError) as problem:
            call(home, "run")
    message = str(problem.value)
    assert "b: no luck" in message and "soup: its members have no run: b" in message
    assert {"a", "c", "a.plain", "b.plain"} == set(runs(home))
    assert "up to date, nothing to do" not in call(home, "run")
    assert {"b", "soup", "vote", "best"} <= set(runs(home))


def test_only_some_and_ablations_alone(home):
    call(home, "run", "--only", "a")
    assert set(runs(home)) == {"a"}
    call(home, "run", "--no-stacks")
    assert set(runs(home)) == {"a", "b", "c", "a.plain", "b.plain"}


def test_what_cannot_be_run_or_judged_says_why(home):
    with pytest.raises(
        MedusaError, match=r"has not run here yet; run it with `medusa run .*toy\.yaml`"
    ):
        call(home, "tables")
    with pytest.raises(MedusaError, match=r"--only zz\*: fits no task; the tasks are a, b, c"):
        call(home, "run", "--only", "zz*")
    (home / "manifest.parquet").unlink()
    with pytest.raises(MedusaError, match=r"no manifest here.*--tiny"):
        call(home, "run")
    assert not (home / "recipes").exists()


def test_two_at_once_are_the_same_as_one_by_one(home, tmp_path_factory):
    call(home, "run", "--only", "[abc]")
    one = runs(home)
    other = tmp_path_factory.mktemp("other")
    for name in ("manifest.parquet", "toy.yaml"):
        shutil.copy(home / name, other)
    shutil.copytree(home / "features", other / "features")
    call(other, "run", "--only", "[abc]", "--jobs", "2")
    assert runs(other) == one
    for name in one.values():
        first, second = (
            pd.read_parquet(place / "runs" / name / "predictions.parquet")
            for place in (home, other)
        )
        pd.testing.assert_frame_equal(first, second, rtol=1e-4, atol=1e-4)
