"""The checklist of a run has the recorded facts; what nothing has recorded stays open."""

import json
import re
from pathlib import Path

import pytest
import yaml

import medusa
from medusa.errors import MedusaError
from medusa.inference.card.card_text import item
from medusa.tests.command_line import call
from medusa.workspace import Workspace


@pytest.fixture(scope="module")
def text(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    output = tmp_path_factory.mktemp("card") / "card.md"
    assert call(trained, "card", "s", "-o", str(output)).stdout.strip() == str(output)
    return output.read_text()


def test_scores_are_those_of_the_evaluation(trained: Path, text: str) -> None:
    judged = medusa.evaluate(Workspace.open(trained), "s")
    for name, title in (("macro_f1", "macro-F1"), ("uar", "UAR"), ("accuracy", "accuracy")):
        low, high = judged["interval"][name]
        base = judged["baselines"][name]
        assert (
            f"| {title} | {judged[name]:.3f} | {low:.3f} – {high:.3f} | {base['chance']:.3f} | "
            f"{base['majority']:.3f} |"
        ) in text
    assert f"(ECE): {judged['calibration']['ece']['value']:.3f}" in text


def test_settings_trials_and_machine_are_those_on_disk(trained: Path, text: str) -> None:
    block = re.search(r"```yaml\n(.*?)```", text, re.S)
    assert block is not None
    configs = [(trained / f"runs/{one}/config.yaml").read_text() for one in ("s", "a", "b")]
    assert list(yaml.safe_load_all(block[1])) == list(map(yaml.safe_load, configs))
    assert "- [x] Trials: 3 heads, 1 ensembles, 0 other runs (unfinished, damaged)" in text
    used = json.loads((trained / "runs/a/environment.json").read_text())
    assert f"- [x] Python: {used['python']}" in text
    assert f"- [x] torch: {used['versions']['torch']}" in text
    seconds = sum(
        json.loads((trained / f"runs/{one}/summary.json").read_text())["seconds"] for one in "ab"
    )
    assert f"- [x] Hours of the training: {seconds / 3600:.3f} for 2 heads" in text
    assert "by speaker, seed 0, dev 0.3, test 0.3" in text
    assert "| test | 12 | 3 |" in text and "- [x] Speakers in several splits: 0" in text


def test_unrecorded_facts_stay_open_and_no_path_is_written(trained: Path, text: str) -> None:
    assert "- [ ] Licence of the corpus, and consent of the speakers: not recorded" in text
    assert str(trained) not in text
    assert item("a", 0) == "- [x] a: 0" and item("a", None).startswith("- [ ] a: not")
    assert item("<b>", "[/x] <i>|`") == "- [x] <b>: \\[/x\\] &lt;i>\\|\\`"


def test_a_folder_that_is_absent_is_named(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(MedusaError, match="no such folder; make it"):
        medusa.write_card(Workspace.open(trained), "s", tmp_path / "no/card.md")


def test_no_name_becomes_markup_or_reaches_the_terminal() -> None:
    from markdown_it import MarkdownIt

    from medusa.inference.bundle.model_card import data_section

    evil = "<img src=x>[/x]![a](b)\x1b[31m"
    facts = {"corpus": evil, "languages": [evil], "notes": [evil], "splits": {}}
    text = data_section(facts | {"shared_speakers": 0, "shared_recordings": 0})
    page = MarkdownIt("commonmark").enable("table").render(f"{text}\n{item('name', evil)}")
    assert "<img" not in page and "<a " not in page and "\x1b" not in page
    assert page.count("&lt;img src=x&gt;[/x]![a](b)\\x1b[31m") == 4
