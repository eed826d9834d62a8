"""The documents name files and functions that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = r"`([a-z_/]+\.py):([\w.]+)`"  # A page names a function as `file.py:function`.
STEPS = re.findall(NAMED, (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
FUNCTIONS = re.findall(NAMED, (ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def defined(body: list[ast.stmt], name: str) -> bool:
    """Return whether `function` or `Class.method` is defined in these statements."""
    first, _, rest = name.partition(".")
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == first:
            return not rest or (isinstance(node, ast.ClassDef) and defined(node.body, rest))
    return False


def test_the_way_of_an_utterance_has_at_least_a_dozen_steps():
    assert len(STEPS) >= 12


@pytest.mark.parametrize(("file", "name"), [*STEPS, *FUNCTIONS])
def test_every_named_function_exists(file, name):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert defined(tree.body, name), f"docs name {name} of {file}, which does not exist"
    assert not defined(tree.body, f"{name}_of_nobody")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    rooms = "|".join(path.parent.name for path in ROOT.glob("*/__init__.py"))
    named = set(re.findall(rf"`((?:{rooms}|tests|benchmarks|docs)/[\w/.-]+\.\w+)`", text))
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]
    links = set(re.findall(r"\]\(([^)#:\s]+)(?:#[\w-]+)?\)", text))
    links = {link for link in links if not link.startswith("reference/")}  # The site makes these.
    assert not [link for link in sorted(links) if not (page.parent / link).exists()]
