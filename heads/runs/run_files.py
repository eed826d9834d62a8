"""The small files of a run are read with their types, since commands compute with the values."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medusa.errors import RunError
from medusa.foreign import foreign
from medusa.strict import quoted, read_yaml

NUMBER = (int, float, type(None))
# A key of config.yaml, summary.json or a line of metrics.jsonl -> the type of its value.
TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("kind", "method", "fit_on", "split", "train_split"), str),
    **dict.fromkeys(("classes", "notes", "members", "features", "comparison", "gains"), list),
    **dict.fromkeys(("positions", "layer_weights"), list),
    **dict.fromkeys(("head", "loss", "train"), dict),
    **dict.fromkeys(("chance", "majority", "seconds"), NUMBER),
    **dict.fromkeys(("dev_macro_f1", "dev_loss", "train_loss", "utterances_per_s"), NUMBER),
}
# A list of these keys -> the type of its items.
ITEMS = {"classes": str, "notes": str, "members": dict, "features": dict, "comparison": dict}


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the keys and values of a file of a run, in JSON or in YAML by its ending.

    Raises:
        RunError: the file is missing or damaged.
    """
    return _checked(path, _parsed(path, read_yaml if path.suffix == ".yaml" else json.loads))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the keys and values of every line of a file; a line without an end is left out.

    Raises:
        RunError: the file is missing or damaged.
    """
    # A line without an end was being written when the run was killed.
    lines = _parsed(path, lambda text: [json.loads(line) for line in text.split("\n")[:-1]])
    return [_checked(path, line) for line in lines]


def _parsed(path: Path, parse: Callable[[str], Any]) -> Any:
    if not path.exists():
        raise RunError(f"{path}: missing from the run; make the run again with --force")
    with foreign(RunError, lambda reason: _damaged(path, reason)):
        return parse(path.read_text(encoding="utf-8"))


def _checked(path: Path, values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise RunError(_damaged(path, "it has no keys and values"))
    for key, value in values.items():
        items = value if key in ITEMS and isinstance(value, list) else ()
        if not isinstance(value, TYPES.get(key, object)) or not all(
            isinstance(item, ITEMS[key]) for item in items
        ):
            raise RunError(_damaged(path, f"{key} is {quoted(value)}"))
    return values


def _damaged(path: Path, reason: str) -> str:
    return f"{path}: damaged ({reason}); make the run again with --force"
