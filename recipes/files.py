"""Where recipes are, and what they say with what they extend."""

from pathlib import Path
from typing import Any

import yaml

from medusa.errors import MedusaError, nearest
from medusa.heads.config import CONFIGS
from medusa.strict import read_yaml

SHIPPED = Path(__file__).parent / "shipped"
ADDED = ("heads", "stacks", "ablations")  # what `more` may add to


class RecipeError(MedusaError):
    """A recipe with unknown keys, unknown names or impossible values; all of them are listed."""


def shipped() -> list[str]:
    """Return the names of the recipes that come with medusa."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def path_of(name: str) -> Path:
    """Return where a recipe is: a shipped one by name, or a file."""
    path = SHIPPED / f"{name}.yaml" if (SHIPPED / f"{name}.yaml").exists() else Path(name)
    if not path.is_file():
        hint = nearest(name, shipped())
        raise RecipeError(f"no recipe {name!r}{hint}: give a file or {', '.join(shipped())}")
    return path.resolve()


def read_values(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return a recipe's values; what it extends lies underneath."""
    try:
        values = read_yaml(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise RecipeError(f"{path}: not readable as YAML: {problem}") from problem
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: expected `key: value` lines, got {values!r}")
    for one in (values, values.get("tiny")):
        if isinstance(one, dict) and isinstance(one.get("config"), str):
            one["config"] = _configuration(path, one["config"])
    more = _more(path, values)
    if (base := values.pop("extends", None)) is not None:
        below = _base(path, str(base))
        if below in (*above, path):
            raise RecipeError(f"{path}: extends {base!r}, which extends it in turn; remove one")
        values = _over(read_values(below, (*above, path)), values)
    given: dict[str, Any] = values
    for key, entries in more.items():
        there = given.get(key) or {}
        given[key] = there | entries if isinstance(there, dict) else there  # told by who reads it
    return given


def _more(path: Path, values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Take out what a recipe adds to what it extends."""
    more = values.pop("more", None) or {}
    if not isinstance(more, dict):
        raise RecipeError(f"{path}: more: expected {', '.join(ADDED)} with what to add")
    more = {key: entries or {} for key, entries in more.items()}
    problems = [
        f"more.{key}: not one of {', '.join(ADDED)}{nearest(key, ADDED)}; anything else is written "
        "beside `more`, not in it"
        for key in more
        if key not in ADDED
    ]
    problems += [
        f"more.{key}: expected `name: {{...}}` for each, got {entries!r}"
        for key, entries in more.items()
        if key in ADDED and not isinstance(entries, dict)
    ]
    if problems:
        raise RecipeError("\n  ".join([f"{path}:", *problems]))
    return more


def _base(path: Path, name: str) -> Path:
    """Return what a recipe extends: a name or a file beside it, else a shipped one."""
    beside = [(path.parent / one).resolve() for one in (f"{name}.yaml", name)]
    return next((one for one in beside if one.is_file() and one != path), None) or path_of(name)


def _configuration(path: Path, name: str) -> str:
    """Return a shipped configuration's name, or the path of the file beside the recipe."""
    beside = (path.parent / name).resolve()
    shipped = (CONFIGS / f"{name}.yaml").exists()
    return str(beside) if beside.is_file() and not shipped else name


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return `above` laid over `below`: features and settings one by one, the rest whole."""
    merged = below | above
    for key in ("features", "set"):
        if isinstance(below.get(key), dict) and isinstance(above.get(key), dict):
            merged[key] = below[key] | above[key]
    return merged
