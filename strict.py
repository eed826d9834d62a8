"""Plain values from YAML become typed dataclasses; all mistakes are reported together."""

import contextlib
import dataclasses
import importlib
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml

from medusa.errors import ConfigError, nearest
from medusa.foreign import foreign, reason_of

DEEPEST = 100  # levels of lists and mappings
MOST_VALUES = 100_000
LONGEST_SHOWN = 200


def read_yaml(text: str) -> Any:
    """Return the values that `yaml.safe_load` returns; libyaml is faster and used if it is there.

    Raises:
        yaml.YAMLError: the text is not YAML, a mapping has a key twice, lists or mappings are
            nested too deeply, or aliases make the values too many or refer to themselves.
    """
    # Both loaders are safe: they return plain values and no objects.
    kind = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if any(text.count(sign) > DEEPEST for sign in "[{-?\t ") and _depth(kind(text)) > DEEPEST:
            raise yaml.YAMLError(f"it is nested more than {DEEPEST} levels deep")
        loader = kind(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check(node, {})
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError:
        raise
    except Exception as problem:  # It is raised for a date in month 13, for example.
        raise yaml.YAMLError(reason_of(problem)) from problem


def read_yaml_file(path: Path) -> Any:
    """Return the values of a YAML file; of an empty file, an empty mapping.

    Raises:
        ConfigError: the file cannot be read, or it is not YAML.
    """
    with foreign(ConfigError, lambda reason: f"{path}: not readable as YAML: {reason}"):
        return read_yaml(path.read_text(encoding="utf-8")) or {}


def parts_of(text: str) -> list[str]:
    """Return the parts of a list that commas separate."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _depth(loader: Any) -> int:
    """Return the deepest nesting of a text; libyaml parses in a loop, but composes recursively."""
    depth = deepest = 0
    try:
        while deepest <= DEEPEST and loader.check_event():
            event = loader.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            deepest = max(deepest, depth)
    finally:
        loader.dispose()
    return deepest


def _check(node: yaml.Node, values: dict[int, int]) -> int:
    """Refuse a key twice, aliases that make too many values or a circle, and null characters.

    Args:
        node: a node; an alias is the same node as its anchor.
        values: the number of values in the nodes that were checked, by identity; 0 in a node that
            is being checked.

    Returns:
        The number of values in the node, in which aliases are repeated.
    """
    if not isinstance(node, yaml.CollectionNode):
        if node.tag == "tag:yaml.org,2002:int" and len(node.value) > LONGEST_SHOWN:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: a number with too many digits")
        if "\0" in node.value:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: a null character in a text")
        return 1 + len(node.value) // LONGEST_SHOWN
    if id(node) in values:
        if not values[id(node)]:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: an alias refers to itself")
        return values[id(node)]
    values[id(node)], count, keys = 0, 1, set()
    for item in node.value:
        key, value = item if isinstance(item, tuple) else (None, item)
        if isinstance(key, yaml.ScalarNode):
            name = (key.tag, key.value)
            if name in keys:
                line = key.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: {key.value!r} twice; rename or remove one")
            keys.add(name)
        elif key is not None:
            count += _check(key, values)
        count += _check(value, values)
    if count > MOST_VALUES:
        raise yaml.YAMLError(f"aliases make more than {MOST_VALUES} values")
    values[id(node)] = count
    return count


def set_value(values: Any, override: str) -> list[str]:
    """Apply one `a.b.0.c=value` in place; return the list of its problems."""
    key, equals, text = override.partition("=")
    if not equals:
        return [f"--set {shown(override)}: expected key=value"]
    *path, last = key.split(".")
    if len(path) >= DEEPEST:
        return [f"--set {shown(override)}: there is no such key to set"]
    try:
        for part in path:
            values = values[int(part)] if isinstance(values, list) else values.setdefault(part, {})
        values[int(last) if isinstance(values, list) else last] = read_yaml(text)
    except (ValueError, IndexError, TypeError, AttributeError):
        return [f"--set {shown(override)}: there is no {shown(key)} to set"]
    except yaml.YAMLError:
        return [unreadable(override)]
    return []


def shown(text: str) -> str:
    """Return a text as messages quote it, cut if it is long."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def quoted(value: object) -> str:
    """Return a value in quotes or brackets, cut if it is long."""
    return shown(repr(value))


def unreadable(override: str) -> str:
    """Return the problem of a `key=value` whose value is not YAML."""
    remedy = "put it in quotes, or close [ or {"
    return f"--set {shown(override)}: the value is not readable as YAML; {remedy}"


@dataclass(frozen=True)
class Allowed:
    """The allowed values of a field, as a part of its type: `Annotated[int, Allowed(...)]`.

    Attributes:
        words: the allowed values in words, such as `at least 1`.
        test: a function that is true for an allowed value. None is always allowed.
    """

    words: str
    test: Callable[[Any], object]


@dataclass(frozen=True)
class KeyOf:
    """The allowed values of a field are the keys of a dictionary: `Annotated[str, KeyOf(...)]`.

    The dictionary is imported when it is needed, since its module may import large libraries.

    Attributes:
        module: the module of the dictionary.
        name: the name of the dictionary.
    """

    module: str
    name: str

    def entries(self) -> dict[str, Any]:
        """Return the dictionary."""
        found: dict[str, Any] = getattr(importlib.import_module(self.module), self.name)
        return found


def entries_of(values: Any, where: str = "") -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield key, value and dictionary of every `KeyOf` field of a dataclass, at any depth."""
    hints = typing.get_type_hints(type(values), include_extras=True)
    for field in dataclasses.fields(values):
        value, key = getattr(values, field.name), f"{where}.{field.name}".lstrip(".")
        for mark in typing.get_args(hints[field.name])[1:]:
            if isinstance(mark, KeyOf):
                yield key, value, mark.entries()
        if dataclasses.is_dataclass(value):
            yield from entries_of(value, key)
        elif isinstance(value, tuple):
            for number, item in enumerate(value):
                if dataclasses.is_dataclass(item):
                    yield from entries_of(item, f"{key}.{number}")


def unknown_keys(values: Any) -> list[str]:
    """Return a line for every `KeyOf` field of a dataclass whose dictionary lacks the value."""
    return [
        not_one_of(key, value, entries)
        for key, value, entries in entries_of(values)
        if isinstance(value, str) and value not in entries  # `parse` refuses other types.
    ]


def not_one_of(where: str, value: Any, known: Iterable[str]) -> str:
    """Return the problem of a value that is none of the known ones, with the nearest of them."""
    hint = nearest(str(value), known)
    return f"{where}: {quoted(value)} is not one of {', '.join(known)}{hint}"


def parse(kind: Any, values: Any, where: str, problems: list[str]) -> Any:
    """Turn plain values into a dataclass, a tuple, a dictionary, a number or a text.

    Args:
        kind: the type; every field of a dataclass needs a default. `Literal` and `Allowed` limit
            the values of a field. `KeyOf` is left to `unknown_keys`.
        values: the values that were read from YAML.
        where: the dotted key of the values, for messages.
        problems: a list to which a line is added for every mistake.
    """
    if dataclasses.is_dataclass(kind):
        return _fields(kind, values, where, problems)
    if typing.get_origin(kind) is tuple:
        if isinstance(values, str) and typing.get_args(kind)[0] is str:
            values = [values]
        if not isinstance(values, list | tuple) or not values:
            problems.append(f"{where}: expected a list of one or more, got {quoted(values)}")
            return ()
        item = typing.get_args(kind)[0]
        return tuple(parse(item, v, f"{where}.{i}", problems) for i, v in enumerate(values))
    if typing.get_origin(kind) is dict:
        return _entries(typing.get_args(kind)[1], values, where, problems)
    if typing.get_origin(kind) is Annotated:
        return _limited(kind, values, where, problems)
    if typing.get_origin(kind) is Literal:
        if values not in typing.get_args(kind):
            problems.append(not_one_of(where, values, typing.get_args(kind)))
        return values
    if kind is Any:
        if not _is_plain(values):
            problems.append(
                f"{where}: expected a number, text, true or false, got {quoted(values)}"
            )
        return values
    return _plain_value(kind, values, where, problems)


def _limited(kind: Any, values: Any, where: str, problems: list[str]) -> Any:
    """Turn a plain value into one of an `Annotated` type, and check what it allows."""
    before, (inner, *marks) = len(problems), typing.get_args(kind)
    value = parse(inner, values, where, problems)
    if len(problems) == before and value is not None:
        problems += [
            f"{where}: expected {mark.words}, got {quoted(value)}"
            for mark in marks
            if isinstance(mark, Allowed) and not mark.test(value)
        ]
    return value


def _plain_value(kind: Any, values: Any, where: str, problems: list[str]) -> Any:
    """Turn a plain value into a number, a text, true or false, or None."""
    allowed = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if float in allowed and isinstance(values, str | int) and not isinstance(values, bool):
        with contextlib.suppress(ValueError):  # YAML 1.1 reads 1e-5 as text.
            values = float(values)
    if type(values) not in allowed:
        names = " or ".join("nothing" if t is types.NoneType else t.__name__ for t in allowed)
        problems.append(f"{where}: expected {names}, got {quoted(values)}")
    elif isinstance(values, float) and not math.isfinite(values):
        problems.append(f"{where}: expected a finite number, got {values}")
    return values


def _is_plain(values: Any) -> bool:
    """Return whether JSON can hold the values; YAML also has dates and bytes."""
    if isinstance(values, dict):
        return all(isinstance(key, str) and _is_plain(one) for key, one in values.items())
    if isinstance(values, list):
        return all(_is_plain(one) for one in values)
    return values is None or isinstance(values, str | int | float)


def _fields(kind: Any, values: Any, where: str, problems: list[str]) -> Any:
    if not isinstance(values, dict):
        problems.append(f"{where or 'file'}: expected `key: value` lines, got {quoted(values)}")
        return None
    hints = typing.get_type_hints(kind, include_extras=True)
    given = {}
    for key, value in values.items():
        path = f"{where}.{key}".lstrip(".")
        if key in hints:
            given[key] = parse(hints[key], value, path, problems)
        else:
            hint = nearest(str(key), hints) or f"; expected any of {', '.join(hints)}"
            problems.append(f"{shown(path)}: unknown{hint}")
    return kind(**given)


def _entries(kind: Any, values: Any, where: str, problems: list[str]) -> Any:
    if not isinstance(values, dict):
        problems.append(f"{where}: expected `name: ...` lines, got {quoted(values)}")
        return {}
    return {
        str(name): parse(kind, value, f"{where}.{name}".lstrip("."), problems)
        for name, value in values.items()
    }
