"""The mutations of a few lines, written out by hand, and a toy repository from end to end."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from medusa.tests.mutation.lists import reasons
from medusa.tests.mutation.sample import draw, read_table
from medusa.tests.mutation.sites import Module

ROOT = Path(__file__).parents[2]
LARGEST = '''\
def largest(values: list[int], least: int = 2, quick: bool = True) -> int:
    """Return the 1 largest value."""
    if quick and len(values) < least:
        raise ValueError(f"{len(values) + 1} values")
    return max(values) - 1
'''
TOY = {
    "__init__.py": "",
    "toy/__init__.py": "",
    "toy/thing.py": "def double(x: int) -> str:\n    return x * 2\n\n\n"
    "def repeat(x: int) -> None:\n    while x < 3:\n        x = x + 1\n\n\n"
    "def unused(x: int) -> str:\n    return str(x + 5)\n",
    "tests/toy/test_thing.py": "from medusa.toy.thing import double, repeat\n\n\n"
    "def test_double():\n    assert double(2) == 4\n\n\ndef test_it_ends():\n    repeat(0)\n",
    "tests/mutation/scope.toml": '[rooms]\ntoys = ["toy/*.py"]\n'
    '[leave_out]\nfiles = ["**/__init__.py"]\n[preload]\nmodules = []\n',
    "tests/mutation/survivors.toml": '[[survivor]]\nfile = "toy/thing.py"\n'
    'old = "while x < 3:"\nnew = "while x < 4:"\nwhy = "the end is not tested"\n',
    "tests/mutation/known.toml": '[[known]]\nname = "half"\nfile = "toy/thing.py"\n'
    'old = "x * 2"\nnew = "x * 2 + 1"\ntests = ["tests/toy/test_thing.py::test_double"]\n',
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = ["--import-mode=importlib"]\n',
}


def changed(text: str) -> list[tuple[int, str]]:
    module = Module("a.py", text)
    mutants = [module.mutant(number) for number in range(len(module.sites))]
    return [(one.line, one.new) for one in mutants]


def test_a_function_has_exactly_these_mutants() -> None:
    signature = "def largest(values: list[int], least: int = {}, quick: bool = {}) -> int:"
    assert changed(LARGEST) == [
        (1, signature.format(3, True)),
        (1, signature.format(2, False)),
        (3, "if not (quick and len(values) < least):"),
        (3, "if quick or len(values) < least:"),
        (3, "if quick and len(values) <= least:"),
        (5, "return -(max(values) - 1)"),
        (5, "return max(values) + 1"),
        (5, "return min(values) - 1"),
        (5, "return max(values) - 2"),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a == b", ["a != b"]),
        ("a is not None", ["a is None"]),
        ("a not in b", ["a in b"]),
        ("not a", ["a"]),
        ("-a // b", ["-a * b", "a // b"]),
        ("a['x'] + 'y'", []),
        ("f(a, axis=0)", ["f(a, axis=1)"]),
        ("f(a, dim=-1)", ["f(a, dim=0)"]),
        ("f(a, keepdim=True)", ["f(a, keepdim=False)"]),
        ("a.sum(1)", ["a.mean(1)", "a.sum(2)"]),
        ("a if b else c", ["a if not b else c"]),
        ("[a for a in b if a.c]", ["[a for a in b if not a.c]"]),
        ("say(a + b)", []),
        ("zip(a, b, strict=True)", []),
        ("Adam(a, fused=True)", []),
        ("a.reshape(2, -1)", ["a.reshape(3, -1)"]),
        ("a[-1]", ["a[-2]"]),
        ("lambda seed=0, k=1: 2", ["lambda seed=0, k=2: 2", "lambda seed=0, k=1: 3"]),
        ("x += a", ["x -= a", "pass"]),
    ],
)
def test_an_expression_has_exactly_these_mutants(old: str, new: list[str]) -> None:
    assert [line for _, line in changed(old + "\n")] == new


def test_a_loop_loses_its_break_and_what_returns_a_bool_is_negated() -> None:
    text = "def f(a) -> bool:\n    for b in a:\n        break\n    return g(a)\n"
    assert changed(text) == [(4 - 1, "pass"), (4, "return not g(a)")]


def test_a_mutant_knows_the_lines_of_its_statement() -> None:
    module = Module("a.py", "x = 1\ndef f(a=2):\n    return g(\n        a,\n        3,\n    )\n")
    scopes = [(one.scope.first, one.scope.last, one.scope.inside) for one in module.sites]
    assert scopes == [(1, 1, False), (2, 2, False), (3, 6, True)]


def test_one_seed_one_sample() -> None:
    files = read_table(ROOT).rooms["splits"]
    first, again, other = (draw(ROOT, files, 20, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert len(first) == 20


def test_a_mutant_that_is_listed_as_equivalent_is_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(x):\n    return x + 1\n", encoding="utf-8")
    listed = tmp_path / "tests/mutation/survivors.toml"
    listed.parent.mkdir(parents=True)
    entry = '[[survivor]]\nfile = "a.py"\nold = "return x + 1"\nnew = "return x - 1"\nwhy = "{}"\n'
    listed.write_text(entry.format("It is weak."), encoding="utf-8")
    both = ["return x - 1", "return x + 2"]
    assert [one.new for one in draw(tmp_path, ["a.py"], 9, 0)] == both
    listed.write_text(entry.format("Equivalent: a reason."), encoding="utf-8")
    assert [one.new for one in draw(tmp_path, ["a.py"], 9, 0)] == both[1:]


def test_every_listed_survivor_is_a_change_of_a_present_line() -> None:
    for file, old, new in reasons(ROOT):
        text = (ROOT / file).read_text(encoding="utf-8")
        assert old in text and old != new, f"{file}: {old}"


def test_every_mutant_compiles() -> None:
    for one in draw(
        ROOT, [path for files in read_table(ROOT).rooms.values() for path in files], 60, 0
    ):
        compile(one.code, one.path, "exec")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy") / "medusa"
    for name, text in TOY.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def run(toy: Path, *words: str) -> tuple[int, str]:
    command = [sys.executable, "-P", "-m", "medusa.tests.mutation", "--root", str(toy), *words]
    path = os.pathsep.join([str(toy.parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_one_is_killed_one_survives_and_the_tree_is_as_it_was(toy: Path) -> None:
    status, output = run(toy, "--count", "100", "--spare", "1")
    words = [line.split() for line in output.splitlines()]
    fates = {(one[0], one[-1]) for one in words if len(one) == 4 and one[2] == "s"}
    assert fates == {
        ("killed", "toy/thing.py:2"),
        ("survived", "toy/thing.py:6"),
        ("survived", "toy/thing.py:7"),
        ("timeout", "toy/thing.py:7"),
        ("uncovered", "toy/thing.py:11"),
    }, output
    assert "+ while x < 4:\n  why: the end is not tested\n" in output
    assert "+ return str(x + 6)\n  why: no reason is listed\n" in output
    assert status == 1
    assert {name: (toy / name).read_text(encoding="utf-8") for name in TOY} == TOY


def test_a_low_demand_is_met_and_what_was_measured_is_kept(toy: Path) -> None:
    words = ["--count", "1", "--at-least", "0"]
    assert run(toy, *words)[0] == 0
    assert "measured tests/" not in run(toy, *words)[1]
    (toy / "toy/thing.py").write_text(TOY["toy/thing.py"] + "\n", encoding="utf-8")
    assert "measured tests/" in run(toy, *words)[1]
    (toy / "toy/thing.py").write_text(TOY["toy/thing.py"], encoding="utf-8")


def test_known_mutations_must_fail_their_tests(toy: Path) -> None:
    path = toy / "tests/mutation/known.toml"
    status, output = run(toy, "--known")
    assert (status, output.split()[0]) == (0, "noticed"), output
    path.write_text(TOY["tests/mutation/known.toml"].replace("x * 2 + 1", "x + 2"))
    status, output = run(toy, "--known")
    assert status == 1
    assert "half: tests/toy/test_thing.py::test_double does not fail" in output
    path.write_text(TOY["tests/mutation/known.toml"].replace("x * 2", "x"))
    status, output = run(toy, "--known")
    assert "half: `old` is 8 times in toy/thing.py" in output
    path.write_text(TOY["tests/mutation/known.toml"])


def test_every_known_mutation_still_fits_the_code() -> None:
    entries = tomllib.loads(
        (ROOT / "tests" / "mutation" / "known.toml").read_text(encoding="utf-8")
    )["mutation"]
    assert len(entries) >= 11
    for entry in entries:
        text = (ROOT / entry["file"]).read_text(encoding="utf-8")
        assert text.count(entry["old"]) == 1, entry["name"]
        for test in entry["tests"]:
            file, _, name = test.partition("::")
            assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test
