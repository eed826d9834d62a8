"""The page stands alone and holds what it should."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.tests.command_line import call


def report(workspace: Path, *words: str) -> str:
    """Call the command; return what it prints."""
    return call(workspace, "report", *words).stdout


@pytest.fixture(scope="module")
def page(made_up: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    output = tmp_path_factory.mktemp("page") / "report.html"
    assert report(made_up, "s", "-o", str(output)).strip() == str(output)
    assert [path.name for path in output.parent.iterdir()] == ["report.html"]
    return output.read_text(encoding="utf-8")


def test_nothing_is_fetched(page: str) -> None:
    assert "://" not in page and "default-src 'none'" in page
    assert not re.search(r"<(link|img|iframe)|@import|url\(|\ssrc=", page)


def test_the_pieces_are_there(page: str) -> None:
    for piece in (
        "The ensemble against its members",
        "majority vote",
        "soft vote",
        "linear, soup of 2",
        "The gain is the macro-F1 of the ensemble",
        'aria-label="confusion matrix"',
        "Class by class",
        "arousal",
        'aria-label="training curves of a"',
        'aria-label="training curves of b"',
        'aria-label="training curves of s"',
        "chance",
        "95 % interval",
        "kind: stack",
        "medusa-ser",
        "prefers-color-scheme: dark",
    ):
        assert piece in page, piece
    assert page.count("<polyline") == 5  # a and b: loss and score; s: loss


def test_notes_are_on_top_and_escaped(page: str) -> None:
    assert "stand-ins &lt;all&gt; of them" in page
    assert page.index("stand-ins") < page.index('class="hero"')


def test_a_single_head_has_no_comparison(made_up: Path, tmp_path: Path) -> None:
    report(made_up, "a", "-o", str(tmp_path / "a.html"))
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "against its members" not in page
    assert "fusion head" in page and 'aria-label="confusion matrix"' in page


def test_where_a_head_listens_is_drawn(made_up: Path, tmp_path: Path) -> None:
    shutil.copytree(made_up, tmp_path / "w")
    run = RunDir(tmp_path / "w/runs/a")
    config = run.config() | {"features": [{"backbone": "wavlm"}, {"backbone": "roberta"}]}
    (run.path / "config.yaml").write_text(yaml.safe_dump(config))
    (run.path / "finished").write_text("")  # A run of an older version has no checksums.
    run.write_json(SUMMARY, {"notes": [], "positions": [[0.25, 1.0], [1.0, 0.5]]})
    report(tmp_path / "w", "a", "-o", str(tmp_path / "a.html"))
    page = (tmp_path / "a.html").read_text()
    assert 'aria-label="weights of wavlm from start to end: 0.25 1.00 "' in page
    assert re.findall(r'<i style="height:([\d.]+)%"', page) == ["25.0", "100.0", "100.0", "50.0"]
    report(made_up, "b", "-o", str(tmp_path / "b.html"))
    assert "Where in an utterance" not in (tmp_path / "b.html").read_text()


def test_a_member_that_is_gone_is_left_out(made_up: Path, tmp_path: Path) -> None:
    hidden = made_up / "runs" / "b"
    hidden.rename(made_up / "b")
    try:
        report(made_up, "s", "-o", str(tmp_path / "s.html"))
    finally:
        (made_up / "b").rename(hidden)
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert "training curves of a" in page and "training curves of b" not in page


def test_the_default_place_is_the_workspace(made_up: Path) -> None:
    printed = report(made_up, "b")
    assert printed.strip() == str(made_up / "b.html")
    (made_up / "b.html").unlink()


def test_impossible_outputs_are_refused(made_up: Path, tmp_path: Path) -> None:
    with pytest.raises(MedusaError, match="expected a file, found a folder; name a file"):
        report(made_up, "s", "-o", str(tmp_path))
    with pytest.raises(MedusaError, match="no such folder"):
        report(made_up, "s", "-o", str(tmp_path / "no" / "report.html"))
