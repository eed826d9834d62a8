"""The house itself: its rooms, its arrows, its listed packages, and a quick front door."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("manifests", "cache", "scoring", "extract", "heads", "ensemble", "reports", "recipes")
GROUND = {
    "atomic",
    "errors",
    "options",
    "workspace",
    "console",
    "device",
    "strict",
    "children",
}  # every room stands on these
# room -> the rooms it may import
ARROWS = {
    "manifests": set(),
    "cache": {"manifests"},
    "extract": {"manifests", "cache"},
    "scoring": {"manifests"},
    "heads": {"manifests", "cache", "scoring"},
    "ensemble": {"manifests", "cache", "scoring", "heads"},
    "reports": {"manifests", "cache", "scoring", "heads", "ensemble"},
    "recipes": {"manifests", "cache", "scoring", "extract", "heads", "ensemble", "reports", "cli"},
}
HEAVY = {
    "torch",
    "transformers",
    "pandas",
    "pyarrow",
    "zarr",
    "sklearn",
    "whisper",
    "numpy",
    "rich",
}


def imports(path: Path, top_only: bool = False) -> set[str]:
    """Return the dotted names that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_point_one_way(room):
    allowed = ARROWS[room] | GROUND | {room}
    if room == "recipes":  # the demo is a user: it runs the commands themselves
        allowed |= {"cli"}
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        used = {name.split(".")[1] for name in imports(path) if name.startswith("medusa.")}
        assert used <= allowed, f"{path.relative_to(ROOT)} imports {sorted(used - allowed)}"


def test_nothing_but_the_demo_imports_the_command_line():
    for path in [*ROOT.glob("*.py"), *(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))]:
        if "demo" not in path.parts:
            assert "medusa.cli" not in imports(path), path


def test_training_needs_neither_transformers_nor_whisper():
    code = (
        "import sys, medusa.heads.fitting.fit, medusa.ensemble.stackers;"
        "print([m for m in ('transformers', 'whisper', 'medusa.extract') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_package_is_listed():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {"medusa"}
    for room in ROOMS:
        for init in (ROOT / room).rglob("__init__.py"):
            found.add(".".join(["medusa", *init.parent.relative_to(ROOT).parts]))
        for path in (ROOT / room).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), f"{path.parent} is not a package"
    assert set(listed) == found


def test_only_the_ground_stands_at_the_root():
    assert {path.stem for path in ROOT.glob("*.py")} == GROUND | {"__init__", "cli"}


def test_commands_import_nothing_heavy():
    for path in [ROOT / "cli.py", *ROOT.glob("*/commands.py"), *ROOT.glob("recipes/*/commands.py")]:
        top = {name.split(".")[0] for name in imports(path, top_only=True)}
        assert not top & HEAVY, f"{path.relative_to(ROOT)} imports {sorted(top & HEAVY)}"


def test_no_help_loads_anything_heavy():
    code = """
import sys, click
from medusa.cli import medusa
def visit(command, context):
    command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            visit(child, click.Context(child, parent=context, info_name=name))
visit(medusa, click.Context(medusa, info_name="medusa"))
"""
    code += f"print(sorted({HEAVY!r} & {{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_public_name_of_the_cache_is_there():
    from medusa import cache

    assert set(cache.__all__) == set(cache._MODULES)
    assert all(getattr(cache, name) is not None for name in cache.__all__)


def test_the_change_log_knows_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
