"""Counts of the house: folders, imports, circles, names and sizes.

`python tests/house.py [FOLDER ...]` prints them, and every offender; `test_house.py` asserts them.
"""

import ast
import re
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "distributed",
    "manifests",
    "cache",
    "scoring",
    "extract",
    "heads",
    "ensemble",
    "reports",
    "inference",
    "recipes",
)
MOST_MODULES, MOST_LINES, MOST_IMPORTS, MOST_MEDIAN = 20, 350, 9, 10
# Words that read as English and name nothing: no module, class, function or variable has them.
BANNED = frozenset(
    (
        "said", "heard", "there", "place", "home", "beside", "ahead", "abreast", "once", "together",
        "doubt", "doubts", "doubtful", "host", "go", "bring", "lesson", "answer", "answers",
        "listener", "told", "asked", "coming", "again", "odds",
    )
)  # fmt: skip


def production_files() -> list[Path]:
    """Return every file of production code."""
    rooms = (path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    return sorted([*ROOT.glob("*.py"), *rooms])


def module_of(path: Path) -> str:
    """Return the dotted name of a file, without `medusa.`; a package's is its folder's."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, top_only: bool = False) -> set[str]:
    """Return the dotted names that a file imports, wherever in it or only at its top."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def own_imports(path: Path, modules: frozenset[str]) -> set[str]:
    """Return the modules of the project that a file imports; of a package, those that it takes."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [
                f"{node.module}.{alias.name}"
                if f"{node.module}.{alias.name}".removeprefix("medusa.") in modules
                else node.module
                for alias in node.names
            ]
        else:
            continue
        found |= {name.removeprefix("medusa.") for name in names if name.startswith("medusa.")}
    return found & modules


@cache
def graph() -> dict[str, set[str]]:
    """Return the modules of the project that each one imports."""
    files = production_files()
    modules = frozenset(map(module_of, files)) - {""}
    return {
        module_of(path): own_imports(path, modules) - {module_of(path)}
        for path in files
        if module_of(path)
    }


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of nodes that reach each other, by following all arrows from each."""
    reach = {node: _reached(node, arrows) for node in arrows}
    groups = {
        tuple(sorted(other for other in seen if node in reach.get(other, ())))
        for node, seen in reach.items()
    }
    return sorted(list(group) for group in groups if len(group) > 1)


def _reached(start: str, arrows: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += arrows.get(node, ())
    return seen


def room_arrows(room: str, arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return which rooms inside a room import which; its own modules count one by one."""

    def part(module: str) -> str:
        inside = module.removeprefix(f"{room}.").split(".")
        return inside[0]

    found: dict[str, set[str]] = defaultdict(set)
    for module, used in arrows.items():
        if module.startswith(f"{room}."):
            found[part(module)] |= {part(one) for one in used if one.startswith(f"{room}.")}
    return {name: used - {name} for name, used in found.items()}


def percentile_95(numbers: list[int]) -> float:
    """Return the smallest number that 95 % of the numbers do not exceed."""
    ordered = sorted(numbers)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


def bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name that a file gives: functions, classes, arguments, variables, fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.lineno, node.name


def banned_names(files: list[Path]) -> list[str]:
    """Return every banned name as `file:line name`, and modules that are called so."""
    found = []
    for path in files:
        if path.stem in BANNED or path.parent.name in BANNED:
            found.append(f"{path.relative_to(ROOT)}: the module's name")
        for line, name in bound_names(ast.parse(path.read_text(encoding="utf-8"))):
            if re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).strip("_").lower() in BANNED:
                found.append(f"{path.relative_to(ROOT)}:{line} {name}")
    return found


def classes_named_twice() -> dict[str, list[str]]:
    """Return class names that more than one class has, with their modules."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in production_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip("_")].append(str(path.relative_to(ROOT)))
    return {name: files for name, files in sorted(found.items()) if len(files) > 1}


def function_lengths() -> list[int]:
    """Return the number of lines of every function, its docstring included."""
    return [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in production_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def modules_by_folder() -> Counter[str]:
    """Return how many modules each folder of production code has, `__init__.py` included."""
    return Counter(str(path.parent.relative_to(ROOT)) for path in production_files())


def file_lengths() -> dict[str, int]:
    """Return the number of lines of every file."""
    return {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in production_files()
    }


def main(folders: list[str]) -> None:
    """Print all counts; names only of the folders given, or of all."""
    arrows = graph()
    numbers = {name: len(used) for name, used in arrows.items()}
    most = {name: n for name, n in numbers.items() if n > MOST_IMPORTS}
    lengths = file_lengths()
    files = [p for p in production_files() if not folders or p.is_relative_to(ROOT / folders[0])]
    for folder in folders[1:]:
        files += [p for p in production_files() if p.is_relative_to(ROOT / folder)]
    print(f"production code: {len(lengths)} files, {sum(lengths.values())} lines")
    print(f"folder with most modules: {modules_by_folder().most_common(1)[0]}")
    print(f"largest file: {max((n, name) for name, n in lengths.items())}")
    print(f"function, lines, median: {statistics.median(function_lengths())}")
    print(f"own imports, 95th percentile: {percentile_95(list(numbers.values()))}; above: {most}")
    print(f"circles of modules: {circles(arrows)}")
    for room in ROOMS:
        print(f"circles inside {room}: {circles(room_arrows(room, arrows))}")
    print(f"class names twice: {classes_named_twice()}")
    names = banned_names(files)
    print(f"banned names: {len(names)}", *names, sep="\n  ")


if __name__ == "__main__":
    main(sys.argv[1:])
