"""The house itself: its rooms, its arrows, its listed packages, and a quick front door."""

import ast
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from medusa.tests import house
from medusa.tests.house import imports

ROOT = Path(__file__).parents[1]
ROOMS = house.ROOMS
GROUND = {
    "atomic",
    "bucket_path",
    "errors",
    "foreign",
    "lock",
    "parquet",
    "seal",
    "options",
    "workspace",
    "console",
    "device",
    "strict",
    "children",
    "randomness",
}  # every room stands on these
# room -> the rooms it may import
ARROWS = {
    "distributed": set(),
    "manifests": set(),
    "cache": {"manifests"},
    "extract": {"distributed", "manifests", "cache"},
    "scoring": {"manifests"},
    "heads": {"distributed", "manifests", "cache", "scoring"},
    "ensemble": {"manifests", "cache", "scoring", "heads"},
    "reports": {"manifests", "cache", "scoring", "heads", "ensemble"},
    "inference": {*ROOMS} - {"inference", "recipes"},
    "recipes": {*ROOMS, "cli"} - {"recipes", "inference"},
}
HEAVY = {
    *("torch", "transformers", "pandas", "pyarrow", "zarr", "sklearn", "whisper", "numpy", "rich"),
}


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


def test_tests_run_commands_in_one_way():
    """Only `tests/command_line.py` runs the command line in the process of a test."""
    tests = ROOT / "tests"
    files = list(tests.rglob("*.py"))
    users = {path.name for path in files if "click.testing.CliRunner" in imports(path)}
    assert users == {"command_line.py"}


def test_nothing_outside_the_demo_imports_it():
    for module, used in house.graph().items():
        if not module.startswith("recipes.demo"):
            assert not [name for name in used if name.startswith("recipes.demo")], module


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
    assert {path.stem for path in ROOT.glob("*.py")} == GROUND | {
        "__init__",
        "cli",
        "completion",
        "next_steps",
    }


def test_commands_import_nothing_heavy():
    files = [
        path for path in house.production_files() if path.stem.endswith(("command", "commands"))
    ]
    assert len(files) > 15
    for path in [ROOT / "cli.py", *files]:
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


def test_no_folder_has_more_modules_than_a_reader_can_scan():
    full = {name: n for name, n in house.modules_by_folder().items() if n > house.MOST_MODULES}
    assert not full, f"divide these folders: {full}"


def test_modules_import_few_others_of_ours():
    numbers = {name: len(used) for name, used in house.graph().items()}
    worst = sorted(numbers.items(), key=lambda pair: -pair[1])[:12]
    assert house.percentile_95(list(numbers.values())) <= house.MOST_IMPORTS, worst


def test_modules_import_each_other_in_no_circle():
    assert house.circles(house.graph()) == []


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_inside_a_room_import_each_other_in_no_circle(room):
    assert house.circles(house.room_arrows(room, house.graph())) == []


def test_inside_heads_arrows_point_one_way():
    order = (
        "config", "spec", "runs", "tracking", "networks", "examples", "training", "closed_form",
        "convex", "fitting", "imported", "queue", "commands",
    )  # fmt: skip
    arrows = house.room_arrows("heads", house.graph())
    assert set(arrows) - {"heads"} <= set(order)
    for name, used in arrows.items():
        later = [other for other in used if order.index(other) > order.index(name)]
        assert not later, f"heads/{name} imports {later}, which stand above it"


def test_no_class_name_means_two_things():
    assert house.classes_named_twice() == {}


def test_names_say_what_they_name():
    assert house.banned_names(house.production_files()) == []


def test_files_and_functions_are_short():
    lengths = house.file_lengths()
    assert max(lengths.values()) <= house.MOST_LINES, max(lengths, key=lengths.__getitem__)
    assert statistics.median(house.function_lengths()) <= house.MOST_MEDIAN


def test_every_folder_says_what_it_is():
    for path in house.production_files():
        if path.name == "__init__.py" and path.parent != ROOT:
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            lines = text.strip().splitlines()
            assert len(lines) >= 3, f"{path.relative_to(ROOT)}: say what lives here, in and out"


def test_the_counts_notice_a_circle_and_a_percentile():
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert house.circles(arrows) == [["a", "b", "c"]]
    assert house.circles({"a": {"b"}, "b": set()}) == []
    assert house.percentile_95(list(range(1, 101))) == 95
    assert house.percentile_95([1] * 19 + [7]) == 1
    names = {name for _, name in house.bound_names(ast.parse("def go(x, *y):\n    said = x\n"))}
    assert names == {"go", "x", "y", "said"}
