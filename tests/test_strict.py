"""Plain values from YAML: no key twice, no value that JSON lacks, no traceback."""

import pytest
import yaml

from medusa.strict import read_yaml, set_value


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


def test_a_setting_that_is_not_yaml():
    values = {"mixup": {"p": 0.3}}
    [problem] = set_value(values, "mixup.p=[0")
    assert problem.startswith("--set mixup.p=[0: the value is not readable as YAML")
    assert values == {"mixup": {"p": 0.3}} and not set_value(values, "mixup.p=[0]")
