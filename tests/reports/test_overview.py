"""The overview of heads: scores by another library, settings that differ, sorting in a browser."""

import os
import re
from pathlib import Path

import pytest
from sklearn.metrics import f1_score

from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.reports.overview.head_rows import head_rows
from medusa.reports.overview.overview_page import write_overview
from medusa.tests.reports.browser import opened
from medusa.tests.reports.conftest import made_up_head, made_up_manifest

EVIL = "<img src=x onerror=alert(1)>[/x]"


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[RunDir], Manifest]:
    """Return twelve heads that differ by their seed."""
    root = tmp_path_factory.mktemp("heads")
    manifest = made_up_manifest()
    manifest.write(root / "manifest.parquet")
    return [made_up_head(root / f"h{n}", manifest, n) for n in range(12)], manifest


def test_scores_are_those_of_another_library(heads: tuple[list[RunDir], Manifest]) -> None:
    runs, manifest = heads
    found = head_rows(runs, manifest)
    assert found.settings == ["seed"] and len(found.rows) == 12
    labels = manifest.frame.set_index("id")["label"]
    for row in found.rows:
        number = int(row["name"][1:])
        assert row["settings"] == [str(number)] and row["features"] == ""
        for split in ("dev", "test"):
            part = runs[number].predictions().split(split)
            truth = labels[part.ids]
            known = truth.notna().to_numpy()
            chosen = [part.classes[one] for one in part.logits().argmax(1)]
            guesses = [one for one, keep in zip(chosen, known, strict=True) if keep]
            present = sorted(set(truth[known]))
            f1 = f1_score(truth[known], guesses, labels=present, average="macro")
            assert row[split]["value"] == pytest.approx(f1)
            low, high = row[split]["interval"]
            assert low <= f1 <= high
    values = [row["dev"]["value"] for row in found.rows]
    assert values == sorted(values, reverse=True)


def test_no_name_becomes_an_element(heads: tuple[list[RunDir], Manifest], tmp_path: Path) -> None:
    runs, manifest = heads
    write_overview(EVIL, runs[:2], manifest, tmp_path / "o.html")
    page = (tmp_path / "o.html").read_text(encoding="utf-8")
    assert "<img" not in page and "&lt;img src=x onerror=alert(1)&gt;[/x]" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert len(re.findall('<th scope="row">', page)) == 2


@pytest.mark.skipif("MEDUSA_LONG_TESTS" not in os.environ, reason="needs MEDUSA_LONG_TESTS")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_table_sorts_by_keyboard(
    heads: tuple[list[RunDir], Manifest], tmp_path: Path, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    write_overview("recipe", *heads, tmp_path / "o.html")
    with opened(tmp_path / "o.html", width, scheme) as (tab, seen):
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        tab.focus("thead th:nth-child(3) button")  # the seed
        tab.keyboard.press("Enter")
        names = "all => all.map(one => one.textContent)"
        rows = tab.eval_on_selector_all("tbody th", names)
        assert rows == [f"h{n}" for n in range(12)]  # By number: 10 comes after 9.
        tab.keyboard.press("Space")
        assert tab.eval_on_selector_all("tbody th", names) == rows[::-1]
        assert tab.get_attribute("thead th:nth-child(3)", "aria-sort") == "descending"
        violations = Axe().run(tab).response["violations"]
        assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []
        assert [line for line in seen if not line.startswith("request: file:")] == []
