"""The state of a recipe in a workspace: which runs it has made and which parts failed."""

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
        problems: task -> the reason why it has no run.
        seen: the fingerprint of all inputs after a complete run, else empty.
    """

    path: Path
    heads: dict[str, str] = field(default_factory=dict)
    stacks: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    seen: str = ""

    @classmethod
    def read(cls, workspace: Workspace, name: str) -> "State":
        """Return the stored state; it is empty before the first run."""
        path = workspace.root / FOLDER / name
        file = path / "state.json"
        if not file.exists():
            return cls(path)
        values = json.loads(file.read_text(encoding="utf-8"))
        return cls(path, **values)

    def write(self) -> None:
        """Write the state as a whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        values = {key: value for key, value in asdict(self).items() if key != "path"}
        self.write_text("state.json", json.dumps(values, indent=1) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a file into the state's folder, as a whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.path / name, text)


def fingerprint(workspace: Workspace, recipe: Recipe, state: State, options: dict[str, Any]) -> str:
    """Return a digest that changes when an input of the results may have changed.

    It reads only names, sizes and times of files, so that it takes no time.
    """
    files = [
        workspace.manifest,
        *workspace.transcripts.glob("*.parquet"),
        *workspace.features.glob("*/*.json"),
    ]
    files += [
        workspace.runs / run / "finished" for run in (*state.heads.values(), *state.stacks.values())
    ]
    files += [state.path / name for name in ("tables.md", "tables.txt")]
    files.append(file_of(recipe.config))
    facts = [(str(one), _stat(one)) for one in sorted(files)]
    text = json.dumps([asdict(recipe), options, facts, state.problems], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _stat(path: Path) -> tuple[int, int]:
    if not path.exists():
        return (-1, -1)
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns)
