"""The pages of docs/ agree with the code: commands, options, keys, links, blocks, and the site."""

import dataclasses
import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import click
import pytest
import yaml

import medusa
from medusa.cli import medusa as program
from medusa.heads.config import Config

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "reference" not in path.parts)
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.M | re.S)


def leaves(
    command: click.Command = program, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield the words and the command of every command and group."""
    context = click.Context(command)
    if words:
        yield words, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*words, name))


COMMANDS = dict(leaves())


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """Return the module that makes the reference."""
    spec = importlib.util.spec_from_file_location("medusa_generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_and_every_option_is_explained() -> None:
    assert len(COMMANDS) > 50
    mute = [" ".join(words) for words, command in COMMANDS.items() if not command.help]
    for words, command in COMMANDS.items():
        for one in command.params:
            if isinstance(one, click.Option) and not one.hidden and not one.help:
                mute.append(f"{' '.join(words)} {one.opts[0]}")
    assert mute == []


def test_the_reference_has_every_command_and_every_option(generate: ModuleType) -> None:
    page = generate.commands_page()
    sections = dict(re.findall(r"^#+ medusa ([^\n]+)\n\n```text\n(.*?)^```$", page, re.M | re.S))
    assert set(sections) == {" ".join(words) for words in COMMANDS}
    for words, command in COMMANDS.items():
        for one in command.params:
            if isinstance(one, click.Option) and not one.hidden:
                assert one.opts[0] in sections[" ".join(words)], (words, one.opts)


def test_the_reference_has_every_key_of_a_configuration(generate: ModuleType) -> None:
    page, default = generate.settings_page(), dataclasses.asdict(Config())
    parts = {key: value for key, value in default.items() if isinstance(value, dict)}
    parts["stages.0"] = default["stages"][0]
    for part, values in parts.items():
        for key, value in values.items():
            row = re.search(
                rf"^\| `{re.escape(part)}\.{key}` \| (.*?) \| (.*?) \| (.*?) ?\|$", page, re.M
            )
            assert row is not None and row[2] and row[3], (part, key)
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert row[1] == f"`{value}`", (part, key)


def test_the_python_page_has_every_name_of_the_package_below_a_topic(generate: ModuleType) -> None:
    topics = re.split(r"^## ", generate.python_page(), flags=re.M)[1:]
    names = [re.findall(r":: medusa\.(\w+)", one) for one in topics]
    assert sorted(name for several in names for name in several) == sorted(medusa.__all__)
    assert all(names) and names[1][0].islower() and "load" in names[1]


def test_the_page_of_licences_has_every_pinned_library(generate: ModuleType) -> None:
    page = generate.licences_page()
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    names = re.findall(r"^([\w.-]+)==", pinned, re.M)
    rows = dict(re.findall(r"^\| (\S+) \| \d\S* \| (.+) \|$", page, re.M))
    assert set(names) == set(rows) and len(names) > 100
    assert (rows["click"], rows["tqdm"]) == ("BSD-3-Clause", "MPL-2.0 AND MIT")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the language and the text of every fenced block of a page."""
    return FENCE.findall(page.read_text(encoding="utf-8"))


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield the words of every line of a block that calls medusa."""
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip().removeprefix("$ ")
        if line.startswith("medusa "):
            words = shlex.split(re.sub(r"--workspace \S+", "", line), comments=True)[1:]
            yield words


def problem_of(words: list[str]) -> str:
    """Return what is wrong with the words of a command line, or an empty string."""
    command: click.Command = program
    while isinstance(command, click.Group):
        names = [word for word in words if not word.startswith("-")]
        if not names or not re.fullmatch(r"[a-z][a-z-]*", names[0]):
            return ""  # a group alone, or a placeholder
        if (found := command.get_command(click.Context(command), names[0])) is None:
            return f"no command {names[0]}"
        words, command = words[words.index(names[0]) + 1 :], found
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    return ", ".join(sorted(given - known - {"--help", "-h"}))


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_every_block_is_a_command_that_exists_or_can_be_parsed(page: Path) -> None:
    for language, text in blocks(page):
        if language == "python" and ">>>" not in text:
            compile(text, str(page), "exec")
        elif language == "yaml":
            assert list(yaml.safe_load_all(text))
        for words in command_lines(text):
            assert problem_of(words) == "", f"{page.name}: medusa {shlex.join(words)}"


def test_unknown_commands_and_options_of_a_page_are_found() -> None:
    lines = list(command_lines("$ medusa fit-head --nam x\nmedusa  manifest nope\nls --x\n"))
    assert [problem_of(words) for words in lines] == ["--nam", "no command nope"]


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_every_column_of_a_table_has_a_name(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    heads = [above for above, line in pairwise(lines) if re.fullmatch(r"\|[-| :]+\|", line)]
    assert [head for head in heads if re.search(r"\|\s*\|", head)] == []


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = page if not name else (page.parent / name).resolve()
        assert path.exists() or "reference" in path.parts, f"{page.name}: {target}"
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path.read_text(encoding="utf-8")), f"{page.name}: {target}"


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "trees"), str(DOCS), str(tmp_path / "site")],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    built = {path.stem for path in (tmp_path / "site").rglob("*.html")}
    assert built >= {page.stem for page in PAGES} | {"commands", "settings", "python", "licences"}
    page = (tmp_path / "site" / "how-to" / "read-the-report.html").read_text(encoding="utf-8")
    assert 'href="../judging.html"><span class="std std-doc">' in page  # a link upwards is kept
