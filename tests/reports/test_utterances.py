"""The utterances of a page: their values, waveform and sound, and names that look like markup."""

import base64
import io
import json
import os
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.heads.runs.run_dir import PREDICTIONS, SUMMARY, RunDir
from medusa.manifests import LabelScheme, Manifest
from medusa.reports.utterances.all_rows import all_rows
from medusa.reports.utterances.examples import examples
from medusa.reports.utterances.sound import COLUMNS, waveform
from medusa.reports.utterances.split_rows import SplitRows
from medusa.scoring import Predictions, truth_of
from medusa.tests.command_line import call
from medusa.tests.reports.browser import IN_BROWSER, opened

LOAD = """() => new Promise((done) => {
  const audio = document.querySelector("audio");
  audio.addEventListener("loadeddata", () => done());
  audio.preload = "auto";
  audio.load();
})"""
EVIL = "</script><img src=x onerror=alert(1)>\x1b[31m[/x]"
CLASSES = ("sad", "<i>glad</i>")


def workspace_of(root: Path, rows: pd.DataFrame, logits: np.ndarray) -> Path:
    """Write a manifest and the run `r`, whose test utterances are all rows."""
    scheme = LabelScheme("two", CLASSES)
    train = rows.head(2).assign(id=["train1", "train2"], split="train", path=None)
    train["label"] = CLASSES
    manifest = Manifest(pd.concat([rows, train], ignore_index=True), scheme)
    manifest.write(root / "manifest.parquet")
    run = RunDir(root / "runs" / "r")
    run.start({"kind": "head", "train_split": "train", "note": EVIL})
    ids = rows["id"].tolist()
    Predictions.of(ids, ["test"] * len(ids), logits, None, CLASSES, "r").write(
        run.path / PREDICTIONS
    )
    run.write_json(SUMMARY, {"notes": [EVIL]})
    run.finish()
    return root


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace of three utterances with strange names, of which one has a recording."""
    root = tmp_path_factory.mktemp("evil")
    tone = 0.5 * np.sin(np.arange(8000) / 8000 * 440 * 2 * np.pi)
    soundfile.write(root / "tone.wav", tone, 8000)
    rows = pd.DataFrame(
        {
            "id": [EVIL, "=1+1", "u3"],
            "speaker": [f"{EVIL}'s", "b", None],
            "text": [EVIL, "two\u2028lines", None],
            "path": ["tone.wav", "gone.wav", None],
            "start_s": [0.25, 0, np.nan],
            "duration_s": [0.5, 1, np.nan],
            "split": "test",
            "label": [CLASSES[0], CLASSES[1], CLASSES[1]],
        }
    )
    return workspace_of(root, rows, np.array([[0, 2], [1, 0], [0, 0.1]]))


def page_of(root: Path, tmp_path: Path, *words: str) -> str:
    call(root, "report", "r", "-o", str(tmp_path / "r.html"), *words)
    return (tmp_path / "r.html").read_text(encoding="utf-8")


def rows_of(page: str) -> dict[str, Any]:
    inside = re.search(r'<script type="application/json" id="rows">(.*?)</script>', page, re.S)
    assert inside
    loaded: dict[str, Any] = json.loads(inside[1])
    return loaded


class Tags(HTMLParser):
    """Collects the elements of a page, and the problems of their nesting."""

    VOID = frozenset(("meta", "input", "br", "img", "link"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()


def test_every_element_is_closed_and_no_name_makes_one(evil: Path, tmp_path: Path) -> None:
    page = page_of(evil, tmp_path)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    names = [name for name, _ in tags.seen]
    assert "img" not in names and "i" not in names
    assert names.count("script") == 2
    assert not [one for _, one in tags.seen for key in one if key.startswith("on")]
    assert not set(page) & set("\x1b\u2028")
    assert "\\x1b[31m[/x]" in page
    labels = [one.get("aria-label") for name, one in tags.seen if name == "svg"]
    assert any(label and "waveform of </script><img" in label for label in labels)


def test_the_table_has_every_value(evil: Path, tmp_path: Path) -> None:
    found = rows_of(page_of(evil, tmp_path))
    shown = EVIL.replace("\x1b", "\\x1b")
    assert found["id"] == [shown, "=1+1", "u3"]
    names = [found["names"][number] for number in found["speaker"]]
    assert names == [f"{shown}'s", "b", ""]
    assert [found["names"][n] for n in found["predicted"]] == [CLASSES[1], CLASSES[0], CLASSES[1]]
    assert [found["names"][n] for n in found["label"]] == [CLASSES[0], CLASSES[1], CLASSES[1]]
    best = [1 / (1 + np.exp(-gap)) for gap in (2, 1, 0.1)]
    assert found["confidence"] == [round(1000 * one) for one in best]
    assert found["seconds"] == [0.5, 1.0, None] and found["agreement"] == [None] * 3
    assert found["text"] == [shown, "two\\u2028lines", ""]


def test_sound_is_embedded_only_when_it_is_asked_for(evil: Path, tmp_path: Path) -> None:
    silent = page_of(evil, tmp_path)
    assert "<audio" not in silent and "personal data" not in silent
    assert silent.count('class="waveform"') == 2  # the utterance is wrong, and ambiguous
    page = page_of(evil, tmp_path, "--audio")
    assert "contains 1 recordings of voices" in page and "personal data" in page
    data = re.search(r'src="data:audio/mpeg;base64,([^"]+)"', page)
    assert data
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(data[1])))
    assert rate == 16000 and len(sound) == pytest.approx(8000, abs=2400)  # frames of MP3
    assert np.abs(sound).max() == pytest.approx(0.5, abs=0.1)


def test_the_waveform_has_the_extremes_of_each_column() -> None:
    samples = np.zeros(COLUMNS * 10, np.float32)
    samples[14], samples[25] = 0.5, -0.25
    points = waveform(samples)[1:-1].split()
    assert len(points) == 2 * COLUMNS
    assert points[1] == "1,-24" and points[0] == "0,-0" and points[-3] == "2,12"
    assert waveform(np.array([0.1, -0.1], np.float32)).count(",") == 4


def split_of(soft: np.ndarray, labels: list[str | None], posteriors: np.ndarray) -> SplitRows:
    ids = [f"u{row}" for row in range(len(labels))]
    frame = pd.DataFrame({"id": ids, "split": "test", "label": labels})
    frame[["p_sad", "p_glad"]] = soft
    manifest = Manifest(frame, LabelScheme("two", ("sad", "glad")))
    truth = truth_of(manifest, ids, ["test"] * len(ids), ("sad", "glad"))
    return SplitRows(manifest.frame, truth, posteriors, None, None, ("sad", "glad"), Path())


def test_the_chosen_utterances() -> None:
    soft = np.array([[1, 0], [0.5, 0.5], [0.8, 0.2], [0, 1]])
    posteriors = np.array([[0.1, 0.9], [0.9, 0.1], [0.3, 0.7], [0.45, 0.55]])
    found = examples(split_of(soft, ["sad", None, "sad", "glad"], posteriors))
    assert [one["id"] for one in found["wrong"]] == ["u0", "u2"]
    assert [one["id"] for one in found["ambiguous"]][:2] == ["u1", "u2"]
    assert found["by_raters"] and found["recordings"] == 0
    assert found["wrong"][1]["bars"][0] == {
        "name": "glad",
        "posterior": 0.7,
        "share": pytest.approx(0.2),
    }
    hard = examples(split_of(soft[[0, 3]], ["sad", "glad"], posteriors[[0, 3]]))
    assert [one["id"] for one in hard["ambiguous"]] == ["u1", "u0"] and not hard["by_raters"]


def test_the_agreement_is_the_share_of_the_predicted_class() -> None:
    soft = np.array([[1, 0], [0.25, 0.75], [np.nan, np.nan]])
    posteriors = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8]])
    found = all_rows(split_of(soft, ["sad", "glad", None], posteriors))
    assert found["agreement"] == [100, 25, None]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of 30,000 utterances with ids and texts as long as those of MSP-Podcast."""
    root, size = tmp_path_factory.mktemp("large"), 30_000
    rng = np.random.default_rng(0)
    label = np.array(CLASSES)[rng.integers(0, 2, size)]
    words = "and then I thought that it would be nice to talk about this a little more today. "
    rows = pd.DataFrame(
        {
            "id": [f"MSP-PODCAST_{row // 500:04}_{row:06}.wav" for row in range(size)],
            "speaker": [f"Spkr{one}" for one in rng.integers(0, 1500, size)],
            "text": [words * 2] * size,
            "duration_s": rng.uniform(2, 11, size),
            "split": "test",
            "label": label,
        }
    )
    workspace_of(root, rows, rng.normal(size=(size, 2)))
    call(root, "report", "r", "-o", str(root / "r.html"))
    return root / "r.html"


def test_a_page_of_30_000_utterances_is_small(large: Path) -> None:
    assert large.stat().st_size < 5_000_000
    assert len(rows_of(large.read_text(encoding="utf-8"))["id"]) == 30_000


LONG = pytest.mark.skipif("MEDUSA_LONG_TESTS" not in os.environ, reason="needs MEDUSA_LONG_TESTS")


@LONG
def test_a_page_of_30_000_utterances_opens_in_two_seconds(large: Path) -> None:
    began = time.monotonic()
    with opened(large) as (tab, seen):
        spent = tab.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart")
        assert "of 30,000 utterances" in tab.inner_text("[role=status]")
        assert [line for line in seen if not line.startswith("request: file:")] == []
    assert spent < 2000, f"{spent} ms of {time.monotonic() - began:.1f} s"


@IN_BROWSER
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_in_a_browser(evil: Path, tmp_path: Path, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page_of(evil, tmp_path, "--audio")
    with opened(tmp_path / "r.html", width, scheme) as (tab, seen):
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        tab.evaluate(LOAD)  # The page forbids the eval of Playwright's `wait_for_function`.
        seconds = tab.evaluate("document.querySelector('audio').duration")
        assert seconds == pytest.approx(0.5, abs=0.15)
        violations = Axe().run(tab).response["violations"]
        assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []
        assert not [
            line for line in seen if not line.startswith(("request: file:", "request: data:"))
        ]


def cells(tab: Any, column: int) -> list[str]:
    return tab.eval_on_selector_all(
        f"#utterances tbody tr > :nth-child({column})", "all => all.map(one => one.textContent)"
    )


@IN_BROWSER
def test_the_keyboard_sorts_and_filters(evil: Path, tmp_path: Path) -> None:
    page_of(evil, tmp_path)
    with opened(tmp_path / "r.html") as (tab, _):
        assert cells(tab, 1)[2] == "u3" and len(cells(tab, 1)) == 3
        tab.focus("#utterances thead th:nth-child(5) button")  # the confidence
        tab.keyboard.press("Enter")
        rising = cells(tab, 5)
        assert rising == sorted(rising) and cells(tab, 1)[0] == "u3"
        tab.keyboard.press("Space")
        assert cells(tab, 5) == rising[::-1]
        assert tab.get_attribute("#utterances th:nth-child(5)", "aria-sort") == "descending"
        tab.focus("[name=wrong]")
        tab.keyboard.press("Space")
        assert len(cells(tab, 1)) == 2 and "u3" not in cells(tab, 1)
        tab.focus("[name=words]")
        tab.keyboard.type("=1+")
        assert cells(tab, 1) == ["=1+1"]
        tab.keyboard.type("nothing")
        assert tab.inner_text("[role=status]") == "no utterance fits the filters"
