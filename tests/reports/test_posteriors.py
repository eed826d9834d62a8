"""Calibration, distributions and human agreement in the evaluation, the terminal and the page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from medusa.heads.runs.run_dir import PREDICTIONS, SUMMARY, RunDir
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.labels.votes import from_votes
from medusa.scoring import Predictions
from medusa.tests.command_line import call

SCHEME = LabelScheme("moods", ("sad", "glad", "calm"))


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace whose utterances have five raters each, with the run `r`."""
    root, rng = tmp_path_factory.mktemp("rated"), np.random.default_rng(1)
    ids = [f"u{number}" for number in range(120)]
    mood = rng.integers(0, 3, 120)
    raters = np.where(rng.random((120, 5)) < 0.6, mood[:, None], rng.integers(0, 3, (120, 5)))
    votes = pd.DataFrame(
        {"id": np.repeat(ids, 5), "primary": np.array(SCHEME.classes)[raters.ravel()]}
    )
    for column in ("rater", "secondary", "arousal", "valence", "dominance"):
        votes[column] = None
    label, soft = from_votes(votes, pd.Series(ids), SCHEME)
    splits = ["train"] * 40 + ["dev"] * 40 + ["test"] * 40
    speakers = [f"{split}-{row % 11}" for row, split in enumerate(splits)]
    rows = {"id": ids, "content": ids, "speaker": speakers, "split": splits, "label": label}
    rows["gender"] = ["[/x]", "<b>m</b>"] * 60
    Manifest(pd.concat([pd.DataFrame(rows), soft], axis=1), SCHEME, votes).write(
        root / "manifest.parquet"
    )
    run = RunDir(root / "runs" / "r")
    run.start({"kind": "head", "train_split": "train"})
    logits = 6 * np.eye(3)[mood] + rng.normal(size=(120, 3)) * 3
    Predictions.of(ids, splits, logits, None, SCHEME.classes, "r").write(run.path / PREDICTIONS)
    run.write_json(SUMMARY, {})
    run.finish()
    return root


@pytest.fixture(scope="module")
def result(rated: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(call(rated, "evaluate", "r", "--json").stdout)
    return loaded


def test_the_evaluation_compares_with_the_shares(rated: Path, result: dict[str, Any]) -> None:
    manifest = Manifest.read(rated / "manifest.parquet").split("test")
    predictions = RunDir(rated / "runs/r").predictions().split("test")
    shares, posteriors = manifest.soft(), softmax(predictions.logits(), axis=1)
    found = result["distributions"]
    assert found["n"] == 40
    chosen = shares[np.arange(40), posteriors.argmax(1)]
    assert found["measures"]["soft_accuracy"]["value"] == pytest.approx(chosen.mean())
    assert found["mean_shares"]["raters"] == pytest.approx(shares.mean(0))


def test_human_agreement_is_that_of_pairs_of_raters(rated: Path, result: dict[str, Any]) -> None:
    manifest = Manifest.read(rated / "manifest.parquet").split("test")
    counts = 5 * manifest.soft().astype(float)
    pairs = (counts * (counts - 1)).sum(1) / 20
    found = result["human_agreement"]
    assert found["n"] == 40 and found["raters"] == 5
    assert found["rater"]["agreement"]["value"] == pytest.approx(pairs.mean())
    soft_accuracy = result["distributions"]["measures"]["soft_accuracy"]["value"]
    assert found["system"]["agreement"]["value"] == pytest.approx(soft_accuracy)


def test_the_temperature_is_fitted_on_dev_alone(rated: Path, result: dict[str, Any]) -> None:
    found = result["calibration"]["temperature"]
    manifest = Manifest.read(rated / "manifest.parquet")
    assert found["n"] == manifest.split("dev").frame["label"].notna().sum()
    assert found["value"] > 1 and not found["learnt"]  # the logits are too large
    assert found["nll"]["value"] < result["calibration"]["nll"]["value"]
    dev = json.loads(call(rated, "evaluate", "r", "--split", "dev", "--json").stdout)
    assert dev["calibration"]["temperature"] is None


def test_the_terminal_begins_with_the_sentence(rated: Path, result: dict[str, Any]) -> None:
    printed = " ".join(call(rated, "evaluate", "r").stdout.split())
    ratio = result["human_agreement"]["ratio"]
    assert printed.startswith("Two raters of an utterance choose the same class in ")
    assert f"the run reaches {100 * ratio['value']:.0f} % of human agreement" in printed
    for words in ("calibration error (ECE)", "at temperature", "Jensen-Shannon", "top-2 accuracy"):
        assert words in printed


def test_another_workspace_has_the_same_agreement(rated: Path, result: dict[str, Any]) -> None:
    """Three classes of two: the votes and shares of the others do not count."""
    from medusa.reports.transfer import ClassMap, _mapped_manifest

    manifest = Manifest.read(rated / "manifest.parquet")
    classes = ClassMap({"sad": "sad", "glad": "glad"}, SCHEME.classes)
    mapped = _mapped_manifest(manifest, classes, "all")
    soft = manifest.soft()[:, :2]
    with np.errstate(invalid="ignore"):
        expected = soft / soft.sum(1, keepdims=True)
    assert mapped.soft() == pytest.approx(expected, nan_ok=True)
    assert mapped.votes is not None and len(mapped.votes) == 600


def test_the_page_has_the_sections(rated: Path, result: dict[str, Any], tmp_path: Path) -> None:
    call(rated, "report", "r", "-o", str(tmp_path / "r.html"))
    page = (tmp_path / "r.html").read_text()
    header = page[: page.index("</header>")]
    assert "of human agreement (95 % interval" in header
    for piece in (
        "Can the posteriors be trusted?",
        "The posteriors against the raters",
        "The run among the raters",
        'aria-label="reliability diagram',
    ):
        assert piece in page, piece
    assert page.count("<circle cx=") == len(result["calibration"]["bins"])


def test_slices_are_judged_and_shown(rated: Path, result: dict[str, Any], tmp_path: Path) -> None:
    rows = {(one["by"], one["group"]): one for one in result["slices"]["rows"]}
    assert ("gender", "[/x]") in rows and ("rater agreement", "less than 2/3 agree") in rows
    assert sum(one["n"] for (by, _), one in rows.items() if by == "gender") == result["n"]
    fairness = result["slices"]["fairness"]["gender"]
    assert {fairness["highest"], fairness["lowest"]} == {"[/x]", "<b>m</b>"}
    printed = " ".join(call(rated, "evaluate", "r").stdout.split())
    assert "equalised odds" in printed and "[/x]" in printed
    call(rated, "report", "r", "-o", str(tmp_path / "r.html"))
    page = (tmp_path / "r.html").read_text()
    assert "Groups of utterances" in page and "Fairness" in page
    assert "&lt;b&gt;m&lt;/b&gt;" in page and "<b>m</b>" not in page


def test_the_tables_alone_have_the_numbers(
    rated: Path, result: dict[str, Any], tmp_path: Path
) -> None:
    for form, ending in (("markdown", ".md"), ("latex", ".tex")):
        output = tmp_path / f"r{ending}"
        call(rated, "report", "r", "-o", str(output), "--format", form)
        text = output.read_text()
        for value in (
            result["macro_f1"],
            result["calibration"]["ece"]["value"],
            result["distributions"]["measures"]["kl"]["value"],
            result["slices"]["rows"][0]["value"],
        ):
            assert f"{value:.3f}" in text
        assert "of human agreement" in text
    assert "| gender: \\[/x\\] |" in (tmp_path / "r.md").read_text()
    printed = call(rated, "report", "r", "--format", "markdown").stdout.strip()
    assert printed == str(rated / "r.md")
    Path(printed).unlink()


def test_transcripts_make_slices_of_flags(rated: Path, tmp_path: Path) -> None:
    import shutil

    from medusa.manifests.texts import TRANSCRIPTS, write_transcripts

    shutil.copytree(rated, tmp_path / "w")
    path = tmp_path / "w/transcripts/tiny.parquet"
    rows = Manifest.read(rated / "manifest.parquet").frame
    ids = rows["id"]
    flags = [["looping"] if row % 2 else [] for row in range(len(ids))]
    columns: dict[str, Any] = dict.fromkeys(TRANSCRIPTS.names)
    known = {"id": ids, "content": rows["content"], "text": "some words", "flags": flags}
    table = pd.DataFrame(columns | known)
    for content, present in ((rows["content"], True), ("other audio", False)):
        write_transcripts(path, table.assign(content=content))
        found = json.loads(call(tmp_path / "w", "evaluate", "r", "--json").stdout)["slices"]["rows"]
        groups = {(one["by"], one["group"]) for one in found}
        assert (("ASR flag looping", "flagged") in groups) == present


def test_hard_labels_have_neither_shares_nor_raters(made_up: Path, tmp_path: Path) -> None:
    result = json.loads(call(made_up, "evaluate", "s", "--json").stdout)
    assert result["distributions"] is None and result["human_agreement"] is None
    assert result["calibration"]["temperature"]["learnt"]  # dev has fitted the stacker
    call(made_up, "report", "s", "-o", str(tmp_path / "s.html"))
    page = (tmp_path / "s.html").read_text()
    assert "human agreement" not in page and "against the raters" not in page
    assert "this temperature is lower than new data need" in page
