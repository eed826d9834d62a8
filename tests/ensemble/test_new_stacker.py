"""A stacker is added by one class in one file and one entry in one dictionary."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from medusa.ensemble import apply as applying
from medusa.ensemble.stackers import STACKERS
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests.manifest import Manifest
from medusa.recipes.definition.load import load
from medusa.scoring.predictions import Predictions
from medusa.tests.command_line import call, invoke

TOY = """
import numpy as np
from medusa.ensemble.stacker import Fitted, Stacker, StackOutput

class BestMember(Stacker):
    summary = "the member with the most correct predictions"
    options = ("fit_on", "in_sample")

    def fit(self, train, config):
        correct = (train.posteriors.argmax(2) == train.labels).sum(1)
        return Fitted({"best": np.array([correct.argmax()])})

    def predict(self, weights, inputs):
        return StackOutput(np.log(inputs.posteriors[weights["best"][0]]), None)
"""

AddRun = Callable[..., RunDir]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Add a stacker that one temporary file defines."""
    path = tmp_path / "best_member.py"
    path.write_text(TOY)
    spec = importlib.util.spec_from_file_location("best_member", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(STACKERS, "best-member", module.BestMember())
    return module


def test_a_new_stacker_is_fitted_reported_and_applied(
    toy: ModuleType,
    tmp_path: Path,
    manifest: Manifest,
    add_run: AddRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heads = [add_run(name, seed, strength=seed) for seed, name in enumerate("abc")]
    call(tmp_path, "stack", "--method", "best-member")
    table = call(tmp_path, "evaluate", "stack").stdout
    assert "best-member" in table and "gain of stack" in table
    run = RunDir(tmp_path / "runs" / "stack")
    best = heads[2].predictions().select(run.predictions().ids)
    np.testing.assert_allclose(run.predictions().posteriors(), best.posteriors(), atol=1e-6)
    rows = {line["name"]: line for line in run.read_json(SUMMARY)["comparison"]}
    assert rows["best-member"] == rows["c"] | {"name": "best-member", "kind": "stacker"}

    call(tmp_path, "report", "stack", "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "3 runs combined by the member with the most correct predictions" in page

    def stored(head: RunDir, part: Manifest, *rest: object) -> Predictions:
        return head.predictions().select(part.frame["id"].tolist())

    monkeypatch.setattr(applying.heads, "apply", stored)
    on = json.loads(call(tmp_path, "evaluate", "stack", "--on", tmp_path, "--json").stdout)
    plain = json.loads(call(tmp_path, "evaluate", "stack", "--json").stdout)
    assert on["confusion"] == plain["confusion"] and on["macro_f1"] == rows["c"]["macro_f1"]


def test_a_new_stacker_can_be_named_in_a_recipe_and_has_only_its_own_settings(
    toy: ModuleType, tmp_path: Path, add_run: AddRun
) -> None:
    recipe = tmp_path / "small.yaml"
    recipe.write_text(
        "{config: small, features: {wavlm: {}}, heads: {a: {features: [wavlm]}},"
        " stacks: {s: {method: best-member}}}"
    )
    assert load(str(recipe)).stacks["s"].method == "best-member"
    add_run("a")
    refused = invoke(tmp_path, "stack", "--method", "best-member", "--set", "seeds=2")
    assert "--set seeds: --method best-member does not read it" in str(refused.exception)
