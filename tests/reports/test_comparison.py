"""`medusa compare` against scikit-learn and joins by pandas."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, recall_score

import medusa
from medusa.errors import ConfigError
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.scoring import holm
from medusa.tests.command_line import call


@pytest.fixture(scope="module")
def found(made_up: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(call(made_up, "compare", "a", "b", "s", "--json").stdout)
    return loaded


@pytest.fixture(scope="module")
def joined(made_up: Path) -> pd.DataFrame:
    """Return the labelled test utterances with the class that each run predicts."""
    truth = Manifest.read(made_up / "manifest.parquet").frame
    table = truth.loc[(truth["split"] == "test") & truth["label"].notna(), ["id", "label"]]
    for name in "abs":
        frame = RunDir(made_up / "runs" / name).predictions().frame
        logits = frame.set_index("id").filter(like="logit_")
        classes = logits.idxmax(axis=1).str.removeprefix("logit_").rename(name)
        table = table.join(classes, on="id")
    return table


def test_every_pair_is_compared(found: dict[str, Any], joined: pd.DataFrame) -> None:
    assert found["utterances"] == len(joined) == 27 and found["blocks"] == 10
    assert [(one["first"], one["second"]) for one in found["pairs"]] == [
        ("a", "b"),
        ("a", "s"),
        ("b", "s"),
    ]
    present = joined["label"].unique()
    for pair in found["pairs"]:
        one, other = joined[pair["first"]], joined[pair["second"]]
        scores = [
            f1_score(joined["label"], part, labels=present, average="macro")
            for part in (one, other)
        ]
        assert pair["difference"] == pytest.approx(scores[0] - scores[1])
        assert pair["interval"][0] <= pair["difference"] <= pair["interval"][1]
        assert pair["kappa"] == pytest.approx(cohen_kappa_score(one, other))
        right, also = one == joined["label"], other == joined["label"]
        assert set(pair["only_first"]) == set(joined["id"][right & ~also])
        assert set(pair["only_second"]) == set(joined["id"][also & ~right])
        happy = joined["label"] == "happy"
        assert pair["right"]["happy"] == {
            "both": (right & also & happy).sum(),
            "only_first": (right & ~also & happy).sum(),
            "only_second": (also & ~right & happy).sum(),
            "neither": (~right & ~also & happy).sum(),
        }


def test_p_values_are_corrected_for_the_number_of_pairs(
    made_up: Path, found: dict[str, Any]
) -> None:
    workspace = medusa.Workspace.open(made_up)
    each = [
        medusa.compare_runs(workspace, pair).pairs[0]
        for pair in (("a", "b"), ("a", "s"), ("b", "s"))
    ]
    assert [one["p"] for one in found["pairs"]] == pytest.approx(holm([one.p for one in each]))
    corrected = holm([one.mcnemar for one in each])
    assert [one["mcnemar"] for one in found["pairs"]] == pytest.approx(corrected)


def test_another_score(made_up: Path, joined: pd.DataFrame) -> None:
    workspace = medusa.Workspace.open(made_up)
    pair = medusa.compare_runs(workspace, ["a", "b"], score="uar").pairs[0]
    present = joined["label"].unique()
    scores = [
        recall_score(joined["label"], joined[name], labels=present, average="macro")
        for name in "ab"
    ]
    assert pair.difference == pytest.approx(scores[0] - scores[1])


def test_the_tables_have_four_formats(made_up: Path, found: dict[str, Any]) -> None:
    shown = {
        form: call(made_up, "compare", "a", "b", "--format", form).stdout
        for form in ("text", "markdown", "latex", "csv", "spreadsheet")
    }
    difference = f"{found['pairs'][0]['difference']:+.3f}"
    assert all(difference in one for one in shown.values())
    assert "| a – b |" in shown["markdown"] and "a -- b &" in shown["latex"]
    cells = [row for row in csv.reader(io.StringIO(shown["csv"])) if "a – b" in row]
    safe = [row for row in csv.reader(io.StringIO(shown["spreadsheet"])) if "a – b" in row]
    assert cells[0][2] == safe[0][2] == difference  # a number is not a formula
    assert safe[0][3] in (cells[0][3], f"'{cells[0][3]}")


def test_what_cannot_be_compared_is_refused(made_up: Path) -> None:
    workspace = medusa.Workspace.open(made_up)
    with pytest.raises(ConfigError, match="at least two different runs"):
        medusa.compare_runs(workspace, ["a", "a"])
    with pytest.raises(ConfigError, match=r"score: expected macro_f1, .*found 'f2'"):
        medusa.compare_runs(workspace, ["a", "b"], score="f2")
