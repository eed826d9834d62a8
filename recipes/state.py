"""The state of a recipe in a workspace: its last runs and tables, and when they were up to date."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from medusa.atomic import write_text
from medusa.heads.config import file_of
from medusa.heads.runs.config_digest import FORMAT
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.options import RecipeOptions, RecipeResult
from medusa.recipes.state_file import FILE, damaged, read_state, write_state
from medusa.recipes.tasks import head_tasks, stack_tasks
from medusa.reports.tables.result_table import ResultTable, markdown, text
from medusa.workspace import Workspace, is_file_name

FOLDER = "recipes"


@dataclass
class State:
    """One recipe in one workspace.

    Attributes:
        path: the folder of its state, tables and report.
        text, missing: the options of the last run that decide on the data of its heads.
        runs: task -> its last run. It may be stale: the identity decides.
        tables: the last tables, as plain values.
        stamp: the stamp of all inputs after a complete run, else empty.
    """

    path: Path
    text: str | None = None
    missing: str = "error"
    runs: dict[str, str] = field(default_factory=dict)
    tables: list[dict[str, Any]] = field(default_factory=list)
    stamp: str = ""

    @classmethod
    def read(cls, workspace: Workspace, recipe: str, tiny: bool) -> "State":
        """Return the stored state of a recipe by its name or file; empty before the first run.

        Raises:
            MedusaError: the state is damaged.
        """
        path = workspace.root / FOLDER / (Path(recipe).stem + ("-tiny" if tiny else ""))
        values = read_state(path) if (path / FILE).exists() else {}
        known = {one.name for one in fields(cls)} - {"path"}
        with damaged(path):
            state = cls(path, **{key: value for key, value in values.items() if key in known})
            state._check()
        return state

    def _check(self) -> None:
        """Raise a ValueError if the stored values have other types, or runs are no names."""
        texts = [self.missing, self.stamp, *([] if self.text is None else [self.text])]
        if not all(isinstance(one, str) for one in (*texts, *self.runs)):
            raise ValueError("expected texts")
        if odd := [one for one in self.runs.values() if not is_file_name(one)]:
            raise ValueError(f"the run {odd[0]!r} is no name")
        for table in self.tables:
            ResultTable(**table)

    @property
    def begun(self) -> bool:
        """Return whether the recipe has run here, perhaps not to its end."""
        return (self.path / FILE).exists()

    def begin(self, text: str | None, missing: str) -> None:
        """Store the options of a run that begins; the tables are out of date until it ends."""
        self.text, self.missing, self.stamp = text, missing, ""
        self.write()

    def result(self, recipe: Recipe) -> RecipeResult:
        """Return the result of a complete run whose inputs have not changed since."""
        tasks = [[one.name for one in kind] for kind in (head_tasks(recipe), stack_tasks(recipe))]
        heads, stacks = ({name: self.runs[name] for name in names} for names in tasks)
        made = [ResultTable(**one) for one in self.tables]
        return RecipeResult(self.path, heads, stacks, made, fresh=False)

    def write_tables(self, made: Sequence[ResultTable]) -> None:
        """Write the tables as text and as Markdown, and keep them in the state."""
        self.tables = [asdict(one) for one in made]
        self.write_text("tables.txt", "\n".join(map(text, made)))
        self.write_text("tables.md", "\n".join(map(markdown, made)))

    def write(self) -> None:
        """Write the state as a whole or not at all."""
        values = {key: value for key, value in asdict(self).items() if key != "path"}
        write_state(self.path, values)

    def write_text(self, name: str, text: str) -> None:
        """Write a file into the state's folder, as a whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.path / name, text)


def stamp(workspace: Workspace, recipe: Recipe, options: RecipeOptions, state: State) -> str:
    """Return a digest that changes whenever the identity of a task may have changed.

    It reads only the names, sizes and times of files, so that a command with nothing to do returns
    at once. An equal stamp means equal identities; another stamp means nothing.
    """
    files = [workspace.manifest, file_of(recipe.config), state.path / "tables.txt"]
    files.append(state.path / "tables.md")
    files += workspace.transcripts.glob("*.parquet")
    for folder in workspace.feature_folders:
        files += [*folder.glob("*/*.json"), *folder.glob("*/index/*.parquet")]
    for run in state.runs.values():
        files += [workspace.runs / run / name for name in ("config.yaml", "finished")]
    tasks = [(one.name, one.features, one.config.to_dict()) for one in head_tasks(recipe)]
    facts = [FORMAT, asdict(recipe), tasks, options.text, options.missing]
    facts += [(str(one), _stat(one)) for one in sorted(files)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _stat(path: Path) -> tuple[int, int]:
    if not path.exists():
        return (-1, -1)
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns)
