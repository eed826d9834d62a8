"""Every block of README and of docs/ runs as it is written, or a mark above it tells why not."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from medusa.tests.pages import blocks, sessions
from medusa.tests.pages.blocks import (
    COMMANDS,
    DOCS,
    PAGES,
    PYTHON,
    ROOT,
    YAML,
    Block,
    blocks_of,
    name_of,
    runnable,
)
from medusa.tests.pages.sessions import SESSIONS, Session, run_page

README = ROOT / "README.md"
RUN = [page for page in PAGES if page != README and runnable(page)]


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_blocks_of_a_page_run(
    page: Path, run_copy: Callable[[Path, Path], Path], request: pytest.FixtureRequest
) -> None:
    empty = SESSIONS.get(name_of(page), Session()).empty
    base = request.getfixturevalue("base")
    run_copy(page, base / "places" if empty else request.getfixturevalue("finished"))


def test_readme_leads_to_a_report_predictions_and_a_bundle(finished: Path) -> None:
    assert (finished / "report.html").is_file()
    rows = (finished / "emotions.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 2
    made = {path.parent.name for path in (finished / "runs").glob("*/finished")}
    assert {"a", "b", "s", "baseline-svm-all", "baseline-logistic-whisper-each"} <= made


def test_every_block_is_run_or_marked_with_a_reason() -> None:
    languages = {one.language for page in PAGES for one in runnable(page)}
    assert languages == {COMMANDS, PYTHON, YAML}
    marked = [one for page in PAGES for one in blocks_of(page) if one.reason]
    assert len(marked) < len([one for page in PAGES for one in runnable(page)])
    assert all(len(one.reason) > 15 for one in marked)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_fence_and_every_mark_belongs_to_a_block(page: Path) -> None:
    text, found = page.read_text(encoding="utf-8"), blocks_of(page)
    assert len(re.findall(r"^ *(?:```|~~~)", text, re.M)) == 2 * len(found)
    assert text.count("not run:") == sum(bool(one.reason) for one in found)


@pytest.mark.parametrize("name", SESSIONS)
def test_skipped_commands_and_replaced_words_are_on_the_page(name: str) -> None:
    session, found = SESSIONS[name], runnable(ROOT / name)
    commands = {line for one in found if one.language == COMMANDS for line in one.commands()}
    assert set(session.skipped) <= commands
    text = "\n".join([*commands, *(one.text for one in found)])
    assert [word for word in session.replaced if word not in text] == []


def test_a_block_that_fails_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = DOCS / "start.md"
    block = Block("docs/start.md:7", 7, COMMANDS, "medusa runs --nonsense\n", "")
    monkeypatch.setattr(sessions, "runnable", lambda page: [block])
    with pytest.raises(AssertionError, match="No such option") as caught:
        run_page(page, tmp_path)
    assert caught.value.__notes__[0].startswith("docs/start.md:7: the block fails.")


def test_a_mark_above_a_block_gives_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "```\nmedusa x\n```\n\n<!-- not run: it is\nan example -->\n```python\ny\n```\n"
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    monkeypatch.setattr(blocks, "ROOT", tmp_path)
    found = blocks_of(tmp_path / "page.md")
    assert [(one.place, one.reason) for one in found] == [
        ("page.md:2", ""), ("page.md:8", "it is an example")
    ]  # fmt: skip
    assert [one.text for one in runnable(tmp_path / "page.md")] == ["medusa x\n"]
