"""The model card is read by the Hub's own library, and its numbers are those of the evaluation."""

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

import medusa
from medusa.heads.runs.run_dir import RunDir
from medusa.inference.bundle.facts import facts_of
from medusa.inference.bundle.licences import UNKNOWN, licence_of
from medusa.inference.bundle.model_card import model_card
from medusa.inference.from_workspace import parts_of_run
from medusa.manifests import Manifest
from medusa.workspace import Workspace


def test_the_card_has_the_scores_of_the_evaluation(trained, bundled):
    judged = medusa.evaluate(Workspace.open(trained), "s")
    card = ModelCard.load(bundled / "README.md")
    results = {one.metric_name: one for one in card.data.eval_results}
    assert results["macro-F1"].metric_value == round(judged["macro_f1"], 4)
    assert results["UAR"].metric_type == "recall"
    assert results["accuracy"].dataset_split == "test"
    low, high = judged["interval"]["macro_f1"]
    chance = judged["baselines"]["macro_f1"]["chance"]
    row = f"| macro-F1 | {judged['macro_f1']:.3f} | {low:.3f} – {high:.3f} | {chance:.3f} |"
    assert row in card.text
    assert medusa.load(bundled).card["scores"]["macro_f1"] == judged["macro_f1"]


def test_the_card_states_data_use_and_risks(bundled):
    text = ModelCard.load(bundled / "README.md").text
    for title in ("Intended use", "Data", "Scores", "Backbones and licences", "Limits and risks"):
        assert f"\n## {title}\n" in text
    assert "with so few speakers" in text.lower() and "heads a, b (method: linear)" in text
    assert "in several splits" not in text  # The speakers are apart.
    assert "| test | 12 | 3 |" in text and '"whisper": PATH' in text


def test_shared_speakers_are_counted_and_not_named(trained, tmp_path):
    root = tmp_path / "copy"
    root.mkdir()
    for name in ("features", "runs", "transcripts"):
        (root / name).symlink_to(trained / name)
    manifest = Manifest.read(trained / "manifest.parquet")
    names = manifest.frame["speaker"]
    train, test = (names[manifest.frame["split"] == split].iloc[0] for split in ("train", "test"))
    manifest.frame.loc[names == test, "speaker"] = train
    manifest.write(root / "manifest.parquet")
    workspace = Workspace.open(root)
    parts = parts_of_run(RunDir(root / "runs" / "b"), workspace)
    facts = facts_of(replace(parts, card=parts.card | {"manifest": manifest.digest()}), workspace)
    text = model_card(facts, ())
    assert "\n1 speaker is in several splits: scores are better than on new data.\n" in text
    assert "synthetic" in text and "recordings are in several" not in text
    assert not {train, test} & set(text.split())


def test_a_model_without_its_manifest_has_no_scores(trained, tmp_path):
    root = tmp_path / "copy"
    root.mkdir()
    for name in ("features", "runs", "transcripts"):
        (root / name).symlink_to(trained / name)
    medusa.write_bundle(Workspace.open(root), "b", tmp_path / "b")
    card = ModelCard.load(tmp_path / "b" / "README.md")
    assert card.data.eval_results is None
    assert "has not been measured" in card.text and "are not described" in card.text


@pytest.mark.parametrize(
    ("checkpoint", "licence"),
    [
        ("microsoft/wavlm-large", "CC BY-SA 3.0"),
        ("FacebookAI/roberta-large", "MIT"),
        ("local", UNKNOWN),
        ("somebody/else", UNKNOWN),
    ],
)
def test_licences_are_known_by_the_name_of_the_checkpoint(checkpoint, licence):
    assert licence_of(checkpoint) == licence
