"""Plain values from YAML: no key twice, no value that JSON lacks, no traceback."""

import pytest
import yaml

from medusa.errors import ConfigError
from medusa.heads.config import load
from medusa.recipes.definition.files import read_values
from medusa.strict import read_yaml, read_yaml_file, set_value
from medusa.workspace import Workspace


@pytest.mark.parametrize(
    "text", ["", "a: 1", "- [1, {b: 2}]", "x: &x {a: 1}\ny: {<<: *x, a: 2}\nz: *x", "1: a\n'1': b"]
)
def test_read_as_the_library_does(text):
    assert read_yaml(text) == yaml.safe_load(text)


def test_a_date_that_cannot_be_is_not_yaml():
    with pytest.raises(yaml.YAMLError, match="month must be in"):
        read_yaml("a: 2020-13-01")


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: 1\nb: 2\na: 3", "line 3: 'a' twice"), ("- x: {a: 1,\n  a: 1}", "line 2: 'a' twice")],
)
def test_a_key_twice_is_refused(text, said):
    with pytest.raises(yaml.YAMLError, match=said):
        read_yaml(text)


def bomb(form):
    """Return YAML in which every line repeats the line above it ten times."""
    lines = ["a0: &a0 {x: 1}"]
    for number in range(1, 12):
        above = ", ".join([f"*a{number - 1}"] * 10)
        lines.append(f"a{number}: &a{number} {form.format(above)}")
    return "\n".join(lines)


DEEP = ["[" * 100_000, "[" * 3_000, "[" * 101 + "]" * 101, "{a: " * 3_000, "- " * 5_000]
LONG_TEXT = f"s: &s {'x' * 100_000}\nb: [{', '.join(['*s'] * 1_000)}]"
HOSTILE = {
    "nested": [*DEEP, "? " * 5_000, "\n".join(" " * level + "a:" for level in range(3_000))],
    "aliases make more": [bomb("[{}]"), bomb("{{b: [{}], x: 1}}"), bomb("{{<<: [{}]}}"), LONG_TEXT],
    "refers to itself": ["a: &a [*a]", "a: &a {b: *a}", "a: &a {? *a : 1}", "&a [[[*a]]]"],
    "digits": ["1" * 10_000, "1" + ":59" * 5_000],
    "out of range": ["!!int ''"],
    "no 'maybe'": ["!!bool maybe"],
    "surrogates": ["\ud800"],
    "control characters": ["\0"],
    "a null character": ['a: "b\\0c"', '["\\x00"]'],
    "constructor": ["!!python/object:os.system x"],
}


@pytest.mark.parametrize(
    ("reason", "text"),
    [(reason, text) for reason, texts in HOSTILE.items() for text in texts],
    ids=lambda text: text[:12].encode("ascii", "replace").decode(),
)
def test_values_that_take_all_memory_or_the_stack(reason, text):
    with pytest.raises(yaml.YAMLError, match=reason):
        read_yaml(text)
    values = {"a": 1}
    [problem] = set_value(values, f"a={text}")
    assert "not readable as YAML" in problem and len(problem) < 400 and values == {"a": 1}


def test_a_nesting_of_a_hundred_levels_is_read():
    assert str(read_yaml("[" * 100 + "]" * 100)) == "[" * 100 + "]" * 100


def test_a_key_of_many_parts_is_refused():
    [problem] = set_value({}, "a." * 100_000 + "b=1")
    assert problem.endswith("there is no such key to set") and len(problem) < 400


@pytest.mark.parametrize("data", [b"a: \xff", b"[", b"a: &a [*a]"])
@pytest.mark.parametrize(
    "read", [read_yaml_file, load, read_values, lambda path: Workspace.open(path.parent)]
)
def test_every_file_of_yaml_is_read_by_one_reader(tmp_path, read, data):
    path = tmp_path / "medusa.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"medusa\.yaml: not readable as YAML: "):
        read(path if read is not load else str(path))


def test_a_setting_that_is_not_yaml():
    values = {"mixup": {"p": 0.3}}
    [problem] = set_value(values, "mixup.p=[0")
    assert problem.startswith("--set mixup.p=[0: the value is not readable as YAML")
    assert values == {"mixup": {"p": 0.3}} and not set_value(values, "mixup.p=[0]")
