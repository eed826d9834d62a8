"""Find recipe files and read their values, including those of the recipes that they extend."""

from pathlib import Path
from typing import Any

from medusa.errors import ConfigError, nearest
from medusa.heads.config import CONFIGS
from medusa.strict import quoted, read_yaml_file

SHIPPED = Path(__file__).parents[1] / "shipped"
ADDED = ("heads", "stacks", "ablations")  # the keys that `more` may extend


def shipped() -> list[str]:
    """Return the names of the recipes that come with medusa."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def path_of(name: str) -> Path:
    """Return the path of a recipe: a shipped one by name, or a file."""
    path = SHIPPED / f"{name}.yaml" if (SHIPPED / f"{name}.yaml").exists() else Path(name)
    if not path.is_file():
        hint = nearest(name, shipped())
        raise ConfigError(
            f"no recipe {name!r}{hint}: expected a file or one of {', '.join(shipped())}"
        )
    return path.resolve()


def read_values(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return a recipe's values, which override those of the recipe that it extends."""
    values = read_yaml_file(path)
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected `key: value` lines, got {quoted(values)}")
    for one in (values, values.get("tiny")):
        if isinstance(one, dict) and isinstance(one.get("config"), str):
            one["config"] = _configuration(path, one["config"])
    more = _more(path, values)
    if (base := values.pop("extends", None)) is not None:
        below = _base(path, str(base))
        if below in (*above, path):
            raise ConfigError(
                f"{path}: extends {base!r}, which extends it in turn; remove one `extends`"
            )
        values = _over(read_values(below, (*above, path)), values)
    given: dict[str, Any] = values
    for key, entries in more.items():
        inherited = given.get(key) or {}
        given[key] = (
            inherited | entries if isinstance(inherited, dict) else inherited
        )  # The parser reports a wrong type.
    return given


def _more(path: Path, values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Remove and return the entries that a recipe adds to the one that it extends."""
    more = values.pop("more", None) or {}
    if not isinstance(more, dict):
        raise ConfigError(f"{path}: more: expected the keys {', '.join(ADDED)}, got {more!r}")
    more = {key: entries or {} for key, entries in more.items()}
    problems = [
        f"more.{key}: expected one of {', '.join(ADDED)}{nearest(key, ADDED)}; other keys stand "
        "next to `more`"
        for key in more
        if key not in ADDED
    ]
    problems += [
        f"more.{key}: expected `name: {{...}}` for each entry, got {entries!r}"
        for key, entries in more.items()
        if key in ADDED and not isinstance(entries, dict)
    ]
    if problems:
        raise ConfigError("\n  ".join([f"{path}:", *problems]))
    return more


def _base(path: Path, name: str) -> Path:
    """Return the path of the extended recipe: a file in the same folder, else a shipped recipe."""
    neighbours = [(path.parent / one).resolve() for one in (f"{name}.yaml", name)]
    return next((one for one in neighbours if one.is_file() and one != path), None) or path_of(name)


def _configuration(path: Path, name: str) -> str:
    """Return a shipped configuration's name, or the path of a file next to the recipe."""
    neighbours = (path.parent / name).resolve()
    shipped = (CONFIGS / f"{name}.yaml").exists()
    return str(neighbours) if neighbours.is_file() and not shipped else name


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return `below` with the keys of `above`; features and settings are replaced one by one."""
    merged = below | above
    for key in ("features", "set"):
        if isinstance(below.get(key), dict) and isinstance(above.get(key), dict):
            merged[key] = below[key] | above[key]
    return merged
