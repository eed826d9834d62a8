"""What a recipe has brought about in a workspace, kept beside the runs."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medusa.atomic import write_text
from medusa.heads.config import file_of
from medusa.recipes.recipe import Recipe
from medusa.workspace import Workspace

FOLDER = "recipes"


@dataclass
class State:
    """One recipe in one workspace.

    Attributes:
        path: the folder of its state, tables and report.
        heads, stacks: task -> the name of its run.
        problems: task -> why it has none.
        seen: fingerprint of everything when all was done, else empty.
    """

    path: Path
    heads: dict[str, str] = field(default_factory=dict)
    stacks: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    seen: str = ""

    @classmethod
    def read(cls, place: Workspace, name: str) -> "State":
        """Return what is known; nothing at first."""
        path = place.root / FOLDER / name
        file = path / "state.json"
        if not file.exists():
            return cls(path)
        values = json.loads(file.read_text(encoding="utf-8"))
        return cls(path, **values)

    def write(self) -> None:
        """Write it whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        values = {key: value for key, value in asdict(self).items() if key != "path"}
        self.write_text("state.json", json.dumps(values, indent=1) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a file beside the state, whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.path / name, text)


def fingerprint(place: Workspace, recipe: Recipe, state: State, asked: dict[str, Any]) -> str:
    """Return a digest that changes when anything that a result depends on may have changed.

    Reads names, sizes and times alone, so that doing nothing takes no time.
    """
    files = [place.manifest, *place.transcripts.glob("*.parquet"), *place.features.glob("*/*.json")]
    files += [
        place.runs / run / "finished" for run in (*state.heads.values(), *state.stacks.values())
    ]
    files += [state.path / name for name in ("tables.md", "tables.txt")]
    files.append(file_of(recipe.config))
    facts = [(str(one), _stat(one)) for one in sorted(files)]
    text = json.dumps([asdict(recipe), asked, facts, state.problems], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _stat(path: Path) -> tuple[int, int]:
    if not path.exists():
        return (-1, -1)
    found = path.stat()
    return (found.st_size, found.st_mtime_ns)
